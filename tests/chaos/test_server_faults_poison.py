"""Row 29 of the fault matrix: everything on one topic is broken."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from cem.domain.events import CallEnded
from cem.streams.partition import lane_of
from cem.streams.producer import Outgoing
from cem.streams.reject_window import DeadLetterLimits
from tests.chaos.api_under_load import asked_in_long_runs
from tests.chaos.harness import Chaos
from tests.chaos.load import BROKEN
from tests.chaos.recovery import wait_every_lane
from tests.e2e.system import outgoing
from tests.servers.child import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]
TOPIC = CallEnded.TOPIC
CUSTOMER = "poisoned"
#: The requirement: the limit trips within so many seconds.
TRIPS_S = 10.0
#: Fewer than twice the limit: what is left when it trips does not trip it again.
BAD = 150
GOOD = 50


def poison(count: int) -> list[Outgoing]:
    """Return records of one customer that cannot be used."""
    return [Outgoing(TOPIC, CUSTOMER.encode(), ((BROKEN, b"1"),), b"{not json %d" % n) for n in range(count)]


def calls(round_: int) -> list[Outgoing]:
    """Return calls of the same customer that can be used."""
    now_ms = time.time_ns() // 1_000_000
    return [
        outgoing(CallEnded(call_id=f"p{n}", duration_s=60), CUSTOMER, event_id=f"p{n}", time_ms=now_ms)
        for n in range(GOOD * round_, GOOD * (round_ + 1))
    ]


def paused(chaos: Chaos) -> list[tuple[str, int]]:
    """Return the topics and lanes that dead letters have paused."""
    limits = DeadLetterLimits(chaos.plain.settings.dead_letter_share, chaos.plain.settings.dead_letter_run)
    return [
        (topic, lane)
        for lane, header in chaos.plain.headers().items()
        for topic, counts in header.rejects.items()
        if limits.tripped(counts)
    ]


def others_go_on(chaos: Chaos) -> None:
    """Return when every lane has read on in another topic."""
    before = chaos.plain.positions()
    others = [at for at in before if at[0] == "cem.sms-usage"]

    def moved() -> bool:
        now = chaos.plain.positions()
        return all(now[at] > before[at] for at in others)

    wait_until(moved, timeout_s=30, what="the other topics go on", every_s=0.1)


def test_row_29_poison_storm(start_chaos: Callable[..., Chaos]) -> None:
    """The partition pauses within ten seconds, the others go on; each bad record is a letter; resuming reads on, once.

    A second storm right after the first is another pause: who resumed the first has not seen it.
    """
    with start_chaos(duplicates=0.0) as chaos:
        lane = lane_of(CUSTOMER, chaos.plain.settings.partitions)
        chaos.worker("a")
        with asked_in_long_runs(chaos), chaos.produce(rate=chaos.scale(500, 2_000)):
            wait_every_lane(chaos)
            for round_ in range(chaos.scale(2, 10)):
                began = time.monotonic()
                chaos.plain.produce(poison(BAD))
                wait_until(lambda: bool(paused(chaos)), timeout_s=60, what="the limit trips", every_s=0.1)
                taken_s = time.monotonic() - began
                print(f"{chaos.name}: paused after {taken_s:.2f} s", flush=True)
                assert taken_s <= TRIPS_S
                assert paused(chaos) == [(TOPIC, lane)]
                chaos.plain.produce(calls(round_))
                others_go_on(chaos)
                unread = chaos.plain.ends()[TOPIC, lane] - chaos.plain.positions()[TOPIC, lane]
                assert unread >= GOOD
                chaos.plain.command("dead-letters", "resume", TOPIC)
                wait_until(lambda: not paused(chaos), timeout_s=30, what="it is read on", every_s=0.1)
        counters = chaos.verify()
        assert counters.rejected == BAD * chaos.scale(2, 10)
        assert counters.counted + counters.repeated + counters.rejected == counters.records
