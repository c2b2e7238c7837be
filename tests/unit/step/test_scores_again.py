"""What models said when a step was first made is what a step made again gets, whatever they would say by then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cem.domain import view
from cem.domain.customer import decode_customer
from cem.domain.events import CallEnded, CallStarted, CallTurn, PlanChanged, Speaker
from cem.domain.events.base import Event
from cem.domain.scores import Recorded
from cem.journal import decode_entry, encode_entry
from cem.stores import MemoryCore
from tests.builders.customers import DAY, HOUR, MINUTE, T0
from tests.builders.one_lane import Crash, Moment, OneLane
from tests.builders.records import LogRecord, record_of


class Moody:
    """Models that say something else each time they are asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, model: str, question: Any) -> tuple[int, Any] | None:
        self.asked += 1
        answers = {
            "sentiment": [-self.asked],
            "about": ["slow"],
            "satisfaction": [100 + self.asked, 60, 200, self.asked, []],
            "churn": [100 + self.asked, self.asked, [1]],
        }
        return (self.asked, answers[model]) if model in answers else None


def history() -> list[Moment]:
    """Return a contract, a call, and a week that passes."""
    said = [
        CallStarted(call_id="c1", reason="coverage"),
        CallTurn(call_id="c1", turn=1, speaker=Speaker.CUSTOMER, text="it is slow"),
        CallTurn(call_id="c1", turn=2, speaker=Speaker.CUSTOMER, text="still slow"),
        CallEnded(call_id="c1", duration_s=60),
    ]
    calls = [record(event, T0 + HOUR + n * MINUTE, n) for n, event in enumerate(said)]
    plan = record(PlanChanged(plan="M", price_minor=2000), T0, 0)
    late = record(CallStarted(call_id="c2"), T0 + 20 * DAY, len(said))
    return [
        Moment(T0, "cem.billing", [plan]),
        Moment(T0 + HOUR, "cem.calls", calls),
        Moment(T0 + 20 * DAY, "cem.calls", [late]),
    ]


def record(event: Event, at_ms: int, offset: int) -> LogRecord:
    made = record_of(event, key="C1", time_ms=at_ms, id=f"e{at_ms}")
    return made._replace(partition=0, offset=offset)


async def drive(lane: OneLane, *, dies_at: str = "") -> None:
    """Take the history; the worker dies at each passage of the point, once a moment."""
    for moment in history():
        lane.inputs[moment.topic] += moment.records
    pipeline = lane.owner()
    await pipeline.open()
    for moment in history():
        lane.dies_at = dies_at
        while True:
            try:
                if not pipeline.is_open:
                    await pipeline.open()
                while await pipeline.tick(moment.lane_time_ms):
                    pass
                await pipeline.apply(moment.topic, moment.records, moment.lane_time_ms)
                break
            except Crash:
                pipeline = lane.owner()
    await lane.owner().open()


@pytest.mark.parametrize("dies_at", ["journalled", "before-journal", "saved", "published"])
def test_following_the_journal_asks_nobody(dies_at: str) -> None:
    """Killed between entry and save, the lane follows with the answers of the entry; states need no model."""
    lane = OneLane()
    lane.stepper._models = models = Moody()
    asyncio.run(drive(lane, dies_at=dies_at))
    ended = lane.ended()
    asked = models.asked
    # The same journal, an empty store, and nobody who could be asked.
    lane.entries = [decode_entry(encode_entry(entry)) for entry in lane.entries]
    lane.stepper._models = None
    core = MemoryCore()
    lane.published.clear()
    asyncio.run(lane.owner(core=core).open())
    assert lane.ended(core).states == ended.states
    assert models.asked == asked
    customer = decode_customer(next(iter(v for k, v in ended.states.items() if k.startswith("c:"))))
    assert view.mood(customer, T0 + 20 * DAY) is not None
    assert view.churn_risk(customer, T0 + 20 * DAY) is not None


def test_a_release_that_asks_more_goes_on_without() -> None:
    """An entry of before has no answer to what was not asked then, and those after it are still found."""
    first = Recorded(lambda model, question: (7, [model]), None)
    assert first.ask("sentiment", "x") == ["sentiment"] and first.ask("churn", b"") == ["churn"]
    again = Recorded(lambda model, question: (8, ["other"]), first.written())
    assert [again.ask(name, "") for name in ("sentiment", "about", "churn", "churn")] == [
        ["sentiment"],
        None,
        ["churn"],
        None,
    ]
    assert Recorded(None, None).written() == b""
