"""Use of messages per line and cycle against sums over all messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain import view
from cem.domain.customer import new_customer
from cem.domain.events import ProfileChanged, SmsDestination, SmsRated
from cem.domain.fold import fold
from cem.domain.localtime import cycle_bounds
from tests.builders.customers import DAY, HOUR, MINUTE, T0, Context, household, received

messages = st.lists(
    st.tuples(
        st.integers(0, 100 * 24 * 60),
        st.sampled_from(["+1", "+2"]),
        st.integers(1, 4),
        st.sampled_from(list(SmsDestination)),
        st.sampled_from([None, True, False]),
        st.sampled_from([0, 0, 9, 150]),
    ),
    max_size=40,
)


def brute_cycle(at_ms: int, day: int, zone: ZoneInfo) -> datetime:
    """Return the local beginning of the cycle by walking back day by day."""
    local = datetime.fromtimestamp(at_ms / 1000, zone)
    today = local.date()
    while True:
        last = (today.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        if today.day == min(day, last.day):
            return datetime(today.year, today.month, today.day, tzinfo=zone)
        today -= timedelta(days=1)


@settings(max_examples=150, deadline=None)
@given(
    messages, st.integers(1, 31), st.sampled_from(["UTC", "Asia/Ho_Chi_Minh", "America/New_York"]), st.data()
)
def test_any_order_gives_the_sums_of_the_two_newest_cycles(
    drawn: list[tuple[int, str, int, SmsDestination, bool | None, int]],
    day: int,
    zone: str,
    data: st.DataObject,
) -> None:
    """Messages, segments and charges of the two newest cycles of each line are those of a plain sum."""
    ctx = Context(T0 + 200 * DAY)
    customer = new_customer("C1")
    fold(customer, received(ProfileChanged(cycle_day=day, timezone=zone), T0 - DAY), ctx)
    arrived = data.draw(st.permutations(drawn))
    for number, (minutes, line, segments, destination, inside, charge) in enumerate(arrived):
        event = SmsRated(
            line=line, segments=segments, destination=destination, in_allowance=inside, charge_minor=charge
        )
        fold(customer, received(event, T0 + minutes * MINUTE, sequence=number), ctx)
    tz = ZoneInfo(zone)
    for line in ("+1", "+2"):
        mine = [m for m in drawn if m[1] == line]
        assert (line in customer.lines) == bool(mine)
        if not mine:
            continue
        starts = {m: brute_cycle(T0 + m[0] * MINUTE, day, tz) for m in mine}
        newest = max(starts.values())
        before = brute_cycle(int(newest.timestamp() * 1000) - 1, day, tz)
        for start in (newest, before):
            at_ms = int(start.timestamp() * 1000)
            inside_cycle = [m for m in mine if starts[m] == start]
            cycle = view.usage_cycle(customer, line, at_ms)
            if cycle is None:
                assert not inside_cycle
                continue
            assert cycle.start_ms == at_ms
            assert cycle.messages == len(inside_cycle)
            assert cycle.segments == sum(m[2] for m in inside_cycle)
            covered = (SmsDestination.ONNET, SmsDestination.OFFNET, SmsDestination.OTHER)
            assert cycle.counted == sum(m[2] for m in inside_cycle if m[4] or m[3] in covered)
            assert cycle.charged == sum(m[5] > 0 for m in inside_cycle)
            assert view.charged_by_destination(cycle) == {
                str(d): sum(m[5] for m in inside_cycle if m[3] is d)
                for d in SmsDestination
                if any(m[5] for m in inside_cycle if m[3] is d)
            }
            assert view.charged_minor(customer, at_ms, line) == sum(m[5] for m in inside_cycle)


@pytest.mark.parametrize(
    ("at", "day", "zone", "start", "end"),
    [
        ("2025-03-15T12:00", 1, "UTC", "2025-03-01T00:00", "2025-04-01T00:00"),
        ("2025-03-15T12:00", 31, "UTC", "2025-02-28T00:00", "2025-03-31T00:00"),
        ("2024-02-29T00:00", 30, "UTC", "2024-02-29T00:00", "2024-03-30T00:00"),
        ("2025-01-01T00:00", 15, "UTC", "2024-12-15T00:00", "2025-01-15T00:00"),
        # 05:00 UTC on the 1st is still the last evening of the month before in New York.
        ("2025-03-01T04:59", 1, "America/New_York", "2025-02-01T05:00", "2025-03-01T05:00"),
        # The clocks change within the cycle: it is an hour shorter.
        ("2025-03-15T12:00", 1, "America/New_York", "2025-03-01T05:00", "2025-04-01T04:00"),
    ],
)
def test_cycles_follow_the_calendar_and_the_zone(at: str, day: int, zone: str, start: str, end: str) -> None:
    """A cycle runs from its day's local midnight to the next one's; short months end on their last day."""

    def ms(text: str) -> int:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)

    assert cycle_bounds(ms(at), day, ZoneInfo(zone)) == (ms(start), ms(end))


def test_an_unknown_zone_falls_back_to_the_operators() -> None:
    """A profile with a zone that does not exist uses the operator's zone, not an error."""
    ctx = Context(0, timezone="Asia/Ho_Chi_Minh")
    customer, _ = household(
        [(T0, ProfileChanged(timezone="Mars/Olympus")), (T0 + HOUR, SmsRated(line="+1"))], ctx=ctx
    )
    cycle = view.usage_cycle(customer, "+1", T0 + HOUR)
    assert cycle is not None
    assert cycle.start_ms == int(datetime(2025, 2, 28, 17, tzinfo=UTC).timestamp() * 1000)


def test_a_new_cycle_day_holds_from_the_end_of_the_running_cycle() -> None:
    """Changing the cycle day mid-cycle neither loses nor doubles what was used."""
    customer, _ = household(
        [
            (T0, ProfileChanged(cycle_day=1)),
            (T0 + HOUR, SmsRated(line="+1")),
            (T0 + 2 * HOUR, ProfileChanged(cycle_day=15)),
            (T0 + 20 * DAY, SmsRated(line="+1")),
            (T0 + 30 * DAY, SmsRated(line="+1")),
        ]
    )
    line = customer.lines["+1"]
    assert line.cycle is not None
    assert line.previous is not None
    assert (line.previous.messages, line.cycle.messages) == (2, 1)
    assert line.previous.end_ms == line.cycle.start_ms
    assert line.cycle.end_ms == int(datetime(2025, 4, 15, tzinfo=UTC).timestamp() * 1000)


def test_share_of_the_allowance_by_line_plan_and_table() -> None:
    """What is said of the line wins over what is said of the account."""
    from cem.domain.events import PlanChanged

    customer, _ = household(
        [
            (T0, ProfileChanged(plan="M", sms_allowance=200)),
            (T0 + HOUR, PlanChanged(line="+2", plan="S", sms_allowance=50)),
            (T0 + 2 * HOUR, SmsRated(line="+1", segments=20, destination=SmsDestination.ONNET)),
            (T0 + 2 * HOUR, SmsRated(line="+2", segments=20, destination=SmsDestination.ONNET)),
        ]
    )
    now_ms = T0 + 3 * HOUR
    for line, allowance in (("+1", 200), ("+2", 50)):
        cycle = view.usage_cycle(customer, line, now_ms)
        assert cycle is not None
        assert (cycle.counted, customer.lines[line].allowance) == (20, allowance)
    assert view.usage_cycle(customer, "+2", now_ms + 60 * DAY) is None
    assert view.usage_cycle(customer, "+3", now_ms) is None
