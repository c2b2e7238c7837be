"""What every test can use: real servers, names of its own, and a summary that says aloud what did not run.

A server that cannot be had skips the tests that need it, and the run ends with the reasons in capitals. With
`CEM_REQUIRE_ALL=1` (as `.ci/run` sets it) nothing may be skipped: each skip is a failure.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

import pytest
from hypothesis import settings

from tests.servers import kafka as real_kafka
from tests.servers import prometheus as real_prometheus
from tests.servers import redis as real_redis
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

# Before anything imports them: their assertions explain themselves as those of tests do.
pytest.register_assert_rewrite("tests.builders.store_contract", "tests.builders.stores")

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

# How long an example takes says nothing on a machine that does other things too.
settings.register_profile("cem", deadline=None)
#: `pytest --hypothesis-profile long`: for hours in which nobody waits.
settings.register_profile("long", deadline=None, max_examples=5_000)
settings.load_profile("cem")

REQUIRE_ALL = os.environ.get("CEM_REQUIRE_ALL", "") not in {"", "0"}

#: What tells why a marked server cannot be had; None when it can.
MISSING: dict[str, Callable[[], str | None]] = {
    "kafka": real_kafka.missing,
    "redis": real_redis.missing,
    "prometheus": real_prometheus.missing,
}

#: What a test that asks for one of these fixtures is marked with, so that `-m "not kafka"` leaves it out.
NEEDS = {"kafka": "kafka", "kafka_server": "kafka", "start_kafka": "kafka", "redis_server": "redis"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the servers that its fixtures start."""
    for item in items:
        for marker in sorted({NEEDS[name] for name in getattr(item, "fixturenames", ()) if name in NEEDS}):
            item.add_marker(marker)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose marked server cannot be had, whether or not it asks for a fixture."""
    for marker, missing in MISSING.items():
        if item.get_closest_marker(marker) and (reason := missing()):
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a test's skip into a failure when everything is required."""
    return _strictly((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a whole module's skip into a failure when everything is required."""
    return _strictly((yield))


def _strictly(report: Report) -> Report:
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although CEM_REQUIRE_ALL is set: {_reason(report.longrepr)}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in capitals what was skipped and why."""
    skipped: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = _reason(report.longrepr)
        skipped[reason] = skipped.get(reason, 0) + 1
    if not skipped:
        return
    terminalreporter.section("NOT EVERYTHING RAN", sep="!", red=True, bold=True)
    for reason, count in sorted(skipped.items()):
        tests = "TEST WAS" if count == 1 else "TESTS WERE"
        terminalreporter.write_line(f"{count} {tests} SKIPPED: {reason.upper()}", red=True)


def _reason(longrepr: object) -> str:
    text = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return str(text).removeprefix("Skipped: ")


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    """One real Kafka for the whole run. Leave it running; a test that breaks its Kafka asks for `start_kafka`."""
    if reason := real_kafka.missing():
        pytest.skip(reason)
    with KafkaServer() as server:
        yield server


@pytest.fixture(scope="session")
def kafka(kafka_server: KafkaServer) -> str:
    """The bootstrap address of the run's Kafka."""
    return kafka_server.bootstrap


@pytest.fixture
def start_kafka() -> Iterator[Callable[..., KafkaServer]]:
    """Start a Kafka of the test's own: `start_kafka(**KafkaServer arguments)`; gone after the test."""
    if reason := real_kafka.missing():
        pytest.skip(reason)
    started: list[KafkaServer] = []

    def start(**arguments: object) -> KafkaServer:
        server = KafkaServer(**arguments)  # type: ignore[arg-type]
        started.append(server)
        return server.start()

    yield start
    for server in reversed(started):
        server.close()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One real Redis for the whole run. Leave it running; use a database or keys of the test's own."""
    if reason := real_redis.missing():
        pytest.skip(reason)
    with RedisServer() as server:
        yield server


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics, groups and keys that no other test of the run shares: `t1a2b3c4d.`."""
    return f"t{uuid.uuid4().hex[:8]}."
