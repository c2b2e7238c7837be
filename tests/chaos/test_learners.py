"""Learners that are killed, two at a time, over a Redis that goes back: the model is that of one undisturbed pass."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer

from cem.learning.published import HEAD_BYTES, read_head, snapshot_in
from cem.learning.pupil import Command
from cem.learning.snapshot import digest
from cem.streams.model_writer import model_key
from cem.streams.topics import examples_topic
from tests.builders.examples_log import ExamplesLog, ModelValues, advance, digest_of, writer
from tests.chaos.harness import is_long, seed_of, wipe
from tests.servers.child import Child, wait_until
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]

TOPIC = examples_topic("churn")
T0_MS = 1_790_000_000_000
MINUTE_MS = 60_000
#: An hour of the log goes by every so many examples: corrections are repaired after it.
PER_HOUR = 240


def examples(log: ExamplesLog, dice: random.Random, many: int) -> None:
    """Put a history into the log: examples, repeats of them, corrections, a pin and a rollback."""
    for number in range(many):
        at_ms = T0_MS + number * 60 * MINUTE_MS // PER_HOUR
        calls = dice.randrange(11)
        x = {"contacts_30d": float(calls), "price": float(number % 5)}
        y = int(calls > 7)
        source = f"churn/C{number}/1"
        log.add(x, y, source=source, at_ms=at_ms, lane="/lanes/0/ticks", sequence=number + 1)
        if dice.random() < 0.02:
            log.add(x, y, source=source, at_ms=at_ms, lane="/lanes/0/ticks", sequence=number + 1)
        if dice.random() < 0.02:
            log.add(None, 1, source=f"churn/C{dice.randrange(number + 1)}/1", at_ms=at_ms)
        if number == many // 3:
            log.command(Command(pin="bayes", why="cheaper"), at_ms)
        if number == many // 2:
            log.command(Command(rollback=many // 4, why="a bad afternoon"), at_ms)


class Learners:
    """Two learners of one model, as processes."""

    def __init__(self, kafka: KafkaServer, redis: RedisServer, folder: Path) -> None:
        self._folder = folder
        self._environ = {
            **os.environ,
            "CEM_KAFKA_BOOTSTRAP": kafka.bootstrap,
            "CEM_REDIS_URL": redis.url,
            "CEM_PARTITIONS": "1",
            "CEM_MODELS": "churn",
            "CEM_MODEL_PUBLISH_S": "0.2",
            "CEM_MODEL_PUBLISH_EXAMPLES": "60",
            "CEM_MODEL_KEEP_S": "0.5",
        }
        self.children: dict[str, Child] = {}
        self.killed = 0

    def keep_up(self) -> None:
        """Start whoever does not run: one that was killed, or that gave way to the other."""
        for name in ("a", "b"):
            if name not in self.children or not self.children[name].alive:
                environ = {**self._environ, "CEM_STATE_DIR": str(self._folder / name)}
                command = [sys.executable, "-m", "cem", "learner"]
                self.children[name] = Child(command, log=self._folder / f"{name}.log", env=environ)

    def kill(self, name: str) -> None:
        """Kill one at once."""
        self.killed += self.children[name].alive
        self.children[name].kill()

    def close(self) -> None:
        """Kill both."""
        for child in self.children.values():
            child.kill()


def test_two_learners_killed_at_random_learn_what_one_pass_learns(
    chaos_servers: tuple[KafkaServer, RedisServer], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Kills at any moment, two writers by mistake, an old model put back into Redis: the model ends equal, by its hash."""
    kafka, redis = chaos_servers
    wipe(kafka, redis)
    dice = random.Random(seed := seed_of(request.node.name))
    print(f"CEM_CHAOS_SEED={seed}")
    log = ExamplesLog("churn")
    examples(log, dice, many=20_000 if is_long() else 700)
    # The records have their times of the history: by Kafka's own retention they are too old already.
    kafka.create_topics(TOPIC, partitions=1, retention_ms=-1)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "enable.idempotence": True})
    learners = Learners(kafka, redis, tmp_path)
    kills = 60 if is_long() else 2
    end = len(log.records)
    cuts = [end * (n + 1) // (kills + 1) for n in range(kills + 1)]
    old: bytes | None = None
    written = 0
    try:
        for round_, cut in enumerate(cuts):
            for record in log.records[written:cut]:
                producer.produce(
                    TOPIC, record.value, b"C1", headers=list(record.headers), timestamp=record.timestamp
                )
            assert producer.flush(120) == 0
            learners.keep_up()
            # Anywhere between: before it has begun, in the midst of it, or when all is learnt.
            wait_until(
                _reached(learners, redis, dice.randrange(written, cut)),
                timeout_s=180,
                what="something is learnt",
            )
            written = cut
            if round_ < kills:
                learners.kill(dice.choice("ab"))
            if round_ == kills // 3:
                old = redis.command("GET", model_key("churn"))
            if round_ == 2 * kills // 3 and old is not None:
                redis.command("SET", model_key("churn"), old)
        wait_until(_reached(learners, redis, end - 1), timeout_s=180, what="all is learnt")
        value = redis.command("GET", model_key("churn"))
    finally:
        learners.close()
    clean = advance(writer(log, ModelValues(), tmp_path / "clean", every=10**9))
    assert learners.killed >= kills - 1
    assert clean.pupil.repairs > 0 and clean.pupil.rollbacks == 1
    assert clean.pupil.passed_over["repeat"] > 0
    assert digest(snapshot_in(value)) == digest(digest_of(clean))


def _reached(learners: Learners, redis: RedisServer, version: int) -> Callable[[], bool]:
    def condition() -> bool:
        learners.keep_up()
        value = redis.command("GET", model_key("churn"))
        return value is not None and read_head(value[:HEAD_BYTES]).version >= version

    return condition
