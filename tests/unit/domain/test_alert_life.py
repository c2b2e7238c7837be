"""What is true of every customer's alerts, whatever happens to him and whenever anybody looks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain.customer import Customer, decode_customer, encode_customer, new_customer
from cem.domain.events import (
    Alert,
    BillIssued,
    CallStarted,
    Event,
    OrderDelivered,
    OrderPlaced,
    PaymentFailed,
    PaymentMade,
    ServiceDegraded,
    ServiceKind,
    ServiceRestored,
    SurveyAnswered,
)
from cem.domain.fold import fold, next_due_ms, tick
from cem.domain.localtime import date_of
from cem.domain.thresholds import AlertPolicy
from tests.builders.customers import DAY, HOUR, T0, Context, advance, received

_STEPS = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sampled_from(["bill", "high", "pay", "fail", "call", "fault", "back", "order", "done", "angry"]),
        st.integers(0, 2),
    ),
    max_size=25,
)


def event_of(kind: str, number: int, at_ms: int, index: int) -> Event:
    due = date_of(at_ms // DAY + 10)
    match kind:
        case "bill" | "high":
            return BillIssued(bill_id=f"b{index}", total_minor=3_000 if kind == "bill" else 30_000, due=due)
        case "pay":
            return PaymentMade(amount_minor=30_000)
        case "fail":
            return PaymentFailed(amount_minor=3_000)
        case "call":
            return CallStarted(call_id=f"c{index}", reason=f"r{number}")
        case "fault":
            return ServiceDegraded(kind=ServiceKind.DATA, line="+1", incident_id=f"i{number}")
        case "back":
            return ServiceRestored(kind=ServiceKind.DATA, line="+1", incident_id=f"i{number}")
        case "order":
            return OrderPlaced(order_id=f"o{number}", promised=date_of(at_ms // DAY + number))
        case "done":
            return OrderDelivered(order_id=f"o{number}")
    return SurveyAnswered(csat=1)


def live(
    steps: list[tuple[int, str, int]], *, looks_h: int = 0, restarts: bool = False
) -> tuple[Customer, Context]:
    """Return the customer after these steps (hours later, what, which), looked at every so many hours as well."""
    customer, ctx = new_customer("C1"), Context(T0, alerts=AlertPolicy())
    now_ms = T0
    for index, (hours, kind, number) in enumerate(steps):
        then_ms = now_ms + hours * HOUR
        while looks_h and now_ms + looks_h * HOUR < then_ms:
            now_ms += looks_h * HOUR
            advance(customer, ctx, now_ms)
        now_ms = then_ms
        advance(customer, ctx, now_ms)
        fold(customer, received(event_of(kind, number, now_ms, index), now_ms, id=f"e{index}"), ctx)
        if restarts:
            customer = decode_customer(encode_customer(customer))
    advance(customer, ctx, now_ms + 3 * DAY)
    return customer, ctx


@settings(max_examples=60, deadline=None)
@given(_STEPS)
def test_one_open_alert_a_type_and_subject_each_opened_once_and_ended_once(
    steps: list[tuple[int, str, int]],
) -> None:
    """And nothing is due at an instant that has passed."""
    customer, ctx = live(steps)
    places = [(a.type, a.subject) for a in customer.alerts.open]
    assert len(set(places)) == len(places)
    standing: dict[str, str] = {}
    for event in ctx.emitted:
        if not isinstance(event, Alert):
            continue
        was = standing.get(event.alert_id)
        kind = event.TYPE.removeprefix("alert.")
        if kind == "opened":
            assert was is None
        elif was == "resolved":
            assert (kind, event.reason) == ("updated", "back again")
        else:
            assert was is not None
        standing[event.alert_id] = kind
    ended = {name for name, kind in standing.items() if kind == "resolved"}
    assert len(standing) - len(ended) == len(places)
    tick(customer, ctx.lane_time_ms, ctx)
    due_ms = next_due_ms(customer)
    assert due_ms is None or due_ms > ctx.lane_time_ms


@settings(max_examples=30, deadline=None)
@given(_STEPS, st.integers(1, 30))
def test_neither_looking_more_often_nor_restarts_change_anything(
    steps: list[tuple[int, str, int]], looks_h: int
) -> None:
    """The clock alone decides when something is due: the same alerts at the same instants."""
    plain, restarted = live(steps), live(steps, looks_h=looks_h, restarts=True)
    assert [e for e in plain[1].emitted if isinstance(e, Alert)] == [
        e for e in restarted[1].emitted if isinstance(e, Alert)
    ]
    assert encode_customer(plain[0]) == encode_customer(restarted[0])
