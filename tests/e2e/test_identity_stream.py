"""Identity on real servers: what knows only a line waits, finds its customer, and follows him through a merge."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cem.domain.events import CustomerMerged, ProfileChanged, ProfileLine, SmsRated
from cem.streams.producer import Outgoing
from tests.e2e.system import System, outgoing
from tests.servers.child import wait_until
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]

LINES = ("+84901234567", "+84907654321")


def inbox(line: str, first: int, count: int) -> list[Outgoing]:
    """Return messages of a line whose customer the sender does not know."""
    now_ms = int(time.time() * 1000)
    event = SmsRated(line=line, recipient="r", in_allowance=True)
    made = [
        outgoing(event, f"line:{line}", event_id=f"{line}-{first + n}", time_ms=now_ms) for n in range(count)
    ]
    return [Outgoing("cem.inbox", record.key, record.headers, record.value) for record in made]


def profile(customer: str, line: str) -> Outgoing:
    """Return the profile by which the customer owns the line."""
    event = ProfileChanged(lines=(ProfileLine(line=line),))
    return outgoing(event, customer, event_id=f"profile-{customer}", time_ms=int(time.time() * 1000))


def test_messages_of_a_line_wait_for_its_customer_and_count_at_him(
    start_kafka: Callable[..., KafkaServer], tmp_path: Path
) -> None:
    """Before the profile they wait, after it they count, a repeat does not; a merge moves all; a replay makes the same."""
    with (
        RedisServer() as redis,
        System(kafka=start_kafka().bootstrap, redis=redis.url, state_dir=tmp_path) as system,
    ):
        system.command("topics", "create")
        worker = system.worker("a", CEM_REGION="VN")
        system.produce([*inbox(LINES[0], 0, 30), *inbox("0907654321", 0, 20), *inbox(LINES[0], 0, 5)])
        system.wait_read()
        waiting = system.json("state", "show", f"line:{LINES[0]}")
        assert (len(waiting["waiting"]), waiting["duplicates"]) == (30, 5)

        system.produce([profile("c1", LINES[0]), profile("c2", LINES[1])])

        def counts(customer: str) -> int:
            try:
                return system.customer(customer).counts[1]
            except (AssertionError, IndexError):
                return 0

        wait_until(lambda: (counts("c1"), counts("c2")) == (30, 20), timeout_s=60, what="counts")
        now_ms = int(time.time() * 1000)
        system.produce([outgoing(CustomerMerged(into="c2"), "c1", event_id="merge", time_ms=now_ms)])
        system.produce([*inbox(LINES[0], 30, 10), *inbox(LINES[1], 20, 10)])
        wait_until(lambda: (counts("c1"), counts("c2")) == (0, 70), timeout_s=60, what="the merge")
        assert system.stop(worker) == 0
        replayed = system.json("replay")
        assert replayed["equal"], replayed["different"]
        assert replayed["replayed"]["customers"] == 2
