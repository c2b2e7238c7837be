"""What a simulated operator says: the same for the same seed, valid, in order, and shaped like life."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from cem.domain.events import EVENT_TYPES, Received, SmsRated, decode
from cem.simulator import Parameters, open_world
from cem.simulator.lines import json_lines
from cem.simulator.parameters import DAY_MS, HOUR_MS
from tests.builders.simulation import lived, log_record


def test_the_same_seed_says_the_same_bytes() -> None:
    """Two worlds of equal parameters write equal lines."""
    first, second = (open_world(Parameters(customers=25, seed=3)) for _ in range(2))
    end = first.parameters.day_start_ms(20)
    assert json_lines(first.advance(end)) == json_lines(second.advance(end))


def test_another_seed_is_another_operator() -> None:
    """The seed matters."""
    worlds = [open_world(Parameters(customers=25, seed=seed)) for seed in (3, 4)]
    said = [json_lines(world.advance(world.parameters.day_start_ms(5))) for world in worlds]
    assert said[0] != said[1]


@pytest.mark.parametrize("step_ms", [7 * HOUR_MS + 1234, DAY_MS, 3 * DAY_MS])
def test_how_time_is_cut_changes_nothing(step_ms: int) -> None:
    """Whatever the steps by which a world is advanced, it says the same in the same order."""
    parameters = Parameters(customers=25, seed=5)
    whole, cut = open_world(parameters), open_world(parameters)
    end = parameters.day_start_ms(25) - 1
    pieces = []
    at = parameters.start_ms
    while at < end:
        at = min(end, at + step_ms)
        pieces += cut.advance(at)
    assert pieces == whole.advance(end)


def test_every_record_is_taken() -> None:
    """Nothing that a world says ends in the dead letters."""
    refused = []
    for event in lived(75, 80).events:
        received = decode(log_record(event))
        if not isinstance(received, Received):
            refused.append(received)
        else:
            assert received.event == event.event
            assert (received.time_ms, received.ingested_ms) == (event.time_ms, event.recorded_ms)
            assert (received.customer_id, received.sequence) == (event.key, event.sequence)
    assert refused == []


def test_every_kind_of_event_occurs() -> None:
    """A world says everything that an operator's systems have to say (not what we ourselves say)."""
    silent = {
        # Ours: decisions, outcomes and what people change come from the API, alerts and outreach from the lanes.
        *(
            name
            for name, kind in EVENT_TYPES.items()
            if kind.TOPIC in ("cem.decisions", "cem.outcomes", "cem.control", "cem.alerts", "cem.outreach")
            or kind.TOPIC in ("cem.inbox", "cem.audit")
        ),
        "contact.answered",
        "customer.merged",
        "customer.split",
        "customer.erased",
    }
    said = {event.event.TYPE for event in lived(75, 80).events}
    assert {name for name in EVENT_TYPES if name not in silent and "identifier" not in name} - said <= {
        "ticket.updated",
        "payment.failed",
        "plan.changed",
    }


def test_a_customer_is_heard_in_the_order_of_recording() -> None:
    """Records come in the order of their ingestion; each source numbers a customer's records without a gap."""
    events = lived(75, 80).events
    assert all(a.recorded_ms <= b.recorded_ms for a, b in pairwise(events))
    numbers: dict[tuple[str, str], int] = defaultdict(int)
    for event in events:
        numbers[(event.key, event.source)] += 1
        assert event.sequence == numbers[(event.key, event.source)]
    assert len({(event.source, event.id) for event in events}) == len(events)


def test_some_messages_arrive_late_and_none_too_early() -> None:
    """A share of the messages is recorded after it was sent, by at most six hours."""
    delays = [e.recorded_ms - e.time_ms for e in lived(75, 80).events if isinstance(e.event, SmsRated)]
    late = sum(delay > 0 for delay in delays) / len(delays)
    assert 0.02 < late < 0.04
    assert min(delays) == 0
    assert max(delays) <= 6 * HOUR_MS


def test_texting_has_the_rhythm_of_a_day_and_a_heavy_tail() -> None:
    """Nights are quiet, evenings lively, and a tenth of the lines sends a large part of all messages."""
    hours: Counter[int] = Counter()
    lines: Counter[str] = Counter()
    for event in lived(75, 80).events:
        if isinstance(event.event, SmsRated):
            hours[datetime.fromtimestamp(event.time_ms / 1000, tz=UTC).hour] += 1
            lines[event.event.line] += 1
    night, evening = sum(hours[h] for h in range(1, 6)), sum(hours[h] for h in range(17, 22))
    assert night * 8 < evening
    counts = sorted(lines.values(), reverse=True)
    assert sum(counts[: len(counts) // 10]) > 0.25 * sum(counts)


def test_calls_come_by_day_and_end() -> None:
    """Nobody calls at night, and every call that began has ended."""
    events = lived(75, 80).events
    started = {e.event.call_id: e for e in events if e.event.TYPE == "call.started"}
    ended = {e.event.call_id for e in events if e.event.TYPE == "call.ended"}
    horizon = lived(75, 80).world.now_ms - HOUR_MS
    assert started
    for call_id, event in started.items():
        assert 7 <= datetime.fromtimestamp(event.time_ms / 1000, tz=UTC).hour <= 22
        assert call_id in ended or event.time_ms > horizon


def test_who_has_left_is_silent() -> None:
    """After its last day a household sends no message; its profile is closed."""
    closed = {}
    for event in lived(110, 120).events:
        if event.event.TYPE == "profile.changed" and str(event.event.status) == "closed":
            closed[event.key] = event.time_ms
        elif isinstance(event.event, SmsRated) and event.key in closed:
            assert event.time_ms <= closed[event.key] + 2 * HOUR_MS
    assert closed


def test_the_clock_of_another_zone_moves_the_day() -> None:
    """Where clocks are seven hours ahead of UTC the night is seven hours earlier in UTC."""
    world = open_world(Parameters(customers=60, utc_offset_min=420))
    hours = Counter(
        datetime.fromtimestamp(e.time_ms / 1000, tz=UTC).hour
        for e in world.advance(world.parameters.day_start_ms(5))
        if isinstance(e.event, SmsRated)
    )
    assert sum(hours[h] for h in (18, 19, 20, 21, 22)) * 5 < sum(hours[h] for h in (10, 11, 12, 13, 14))
