"""A brake is an input of the step that the journal keeps: whatever is killed, the same is told and withheld."""

from __future__ import annotations

import asyncio

import pytest

from cem.domain.events import BillIssued, encode
from cem.domain.localtime import date_of
from cem.domain.restraint import NOTHING, Restraint
from cem.domain.thresholds import AlertPolicy, QuietPolicy, TellPolicy
from cem.step import CemStepper
from cem.step_rules import Rules
from cem.stores import MemoryCore
from cem.streams.dead_letters import dead_letter
from tests.builders.customers import DAY, HOUR, T0
from tests.builders.one_lane import LANE, Crash, OneLane
from tests.builders.records import LogRecord

BRAKE = Restraint(("all",))
CRASHES = ("journalled", "saved", "published")


class Lane(OneLane):
    """One lane whose brake a test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.restraint = NOTHING
        rules = Rules(
            "test",
            alerts=AlertPolicy(tell=TellPolicy(quiet=QuietPolicy(0, 0))),
            late_limit_ms=7 * DAY,
            timezone="UTC",
        )
        self.stepper = CemStepper(
            rules, dead_letter=dead_letter, lane_of=lambda customer_id: LANE, restraint=lambda: self.restraint
        )

    def said(self) -> list[str]:
        """Return topic and id of each message to a customer that was published, each once."""
        found = {
            dict(e.headers)["ce_id"].decode(): e.topic for e in self.published if e.topic != "cem.alerts"
        }
        return [f"{topic} {name}" for name, topic in sorted(found.items())]


def bills(customer: str, first: int) -> list[LogRecord]:
    """Return a usual bill, and a month later one that is much higher."""
    records = []
    for number, total_minor in enumerate((2_000, 5_000)):
        at_ms = T0 + number * 30 * DAY
        event = BillIssued(bill_id=f"b{number}", total_minor=total_minor, due=date_of(at_ms // DAY + 14))
        headers, value = encode(
            event, id=f"{customer}-{number}", source="t", time_ms=at_ms, customer_id=customer
        )
        records.append(
            LogRecord("cem.billing", LANE, first + number, at_ms, customer.encode(), value, headers)
        )
    return records


async def history(dies_at: str) -> Lane:
    """Bills of one customer before the brake, one under it, one after; the worker dies where the brake counts."""
    lane = Lane()
    records = [*bills("A", 0), *bills("B", 2), *bills("C", 4)]
    lane.inputs["cem.billing"] = records
    pipeline = lane.owner()
    await pipeline.open()
    for batch, restraint in ((records[:2], NOTHING), (records[2:4], BRAKE), (records[4:], NOTHING)):
        lane.restraint = restraint
        if restraint is BRAKE:
            lane.dies_at = dies_at
        try:
            await pipeline.apply("cem.billing", batch, T0 + 30 * DAY + HOUR)
        except Crash:
            # The brake is off before the next worker finds the entry of what was done under it.
            lane.restraint = NOTHING
            pipeline = lane.owner()
            await pipeline.open()
            await pipeline.apply("cem.billing", batch, T0 + 30 * DAY + HOUR)
    last = lane.owner()
    await last.open()
    return lane


@pytest.mark.parametrize("dies_at", CRASHES)
def test_what_a_brake_withheld_stays_withheld_when_it_is_done_again(dies_at: str) -> None:
    """The journal says under which brake the entry was made, whatever is set now."""
    undisturbed = asyncio.run(history(""))
    lane = asyncio.run(history(dies_at))
    assert lane.dies_at == ""
    assert lane.said() == undisturbed.said()
    assert [line.split(" ")[0] for line in lane.said()] == ["cem.outreach", "cem.audit", "cem.outreach"]
    assert lane.ended() == undisturbed.ended()


def test_following_from_the_start_says_the_same() -> None:
    """An empty store, and no brake: the same bytes again."""
    lane = asyncio.run(history(""))
    before = lane.ended()
    core = MemoryCore()
    asyncio.run(lane.owner(core=core).open())
    assert lane.ended(core) == before
