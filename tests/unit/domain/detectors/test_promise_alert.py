"""Promises about to be broken, and broken ones."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cem.domain.events import (
    Alert,
    Event,
    OrderDelivered,
    OrderPlaced,
    OrderPromised,
    TaskClosed,
    TaskDue,
    TicketClosed,
    TicketOpened,
)
from cem.domain.fold import next_due_ms
from cem.domain.localtime import date_of
from tests.builders.customers import DAY, HOUR, T0, Context, advance, go_on, household


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


DUE = T0 + 8 * DAY
ORDER = (T0, OrderPlaced(order_id="O-1", promised=date_of(DUE // DAY - 1)))
TICKET = (T0, TicketOpened(ticket_id="T-1", due=at(DUE)))
TASK = (T0, TaskDue(task_id="K-1", due=at(DUE)))
ENDS: dict[str, Event] = {
    "order-O-1": OrderDelivered(order_id="O-1"),
    "ticket-T-1": TicketClosed(ticket_id="T-1"),
    "task-K-1": TaskClosed(task_id="K-1"),
}
MADE = list(zip((ORDER, TICKET, TASK), ENDS, strict=True))


def told(ctx: Context) -> list[tuple[str, str, str, str]]:
    return [
        (e.TYPE.removeprefix("alert."), e.subject, str(e.tier), str(e.reason or ""))
        for e in ctx.emitted
        if isinstance(e, Alert)
    ]


@pytest.mark.parametrize(("made", "subject"), MADE)
def test_about_to_be_broken_broken_and_made_good(made: tuple[int, Event], subject: str) -> None:
    """A notice 24 h before, an alert at the instant, over when it is done: to the millisecond, without any event."""
    customer, ctx = household([made])
    assert next_due_ms(customer) == DUE - DAY
    advance(customer, ctx, DUE - DAY - 1)
    assert told(ctx) == []
    advance(customer, ctx, DUE - DAY)
    assert told(ctx) == [("opened", subject, "notice", "")]
    opened = ctx.emitted[0]
    assert isinstance(opened, Alert)
    assert opened.evidence == {
        "promise": subject.partition("-")[0],
        "id": subject.partition("-")[2],
        "due": "2025-03-11T00:00:00Z",
        "hours_left": 24.0,
        "hours_promised": 192.0,
    }
    assert (opened.tell.who, opened.deliver_before) == ("supervisor", at(DUE))
    advance(customer, ctx, DUE - 1)
    assert len(told(ctx)) == 1
    advance(customer, ctx, DUE)
    assert told(ctx)[1:] == [("updated", subject, "alert", "broken")]
    go_on(customer, ctx, [(DUE + HOUR, ENDS[subject])])
    assert told(ctx)[2:] == [("resolved", subject, "alert", "kept late")]
    assert customer.promises_due_ms == 0


@pytest.mark.parametrize(("made", "subject"), MADE)
def test_kept_in_time(made: tuple[int, Event], subject: str) -> None:
    """Done after the notice and before the instant: kept; done before the notice: nothing was ever said."""
    customer, ctx = household([made, (DUE - HOUR, ENDS[subject])])
    assert [reason for *_, reason in told(ctx)] == ["", "kept"]
    _, quiet = household([made, (DUE - 2 * DAY, ENDS[subject])])
    assert told(quiet) == []
    assert customer.alerts.open == []


def test_a_short_promise_is_not_told_at_once() -> None:
    """Somebody who promises to call back in two hours has an hour and a half before anybody looks."""
    customer, ctx = household([(T0, TaskDue(task_id="K-1", due=at(T0 + 2 * HOUR)))])
    assert next_due_ms(customer) == T0 + 90 * 60_000
    advance(customer, ctx, T0 + 2 * HOUR)
    assert [kind for kind, *_ in told(ctx)] == ["opened", "updated"]


def test_another_date_ends_it_and_is_watched_in_its_turn() -> None:
    """A date put off ends the alert; the new one is told of in its own time, under an id of its own."""
    customer, ctx = household([ORDER])
    advance(customer, ctx, DUE - HOUR)
    later = OrderPromised(order_id="O-1", promised=date_of(DUE // DAY + 9))
    go_on(customer, ctx, [(DUE - HOUR, later)])
    advance(customer, ctx, DUE + 10 * DAY - 1)
    assert [(kind, reason) for kind, _, _, reason in told(ctx)] == [
        ("opened", ""),
        ("resolved", "new date"),
        ("opened", ""),
    ]
    ids = [e.alert_id for e in ctx.emitted if isinstance(e, Alert)]
    assert ids[0] == ids[1] != ids[2]


def test_what_is_given_up_stays_promised() -> None:
    """A call back that is closed undone is broken all the same when its time comes, and told until it is old."""
    events = [TASK, (T0 + DAY, TaskClosed(task_id="K-1", done=False))]
    customer, ctx = household(events)
    advance(customer, ctx, DUE + 7 * DAY - 1)
    assert [kind for kind, *_ in told(ctx)] == ["opened", "updated"]
    advance(customer, ctx, DUE + 7 * DAY)
    assert told(ctx)[-1] == ("resolved", "task-K-1", "alert", "over")


def test_history_is_told_to_nobody() -> None:
    """A promise whose time was over long before the record is read changes the verdicts and says nothing."""
    customer, ctx = household([ORDER, TICKET, TASK], ctx=Context(DUE + 24 * HOUR))
    assert told(ctx) == []
    assert customer.service.missed == 3
