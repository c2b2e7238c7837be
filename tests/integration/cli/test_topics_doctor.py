"""`cem topics` and `cem doctor` against real and embedded servers, and against servers that are not there."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cem.embedded.broker import start_broker
from cem.embedded.redis import EmbeddedRedis
from cem.streams.topics import TOPICS
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.slow


class Done:
    """What a command left: exit code, standard output, standard error."""

    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr

    @property
    def data(self) -> Any:
        return json.loads(self.out)


def cem(state_dir: Path, *arguments: str, **variables: str) -> Done:
    """Run a command with only these CEM_ variables."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("CEM_")}
    environ |= {f"CEM_{name.upper()}": value for name, value in variables.items()} | {
        "CEM_STATE_DIR": str(state_dir)
    }
    return Done(
        subprocess.run(
            [sys.executable, "-m", "cem", *arguments],
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    )


def one_sentence(done: Done) -> str:
    """Assert that the command failed with one sentence on standard error, and return it."""
    assert done.out == ""
    lines = done.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("cem: "), done.err
    return lines[0]


@pytest.mark.kafka
def test_topics_are_created_from_the_table_once(
    start_kafka: Callable[..., KafkaServer], tmp_path: Path
) -> None:
    """Created, found as they should be, left alone the second time; a wrong number of lanes is refused."""
    kafka = start_kafka().bootstrap

    def topics(*arguments: str, partitions: int = 6) -> Done:
        return cem(tmp_path, "topics", *arguments, kafka_bootstrap=kafka, partitions=str(partitions))

    missing = topics("check")
    assert missing.code == 1
    assert "missing: run cem topics create" in missing.out

    assert set(topics("create", "--json").data["created"]) == {spec.name for spec in TOPICS}
    again = topics("create", "--json")
    assert (again.code, again.data["created"]) == (0, [])

    assert topics("check", "--json").data == {"verdict": "ok", "differences": []}
    listed = {row["topic"]: row for row in topics("list", "--json").data["topics"]}
    assert listed["cem.calls"]["partitions_found"] == 6
    assert listed["cem.examples.churn"]["partitions_found"] == 1

    wrong = topics("create", partitions=7)
    assert wrong.code == 1
    assert "have 6 partitions, not 7: set CEM_PARTITIONS=6" in one_sentence(wrong)
    assert topics("check", partitions=7).code == 1


@pytest.mark.kafka
def test_credentials_where_none_are_asked_for_are_refused(
    start_kafka: Callable[..., KafkaServer], tmp_path: Path
) -> None:
    """A refusal is one sentence that names the variables."""
    done = cem(
        tmp_path,
        *("topics", "check"),
        kafka_bootstrap=start_kafka().bootstrap,
        kafka_security="SASL_PLAINTEXT",
        kafka_username="cem",
        kafka_password="geheim",
    )
    assert done.code == 4
    assert "refuses cem by SCRAM-SHA-512" in one_sentence(done)
    assert "geheim" not in done.err


@pytest.mark.redis
def test_a_wrong_redis_password_is_one_finding(tmp_path: Path) -> None:
    """With exit code 4, and without the password."""
    with RedisServer(password="right") as server:
        url = f"redis://:wrong@127.0.0.1:{server.port}"
        done = cem(tmp_path, "doctor", "--json", kafka_bootstrap="127.0.0.1:9", redis_url=url)
    assert done.code == 4
    (found,) = [f for f in done.data["findings"] if f["check"] == "redis"]
    assert (found["level"], found["unreachable"]) == ("fail", True)
    assert "wrong" not in found["message"].partition("password")[0]


def test_servers_that_are_away_are_named_without_a_trace(tmp_path: Path) -> None:
    """One sentence each, exit code 4."""
    topics = cem(tmp_path, "topics", "list", kafka_bootstrap="127.0.0.1:9")
    assert topics.code == 4
    assert "nobody listens at 127.0.0.1:9" in one_sentence(topics)
    doctor = cem(tmp_path, "doctor", kafka_bootstrap="127.0.0.1:9", redis_url="redis://127.0.0.1:9")
    assert doctor.code == 4
    assert "fail  kafka: cannot reach Kafka" in doctor.out
    assert "fail  redis: " in doctor.out
    assert "Traceback" not in doctor.out + doctor.err


def test_a_wrong_setting_is_exit_code_2(tmp_path: Path) -> None:
    """It names the variable."""
    assert "CEM_PARTITIONS" in one_sentence(cem(tmp_path, "doctor", kafka_bootstrap="k:1", partitions="many"))
    done = cem(tmp_path, "doctor", kafka_bootstrap="127.0.0.1:9", redis_url="http://x")
    assert (done.code, "CEM_REDIS_URL" in one_sentence(done)) == (2, True)


def test_the_doctor_finds_the_embedded_servers_well(tmp_path: Path) -> None:
    """Every check has its line; a lane that has read nothing is no failure, a missing API a warning."""

    async def scenario() -> Done:
        broker, address = await start_broker(4, tmp_path / "broker.log")
        redis = await EmbeddedRedis.start(tmp_path / "redis", tmp_path / "redis.log")
        try:
            return await asyncio.to_thread(
                cem,
                tmp_path,
                *("doctor", "--json"),
                kafka_bootstrap=address,
                redis_url=redis.url,
                partitions="4",
                api_port="9",
            )
        finally:
            await redis.stop()
            await broker.stop(5)

    done = asyncio.run(scenario())
    by_check = {found["check"]: found["level"] for found in done.data["findings"]}
    assert done.code == 0, done.out
    assert {"version", "kafka", "topics", "redis", "clock", "positions", "lag", "api"} <= set(by_check)
    assert by_check["topics"] == by_check["positions"] == by_check["lag"] == "ok"
    # Not started by cem up, this server counts as anybody's.
    assert by_check["redis version"] == by_check["api"] == "warn"
