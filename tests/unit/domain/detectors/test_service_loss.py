"""Households hit hard by faults, to the millisecond, against a count of every single minute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cem.domain.detectors.lost_time import Span, lost_ms, next_above, next_below, reached_ms
from cem.domain.events import Alert, Event, ServiceDegraded, ServiceKind, ServiceRestored
from cem.domain.fold import next_due_ms
from tests.builders.customers import DAY, HOUR, T0, Context, advance, go_on, household

WEEK = 7 * DAY


def begins(at_ms: int, incident: str = "i1") -> tuple[int, Event]:
    return at_ms, ServiceDegraded(kind=ServiceKind.DATA, line="+1", incident_id=incident)


def ends(at_ms: int, incident: str = "i1") -> tuple[int, Event]:
    return at_ms, ServiceRestored(kind=ServiceKind.DATA, line="+1", incident_id=incident)


def told(ctx: Context) -> list[tuple[str, str, int | float | str | bool, str]]:
    return [
        (e.TYPE.removeprefix("alert."), str(e.tier), e.evidence["hours_lost"], str(e.reason or ""))
        for e in ctx.emitted
        if isinstance(e, Alert) and e.type == "service_loss"
    ]


def test_a_fault_that_goes_on_is_told_when_it_has_lasted_too_long() -> None:
    """Eight hours are a notice, twenty-four an alert, each at its instant without any event."""
    customer, ctx = household([begins(T0)])
    assert next_due_ms(customer) == T0 + 8 * HOUR
    advance(customer, ctx, T0 + 8 * HOUR - 1)
    assert told(ctx) == []
    advance(customer, ctx, T0 + 8 * HOUR)
    assert told(ctx) == [("opened", "notice", 8.0, "")]
    advance(customer, ctx, T0 + DAY - 1)
    assert len(told(ctx)) == 1
    advance(customer, ctx, T0 + DAY)
    assert told(ctx)[1:] == [("updated", "alert", 24.0, "more hours lost")]
    opened = ctx.emitted[0]
    assert isinstance(opened, Alert)
    assert opened.evidence == {
        "hours_lost": 8.0,
        "threshold_h": 8,
        "window_days": 7,
        "faults": 1,
        "going_on": 1,
        "service": "data",
    }
    assert (opened.tell.who, opened.subject) == ("payer", "C1")


def test_it_ends_when_the_hours_have_left_the_week() -> None:
    """Ten hours: over one millisecond after the eighth from the end has left the window."""
    customer, ctx = household([begins(T0), ends(T0 + 10 * HOUR)])
    end_ms = T0 + WEEK + 2 * HOUR + 1
    advance(customer, ctx, end_ms - 1)
    assert len(told(ctx)) == 1
    advance(customer, ctx, end_ms)
    assert told(ctx)[1:] == [("resolved", "notice", 8.0, "back to usual")]


def test_small_ones_are_suppressed_and_kept_as_facts() -> None:
    """Seven faults of an hour in a week tell nobody; the eighth does, when its hour is full."""
    events = [
        e
        for n in range(7)
        for e in (begins(T0 + n * 6 * HOUR, f"i{n}"), ends(T0 + n * 6 * HOUR + HOUR, f"i{n}"))
    ]
    customer, ctx = household(events)
    advance(customer, ctx, T0 + 3 * DAY)
    assert told(ctx) == []
    assert customer.service.faults_total == 7
    go_on(customer, ctx, [begins(T0 + 3 * DAY, "last")])
    advance(customer, ctx, T0 + 3 * DAY + HOUR)
    assert told(ctx) == [("opened", "notice", 8.0, "")]


def test_faults_at_the_same_time_count_once() -> None:
    """Data and voice gone together are one loss."""
    both = [begins(T0), begins(T0, "i2"), ends(T0 + 5 * HOUR), ends(T0 + 5 * HOUR, "i2")]
    customer, ctx = household(both)
    advance(customer, ctx, T0 + DAY)
    assert told(ctx) == []


def test_what_comes_back_within_two_days_goes_on_as_the_same_alert() -> None:
    """A correction that takes the hours away ends it; lost again soon after, it is the same alert, under its id."""
    customer, ctx = household([begins(T0)])
    advance(customer, ctx, T0 + 9 * HOUR)
    go_on(customer, ctx, [ends(T0 + HOUR)])
    # Its end was an hour after its beginning: only an hour was lost.
    assert [kind for kind, *_ in told(ctx)] == ["opened", "resolved"]
    go_on(customer, ctx, [begins(T0 + 10 * HOUR, "i2")])
    assert [kind for kind, *_ in told(ctx)] == ["opened", "resolved"]
    advance(customer, ctx, T0 + 20 * HOUR)
    assert told(ctx)[-1] == ("updated", "notice", 8.0, "back again")
    assert len({e.alert_id for e in ctx.emitted if isinstance(e, Alert)}) == 1


def test_a_fault_that_nobody_ends_is_over_some_day() -> None:
    """It counts for fourteen days, and the alert is over when the last of them have left the window."""
    customer, ctx = household([begins(T0)])
    advance(customer, ctx, T0 + 60 * DAY)
    assert told(ctx)[-1][0] == "resolved"
    assert customer.promises_due_ms == 0


SPANS = st.lists(st.tuples(st.integers(0, 120), st.integers(1, 60)), min_size=1, max_size=6)


def merged(drawn: list[tuple[int, int]]) -> list[Span]:
    spans: list[Span] = []
    for began, lasts in sorted(drawn):
        if spans and began <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], began + lasts))
        else:
            spans.append((began, began + lasts))
    return spans


@given(SPANS, st.integers(0, 200), st.integers(5, 100), st.integers(1, 60))
def test_crossings_equal_a_search_through_every_instant(
    drawn: list[tuple[int, int]], now: int, window: int, limit: int
) -> None:
    """The first instants above and below a limit, and the last up to now, are those that brute force finds."""
    spans = merged(drawn)
    lost = [lost_ms(spans, t, window) for t in range(-1, 400)]

    def at(t: int) -> int:
        return lost[t + 1]

    above = next((t for t in range(now + 1, 390) if at(t - 1) < limit <= at(t)), 0)
    below = next((t for t in range(now + 1, 390) if at(t - 1) >= limit > at(t)), 0)
    last = max((t for t in range(now + 1) if at(t - 1) < limit <= at(t)), default=0)
    assert next_above(spans, now, window, limit) == above
    assert next_below(spans, now, window, limit) == below
    assert reached_ms(spans, now, window, limit) == last
