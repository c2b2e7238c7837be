"""Promises kept and missed, judged by the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain import view
from cem.domain.customer import decode_customer, encode_customer, new_customer
from cem.domain.events import (
    Event,
    NoteWritten,
    OrderDelivered,
    OrderPlaced,
    OrderPromised,
    ProfileChanged,
    TaskClosed,
    TaskDue,
    TicketClosed,
    TicketOpened,
    TicketSeverity,
    TicketUpdated,
)
from cem.domain.fold import fold, next_due_ms, tick
from cem.domain.state.service import KEPT_PROMISE, MISSED_PROMISE
from tests.builders.customers import DAY, HOUR, MINUTE, T0, Context, advance, arrived, household, received

TODAY = date(2025, 3, 3)


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 20), min_size=1, max_size=3),
            st.one_of(st.none(), st.integers(0, 480)),
        ),
        max_size=5,
    ),
    st.integers(0, 25 * 24),
    st.lists(st.integers(0, 25), max_size=4),
    st.data(),
)
def test_deliveries_are_judged_as_by_hand(
    orders: list[tuple[list[int], int | None]], hours: int, cuts: list[int], data: st.DataObject
) -> None:
    """In any order and cut, each order is kept, missed or open as its last promised day and its delivery say."""
    events: list[tuple[int, Event]] = []
    for n, (days, delivered) in enumerate(orders):
        promises = [TODAY + timedelta(days=day) for day in days]
        events.append((T0 + n, OrderPlaced(order_id=f"o{n}", product="phone", promised=promises[0])))
        events += [
            (T0 + MINUTE * i + n, OrderPromised(order_id=f"o{n}", promised=day))
            for i, day in enumerate(promises[1:], start=1)
        ]
        if delivered is not None:
            events.append((T0 + delivered * HOUR + n, OrderDelivered(order_id=f"o{n}")))
    now_ms = T0 + hours * HOUR
    customer, ctx = new_customer("C1"), Context(T0)
    for number, (at_ms, event) in enumerate(data.draw(st.permutations(events))):
        fold(customer, received(event, at_ms, id=f"e{number}"), ctx)
        if number in cuts:
            advance(customer, ctx, min(now_ms, T0 + number * DAY))
            customer = decode_customer(encode_customer(customer))
    advance(customer, ctx, now_ms)
    expected = []
    for n, (days, delivered) in enumerate(orders):
        due_ms = T0 + (days[-1] + 1) * DAY
        if delivered is not None:
            expected.append(KEPT_PROMISE if T0 + delivered * HOUR + n < due_ms else MISSED_PROMISE)
        else:
            expected.append(MISSED_PROMISE if now_ms >= due_ms else 0)
    found = {order.order_id: order.verdict for order in customer.service.orders}
    assert found == {f"o{n}": verdict for n, verdict in enumerate(expected)}
    assert customer.service.kept == expected.count(KEPT_PROMISE)
    assert customer.service.missed == expected.count(MISSED_PROMISE)


def test_a_promised_day_ends_at_the_customers_midnight() -> None:
    """A delivery promised for a day is missed from the end of that day in his zone, to the millisecond."""
    customer, ctx = household(
        [
            (T0, ProfileChanged(timezone="Asia/Ho_Chi_Minh")),
            (T0, OrderPlaced(order_id="o", promised=TODAY)),
        ]
    )
    end_ms = T0 + DAY - 7 * HOUR
    # Three quarters of the time to it: it is told as about to be broken.
    assert next_due_ms(customer) == T0 + (end_ms - T0) * 3 // 4
    tick(customer, end_ms - 1, ctx)
    assert customer.service.orders[0].verdict == 0
    tick(customer, end_ms, ctx)
    assert customer.service.orders[0].verdict == MISSED_PROMISE
    assert view.missed_promises_in(customer, end_ms) == 1
    assert customer.promises_due_ms == 0


def test_a_delivery_that_is_read_late_takes_the_verdict_back() -> None:
    """What arrived in time counts as kept, also when its record comes after the promise was found missed."""
    customer, ctx = household([(T0, OrderPlaced(order_id="o", promised=TODAY))])
    advance(customer, ctx, T0 + 3 * DAY)
    assert (customer.service.kept, customer.service.missed) == (0, 1)
    fold(customer, received(OrderDelivered(order_id="o", delivered=TODAY), T0 + 3 * DAY), ctx)
    assert (customer.service.kept, customer.service.missed) == (1, 0)
    assert view.open_orders(customer) == []


def test_tasks_and_notes_with_a_date() -> None:
    """A task is kept if done in time; one given up is missed when due; a note's date is a task of its own."""
    customer, ctx = household(
        [
            (T0, TaskDue(task_id="a", due=at(T0 + DAY), by="r1", text="call back")),
            (T0, TaskDue(task_id="b", due=at(T0 + DAY))),
            (T0, NoteWritten(text="will send the router", due=at(T0 + 2 * DAY), by="r1")),
            (T0 + HOUR, TaskClosed(task_id="a")),
            (T0 + HOUR, TaskClosed(task_id="b", done=False)),
        ]
    )
    assert [t.text for t in view.open_tasks(customer)] == ["will send the router"]
    assert customer.service.kept == 1
    advance(customer, ctx, T0 + DAY)
    assert customer.service.missed == 1
    advance(customer, ctx, T0 + 3 * DAY)
    assert customer.service.missed == 2
    assert customer.service.notes[0].text == "will send the router"


def test_tickets_open_update_close_in_any_order() -> None:
    """A ticket has its newest category and severity, and is open until its end is seen."""
    opened = (T0, TicketOpened(ticket_id="t", category="coverage", due=at(T0 + DAY)))
    updated = (T0 + HOUR, TicketUpdated(ticket_id="t", severity=TicketSeverity.HIGH))
    closed = (T0 + 2 * HOUR, TicketClosed(ticket_id="t"))
    for events in ([opened, updated], [updated, opened]):
        (ticket,) = view.open_tickets(arrived(events, T0 + HOUR))
        assert (ticket.category, ticket.severity, ticket.opened_ms) == ("coverage", "high", T0)
    for events in ([opened, updated, closed], [closed, updated, opened], [updated, closed, opened]):
        customer = arrived(events, T0 + 3 * DAY)
        assert view.open_tickets(customer) == []
        (ticket,) = customer.service.tickets
        assert (ticket.severity, ticket.resolution, ticket.verdict) == ("high", "resolved", KEPT_PROMISE)
        assert customer.service.tickets_total == 1


def test_settled_promises_make_room_for_open_ones() -> None:
    """Of orders settled long ago the newest three are kept; those of the last month and open ones are kept longer."""
    events: list[tuple[int, Event]] = []
    for n in range(12):
        at_ms = T0 + n * 10 * DAY
        events.append((at_ms, OrderPlaced(order_id=f"o{n:02}", promised=TODAY + timedelta(days=200))))
        if n % 6:
            events.append((at_ms + 1, OrderDelivered(order_id=f"o{n:02}")))
    service = arrived(events, T0 + 120 * DAY).service
    assert [o.order_id for o in service.orders] == ["o00", "o06", "o08", "o09", "o10", "o11"]
    assert service.kept == 10
    many = [(T0 + n, OrderPlaced(order_id=f"o{n:02}")) for n in range(60)]
    assert len(arrived(many, T0 + DAY).service.orders) == 40
