"""Customers who suffer and do not call."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain.events import (
    Alert,
    CallStarted,
    Channel,
    Event,
    InteractionRecorded,
    OrderPlaced,
    PaymentFailed,
    Resolution,
    ServiceDegraded,
    ServiceKind,
    ServiceRestored,
)
from cem.domain.localtime import date_of
from tests.builders.customers import DAY, HOUR, MINUTE, SECOND, T0, Context, advance, go_on, household


def short_fault(number: int, at_ms: int) -> list[tuple[int, Event]]:
    began = ServiceDegraded(kind=ServiceKind.COVERAGE, line="+1", incident_id=f"f{number}")
    ended = ServiceRestored(kind=ServiceKind.COVERAGE, line="+1", incident_id=f"f{number}")
    return [(at_ms, began), (at_ms + 5 * MINUTE, ended)]


def failed(number: int, at_ms: int) -> tuple[int, Event]:
    return at_ms, PaymentFailed(amount_minor=3_000, bill_id=f"b{number}")


def wrote(number: int, at_ms: int, resolution: Resolution) -> tuple[int, Event]:
    event = InteractionRecorded(
        interaction_id=f"i{number}", channel=Channel.EMAIL, reason=f"r{number}", resolution=resolution
    )
    return at_ms, event


def told(ctx: Context) -> list[tuple[str, str, int | float | str | bool, str]]:
    return [
        (e.TYPE.removeprefix("alert."), str(e.tier), e.evidence["failures"], str(e.reason or ""))
        for e in ctx.emitted
        if isinstance(e, Alert) and e.type == "silent_sufferer"
    ]


MIXED = [*short_fault(1, T0), *short_fault(2, T0 + DAY), failed(1, T0 + 2 * DAY)]


def test_many_small_failures_of_all_kinds_and_no_call() -> None:
    """Two short faults, a refused payment and a message that nobody answered: the supervisor hears, with the counts."""
    _, ctx = household([*MIXED, wrote(1, T0 + 3 * DAY, Resolution.UNRESOLVED)])
    (event,) = [e for e in ctx.emitted if isinstance(e, Alert)]
    assert event.evidence == {
        "failures": 4,
        "threshold": 4,
        "window_days": 14,
        "faults": 2,
        "failed_payments": 1,
        "unanswered": 1,
    }
    assert (event.tell.who, str(event.tier)) == ("supervisor", "notice")


def test_a_promise_broken_by_the_clock_is_a_failure() -> None:
    """The fourth failure may be a promise: told at the very instant at which it is broken."""
    order = OrderPlaced(order_id="O", promised=date_of(T0 // DAY + 3))
    customer, ctx = household([(T0, order), *MIXED])
    advance(customer, ctx, T0 + 4 * DAY - 1)
    assert told(ctx) == []
    advance(customer, ctx, T0 + 4 * DAY)
    assert told(ctx) == [("opened", "notice", 4, "")]


def test_whoever_has_called_is_not_silent() -> None:
    """A call, or a message that was answered, begins the count anew; it ends an open alert."""
    for contact in (
        (T0 + 2 * DAY + HOUR, CallStarted(call_id="c1", reason="coverage")),
        wrote(9, T0 + 2 * DAY + HOUR, Resolution.RESOLVED),
    ):
        _, ctx = household([*MIXED, contact, failed(2, T0 + 3 * DAY)])
        assert told(ctx) == []
    customer, ctx = household([*MIXED, failed(2, T0 + 3 * DAY)])
    go_on(customer, ctx, [(T0 + 4 * DAY, CallStarted(call_id="c1"))])
    assert told(ctx) == [("opened", "notice", 4, ""), ("resolved", "notice", 4, "in touch")]


def test_more_failures_make_it_an_alert() -> None:
    """The seventh makes an alert of the notice; those between change nothing."""
    more = [failed(n, T0 + n * DAY) for n in range(3, 7)]
    _, ctx = household([*MIXED, *more])
    assert told(ctx) == [("opened", "notice", 4, ""), ("updated", "alert", 7, "more failures")]


def test_it_ends_when_the_failures_have_left_the_window() -> None:
    """Of four, the oldest leaves after fourteen days, to the millisecond, without any event."""
    customer, ctx = household([*MIXED, failed(2, T0 + 3 * DAY)])
    advance(customer, ctx, T0 + 14 * DAY - 1)
    assert len(told(ctx)) == 1
    advance(customer, ctx, T0 + 14 * DAY)
    assert told(ctx)[1:] == [("resolved", "notice", 4, "back to usual")]


_EVENTS = st.lists(
    st.tuples(st.integers(0, 30 * 24), st.sampled_from(["fault", "failed", "call"])), max_size=14
)


@settings(max_examples=40)
@given(_EVENTS, st.integers(0, 30 * 24))
def test_open_is_what_brute_force_says(drawn: list[tuple[int, str]], now_h: int) -> None:
    """At every hour an alert is open just when four failures of the last 14 days came after the last call."""
    events: list[tuple[int, Event]] = []
    for number, (hour, kind) in enumerate(sorted(drawn)):
        # No two in one second, to which payments are kept: which came first would be open.
        at_ms = T0 + hour * HOUR + number * SECOND
        if kind == "fault":
            events.append((at_ms, ServiceDegraded(kind=ServiceKind.SMS, line="+1", incident_id=f"f{number}")))
        elif kind == "failed":
            events.append(failed(number, at_ms))
        else:
            events.append((at_ms, CallStarted(call_id=f"c{number}")))
    now_ms = T0 + now_h * HOUR + 30 * SECOND
    past = [(at, e) for at, e in events if at <= now_ms]
    customer, ctx = household(past)
    advance(customer, ctx, now_ms)
    last_call = max((at for at, e in past if isinstance(e, CallStarted)), default=0)
    newest_failures = [
        at for at, e in past if not isinstance(e, CallStarted) and at > max(last_call, now_ms - 14 * DAY)
    ]
    # The state keeps the last six payments, and this is what the detector can see of them.
    payments = [at for at, e in past if isinstance(e, PaymentFailed)][-6:]
    seen = [
        at
        for at in newest_failures
        if at in payments or at not in {a for a, e in past if isinstance(e, PaymentFailed)}
    ]
    is_open = any(a.type == "silent_sufferer" for a in customer.alerts.open)
    assert is_open == (len(seen) >= 4)
