"""What chaos tests share: a system on servers of its own, a load, a log of kills, and the verdict at the end.

    def test_row_NN_what_happens(start_chaos):
        \"\"\"What holds.\"\"\"
        with start_chaos(session_timeout_s=3) as chaos:
            a, b = chaos.worker("a"), chaos.worker("b")
            with chaos.produce(rate=2_000):
                ...                                    # faults: chaos.kills, chaos.kafka, chaos.redis, chaos.draw
            chaos.verify()

Small by default; `CEM_CHAOS=long` makes runs long, `CEM_CHAOS_SEED` sets the seed, `CEM_CHAOS_REPORT` names a file
to which each verdict is appended as a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from confluent_kafka.admin import AdminClient

from cem.streams.connection import client_options
from cem.streams.topic_admin import ensure_topics
from tests.chaos.kills import KillLog
from tests.chaos.load import Load
from tests.chaos.producer import BackgroundProducer
from tests.chaos.verify import Counters, Violated, check
from tests.e2e.system import System
from tests.servers.child import wait_until
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

__all__ = ["Chaos", "is_long", "seed_of", "wipe"]

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]

#: Alerts that are told although their contact is a week old, so that their end falls due within seconds.
_ALERTS = """version: 1
repeat_call: {deliver_within_h: 720}
sms_velocity: {minimum: 8, offset: 1.6, young_minimum: 8}
"""


def is_long() -> bool:
    """Return whether this is `make chaos`, and not a part of `make test`."""
    return os.environ.get("CEM_CHAOS", "") == "long"


def seed_of(name: str) -> int:
    """Return the seed of a test: `CEM_CHAOS_SEED`, or one of its own that stays (a long run draws a new one)."""
    if given := os.environ.get("CEM_CHAOS_SEED"):
        return int(given)
    if is_long():
        return random.SystemRandom().randrange(1, 1_000_000)
    return sum(name.encode()) % 100_000


class Chaos:
    """One system under faults. As a context manager it ends its processes, and says its seed if something failed."""

    def __init__(
        self,
        name: str,
        *,
        kafka: KafkaServer,
        redis: RedisServer,
        state_dir: Path,
        seed: int,
        partitions: int = 4,
        kafka_address: str | None = None,
        redis_url: str | None = None,
        customers: int | None = None,
        duplicates: float = 0.03,
        late: float = 0.02,
        broken: float = 0.0,
        **settings: object,
    ) -> None:
        """Prepare a system on running servers; its topics are there, and empty.

        kafka_address, redis_url: where the system finds the servers if not at their own addresses (a proxy). The
        load is always written, and the verdict always found, at the servers' own.
        customers, duplicates, late, broken: of the load, see `Load`. settings: of the workers, by name.
        """
        self.name = name
        self.seed = seed
        #: Every random choice of the test comes from here.
        self.draw = random.Random(seed)
        self.kafka = kafka
        self.redis = redis
        self.kills = KillLog()
        self.began = time.monotonic()
        if customers is None:
            # Enough of them that nobody has more ids than are remembered.
            customers = self.scale(400, 6_000)
        self.load = Load(seed, customers=customers, duplicates=duplicates, late=late, broken=broken)
        policies = state_dir / "policies"
        policies.mkdir(parents=True, exist_ok=True)
        (policies / "alerts.yaml").write_text(_ALERTS)
        common: dict[str, object] = {
            "late_limit_s": 40 * 86_400,
            "session_timeout_s": self.scale(2.5, 6.0),
            "group": f"chaos-{name}-{seed}",
            **settings,
            "policies": policies,
        }
        self.system = System(
            kafka=kafka_address or kafka.bootstrap,
            redis=redis_url or redis.url,
            state_dir=state_dir,
            partitions=partitions,
            **common,
        )
        #: The same settings without proxies: what the harness itself uses.
        self.plain = System(
            kafka=kafka.bootstrap, redis=redis.url, state_dir=state_dir, partitions=partitions, **common
        )
        self.counters: Counters | None = None
        self.producers: list[BackgroundProducer] = []
        #: Workers by name: those that this test has started and not taken away.
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        asyncio.run(ensure_topics(self.plain.settings))

    def scale(self, short: T, long: T) -> T:
        """Return `short` within `make test`, `long` within `make chaos`."""
        return long if is_long() else short

    # -- load --------------------------------------------------------------------------------------------------

    def produce(self, **options: Any) -> BackgroundProducer:
        """Return a producer of the load, not started: use it as a context manager. See `BackgroundProducer`."""
        producer = BackgroundProducer(self.load, client_options(self.plain.settings), **options)
        self.producers.append(producer)
        return producer

    def produce_now(self, count: int) -> None:
        """Write so many records and return when they are acknowledged."""
        with self.produce(rate=0, chunk=1_000, total=count) as producer:
            producer.join()

    # -- workers -----------------------------------------------------------------------------------------------

    def worker(self, name: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker under a name that stays (CEM_... settings of its own as `environment`)."""
        process = self.system.worker(name, **environment)
        self.workers[name] = process
        return process

    def odd_worker(self, name: str, what: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker with one thing wrong: see `tests.chaos.odd_worker`."""
        with (self.system.state_dir / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.odd_worker", what, "worker", "--worker-id", name],
                env={**self.system.environment, **environment},
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        self.system.processes.append(process)
        self.workers[name] = process
        return process

    def kill(self, name: str, *, restart: bool = True) -> None:
        """SIGKILL the worker of that name, log it, and start it again at once unless told otherwise."""
        self.kills.kill(self.workers[name], name)
        if restart:
            self.worker(name)
        else:
            del self.workers[name]

    def wait_lanes(self, name: str, within_s: float = 60.0) -> None:
        """Return when the log of the worker says that it was given lanes (for the first time)."""
        wait_until(
            lambda: "lanes: " in self.system.log(name),
            timeout_s=within_s,
            what=f"worker {name} has its lanes",
        )

    def wait_seconds(self, least: float, most: float) -> None:
        """Let a random time pass: the moment of a fault."""
        time.sleep(self.draw.uniform(least, most))

    def wait_moving(self, within_s: float = 60.0) -> float:
        """Return the seconds until some lane has applied more than it had."""
        began = time.monotonic()
        before = self.plain.positions()
        wait_until(
            lambda: self.plain.positions() != before, timeout_s=within_s, what="a lane moves", every_s=0.1
        )
        return time.monotonic() - began

    def wait_more(self, records: int, within_s: float = 120.0) -> None:
        """Return when the lanes have applied so many records more than they had."""
        self.wait_applied(sum(self.plain.positions().values()) + records, within_s)

    def wait_applied(self, records: int, within_s: float = 60.0) -> None:
        """Return when the lanes have applied so many records in all."""
        wait_until(
            lambda: sum(self.plain.positions().values()) >= records,
            timeout_s=within_s,
            what=f"{records} records applied",
            every_s=0.1,
        )

    def stop_workers(self, within_s: float = 15.0) -> dict[str, int]:
        """End all workers in an orderly way and return their exit codes."""
        stopping, self.workers = self.workers, {}
        for process in stopping.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGTERM)
        return {name: process.wait(within_s) for name, process in stopping.items()}

    # -- the verdict -------------------------------------------------------------------------------------------

    def verify(
        self, *, within_s: float | None = None, dead_branches: bool = False, worker: str = "verifier"
    ) -> Counters:
        """Wait until everything is read, end the workers, and raise Violated unless the system is as its log says.

        within_s: longest time until nothing is unread (the default allows for the backlog).
        dead_branches: Redis went back in time in this test: what a publisher said of a history that is gone may differ.
        """
        assert not any(producer.running for producer in self.producers), "verify after the producer's block"
        if not any(process.poll() is None for process in self.workers.values()):
            self.worker(worker)
        if within_s is None:
            within_s = 60.0 + self.unread() / 2_000
        self.plain.wait_read(within_s, still_s=60.0 if is_long() else 0.0)
        codes = self.stop_workers()
        self.say_progress()
        counters = self._check(dead_branches)
        if counters.missing:
            # A worker that was killed, or ended while it published, left the rest in its lane's outbox.
            self.worker(worker)
            self._wait_opened(worker)
            self.stop_workers()
            counters = self._check(dead_branches)
        self.counters = counters
        self._report(counters, codes)
        if counters.violations:
            raise Violated(f"seed {self.seed}: {counters.violations}\n{counters}")
        return counters

    def say_progress(self) -> None:
        """Print how far the test is."""
        written = sum(producer.written for producer in self.producers)
        applied = sum(self.plain.positions().values())
        print(
            f"{self.name}: {time.monotonic() - self.began:.0f} s, {self.kills.sigkills} SIGKILLs, "
            f"{written:,} records written, {applied:,} applied",
            flush=True,
        )

    def unread(self) -> int:
        """Return how many records of the log have not been applied."""
        ends = self.plain.ends()
        try:
            positions = self.plain.positions()
        except Exception:  # Redis may be the one that is down in this test
            positions = {}
        return sum(max(0, end - positions.get(key, 0)) for key, end in ends.items())

    def _check(self, dead_branches: bool) -> Counters:
        if not is_long():
            return check(self.plain.settings, self.load, dead_branches=dead_branches)
        # The product's own commands beside the harness's reckoning: two processes, two cores.
        with ThreadPoolExecutor(1) as pool:
            replay = pool.submit(self._replay)
            return check(
                self.plain.settings, self.load, dead_branches=dead_branches, replay=lambda: replay.result()
            )

    def _replay(self) -> Sequence[str]:
        done = subprocess.run(
            [sys.executable, "-m", "cem", "replay", "--json"],
            env=self.plain.environment,
            capture_output=True,
            text=True,
            timeout=3_600,
        )
        assert done.stdout, done.stderr
        replayed = json.loads(done.stdout)
        digest = self.plain.json("state", "digest")["digest"]
        if replayed["equal"] and replayed["replayed"]["digest"] == digest:
            return ()
        return replayed["different"] or ["the digest alone differs"]

    def _wait_opened(self, name: str) -> None:
        self.wait_lanes(name)
        time.sleep(1.0)
        self.plain.wait_read(30)

    def _report(self, counters: Counters, codes: dict[str, int]) -> None:
        seconds = round(time.monotonic() - self.began, 1)
        found = msgspec.to_builtins(counters)
        verdict = "VIOLATED" if counters.violations else "holds"
        print(
            f"{self.name}: {verdict}; seed {self.seed}, {seconds} s, {self.kills.sigkills} SIGKILLs, "
            + ", ".join(f"{number} {name}" for name, number in found.items()),
            flush=True,
        )
        if path := os.environ.get("CEM_CHAOS_REPORT"):
            line = {
                "test": self.name,
                "seed": self.seed,
                "seconds": seconds,
                "holds": not counters.violations,
                "violations": counters.violations,
                "sigkills": self.kills.sigkills,
                "counters": found,
                "exit_codes": codes,
                "kills": self.kills.as_json(),
            }
            with open(path, "a") as file:
                file.write(json.dumps(line) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            print(f"{self.name} failed with CEM_CHAOS_SEED={self.seed}", flush=True)
            for log in sorted(self.system.state_dir.glob("*.log")):
                tail = log.read_text(errors="replace").splitlines()[-25:]
                print(f"--- {log.name}\n" + "\n".join(tail), flush=True)
        for system in (self.system, self.plain):
            for process in system.processes:
                if process.poll() is None:
                    process.kill()
                    process.wait()


def wipe(kafka: KafkaServer, redis: RedisServer) -> None:
    """Leave both servers running and empty, whatever the last test did to them."""
    for server in (kafka, redis):
        if server.alive:
            server.resume()
        else:
            server.start()
    redis.command("FLUSHALL")
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})

    def topics() -> list[str]:
        return [name for name in admin.list_topics(timeout=10).topics if name.startswith("cem.")]

    if names := topics():
        for deleted in admin.delete_topics(names, operation_timeout=30).values():
            deleted.result(timeout=30)
        wait_until(lambda: not topics(), timeout_s=30, what="the old topics are gone")
