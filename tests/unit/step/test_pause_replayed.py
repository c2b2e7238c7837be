"""Which types are paused is an input of the step that the journal keeps: whatever is killed, the same are held out."""

from __future__ import annotations

import asyncio

import pytest

from cem.domain.events import CallEnded, CallStarted, Event, encode
from cem.domain.restraint import NOTHING, Restraint
from cem.domain.state.lane import LaneState
from cem.domain.state.ledger import LEDGER
from cem.domain.subjects import lane_subject, state_suffix
from cem.stores import MemoryCore
from tests.builders.customers import DAY, HOUR, MINUTE, T0
from tests.builders.one_lane import LANE, Crash
from tests.builders.records import LogRecord
from tests.unit.step.test_brake_replayed import Lane

PAUSED = Restraint(paused=("repeat_call",))
NAMES = [f"c{number}" for number in range(6)]


def repeated(customer: str, first: int) -> list[LogRecord]:
    """Return two calls about one matter, a day apart."""
    events: list[tuple[int, Event]] = []
    for call, at_ms in (("1", T0), ("2", T0 + DAY)):
        events.append((at_ms, CallStarted(call_id=f"{customer}-{call}", reason="billing")))
        events.append((at_ms + 5 * MINUTE, CallEnded(call_id=f"{customer}-{call}", duration_s=300)))
    records = []
    for number, (at_ms, event) in enumerate(events):
        id_ = f"{customer}-{number}"
        headers, value = encode(event, id=id_, source="t", time_ms=at_ms, customer_id=customer)
        records.append(LogRecord("cem.calls", LANE, first + number, at_ms, customer.encode(), value, headers))
    return records


async def history(dies_at: str) -> Lane:
    """Half of the customers call before the type is paused, half after; the worker dies where the pause counts."""
    lane = Lane()
    records = [record for number, name in enumerate(NAMES) for record in repeated(name, 4 * number)]
    lane.inputs["cem.calls"] = records
    pipeline = lane.owner()
    await pipeline.open()
    half = len(records) // 2
    for batch, restraint in ((records[:half], NOTHING), (records[half:], PAUSED)):
        lane.restraint = restraint
        if restraint is PAUSED:
            lane.dies_at = dies_at
        try:
            await pipeline.apply("cem.calls", batch, T0 + DAY + HOUR)
        except Crash:
            # It goes on before the next worker finds the entry of what was done while it was paused.
            lane.restraint = NOTHING
            pipeline = lane.owner()
            await pipeline.open()
            lane.restraint = PAUSED if dies_at == "" else NOTHING
            await pipeline.apply("cem.calls", batch, T0 + DAY + HOUR)
    lane.restraint = NOTHING
    while await pipeline.tick(T0 + 20 * DAY):
        pass
    return lane


@pytest.mark.parametrize("dies_at", ["journalled", "saved", "published"])
def test_whom_a_pause_held_out_stays_held_out_when_it_is_done_again(dies_at: str) -> None:
    """And is tallied with those of the pause, long after its end."""
    undisturbed = asyncio.run(history(""))
    lane = asyncio.run(history(dies_at))
    assert lane.dies_at == ""
    assert lane.ended() == undisturbed.ended()
    own = LaneState.decode(undisturbed.ended().states[state_suffix(lane_subject(LANE))]).look(LEDGER)
    usual, paused = [
        sum(arm["repeat_call"].of for arm in arms if "repeat_call" in arm)
        for arms in ((own.told, own.held_out), (own.told_paused, own.held_out_paused))
    ]
    assert (usual, paused) == (3, 3)
    assert own.held_out_paused["repeat_call"].of > 0


def test_following_from_the_start_holds_out_the_same() -> None:
    """An empty store, and nothing paused any more: the same bytes again."""
    lane = asyncio.run(history(""))
    before = lane.ended()
    core = MemoryCore()
    asyncio.run(lane.owner(core=core).open())
    assert lane.ended(core) == before
