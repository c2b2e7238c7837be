"""A bill far above the customer's usual one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cem.domain.events import Alert, BillCause, BillIssued, BillItem, Event, PaymentMade
from cem.domain.localtime import date_of
from cem.domain.thresholds import AlertPolicy, BillShockPolicy
from cem.domain.view.usual_bill import usual_bill, yearly_minor
from tests.builders.customers import DAY, HOUR, T0, Context, advance, arrived, go_on, household

FATHER, DAUGHTER = "+4915100000001", "+4915100000002"
MONTH = 30 * DAY
DUE_DAYS = 14


def bill(number: int, plan_minor: int = 3_000, texts_minor: int = 0, due: bool = True) -> tuple[int, Event]:
    """Return the bill of a month: the father's plan, and what the daughter's messages cost."""
    at_ms = T0 + number * MONTH
    items = [BillItem(cause=BillCause.PLAN, line=FATHER, amount_minor=plan_minor)]
    if texts_minor:
        items.append(BillItem(cause=BillCause.SMS, line=DAUGHTER, amount_minor=texts_minor))
    issued = BillIssued(
        bill_id=f"b{number}",
        total_minor=plan_minor + texts_minor,
        due=date_of(at_ms // DAY + DUE_DAYS) if due else None,
        items=tuple(items),
    )
    return at_ms, issued


def alerts(ctx: Context) -> list[tuple[str, str, str]]:
    return [
        (e.TYPE.removeprefix("alert."), e.alert_id.rpartition(":")[2], str(e.reason or ""))
        for e in ctx.emitted
        if isinstance(e, Alert)
    ]


USUAL = [bill(n) for n in range(4)]


def test_the_father_hears_before_it_is_due_what_whose_and_what_helps() -> None:
    """Total, usual, growth, main cause, the line that made it, when it is due; told to the payer, with a remedy."""
    _, ctx = household([*USUAL, bill(4, texts_minor=6_050)])
    (event,) = ctx.emitted
    assert isinstance(event, Alert)
    assert event.evidence == {
        "total_minor": 9_050,
        "usual_minor": 3_000,
        "growth_percent": 201,
        "main_cause": "usage",
        "bills_compared": 3,
        "due": date_of((T0 + 4 * MONTH) // DAY + DUE_DAYS).isoformat(),
        "usage_minor": 6_050,
        "line_1": DAUGHTER,
        "line_1_cause": "sms",
        "line_1_minor": 6_050,
    }
    assert (event.tier, event.severity, event.cost_minor) == ("alert", "error", 6_050)
    assert (event.tell.who, event.subject) == ("payer", "b4")
    assert event.remedy is not None
    assert (event.remedy.action, event.remedy.price_minor) == ("sms_bundle", 300)
    assert event.deliver_before == datetime.fromtimestamp((T0 + 4 * MONTH + 120 * HOUR) / 1000, UTC)


@pytest.mark.parametrize(
    ("texts_minor", "tier"),
    [(899, None), (999, None), (1_000, "notice"), (1_799, "notice"), (1_800, "alert")],
)
def test_a_tier_needs_both_the_sum_and_the_percentage(texts_minor: int, tier: str | None) -> None:
    """On a usual bill of 30.00, 10.00 more is a notice (30 % and 10.00), 18.00 more an alert (60 %)."""
    _, ctx = household([*USUAL, bill(4, texts_minor=texts_minor)])
    assert [str(e.tier) for e in ctx.emitted if isinstance(e, Alert)] == ([tier] if tier else [])


def test_one_high_bill_before_does_not_make_the_next_one_usual() -> None:
    """The median of the bills before counts; what the bill itself holds beyond the plan is then the cause."""
    events = [*USUAL, bill(4, texts_minor=6_000), bill(5, texts_minor=6_000)]
    _, ctx = household(events)
    opened = [e for e in ctx.emitted if isinstance(e, Alert) and e.TYPE == "alert.opened"]
    assert [e.evidence["usual_minor"] for e in opened] == [3_000, 3_000]
    assert opened[1].evidence["main_cause"] == "usage"
    assert opened[1].evidence["line_1_minor"] == 6_000


def test_a_dearer_plan_is_explained() -> None:
    """Where no use raised the bill, the remedy is an explanation, and the cause says so."""
    _, ctx = household([*USUAL, bill(4, plan_minor=6_000)])
    (event,) = ctx.emitted
    assert isinstance(event, Alert)
    assert event.evidence["main_cause"] == "plan_change"
    assert event.remedy is not None
    assert event.remedy.action == "explain_bill"


def test_the_first_bill_is_never_a_shock() -> None:
    """Without history there is nothing that a bill could be unusual against, however high it is."""
    customer, ctx = household([bill(0, texts_minor=900_000)])
    assert ctx.emitted == []
    assert usual_bill(customer, customer.billing.bills[0]) is None
    assert yearly_minor(customer) == 12 * 903_000


def test_payment_ends_it() -> None:
    """A part does not, the whole does: paid."""
    customer, ctx = household([*USUAL, bill(4, texts_minor=6_000)])
    at_ms = T0 + 4 * MONTH + DAY
    for n, minor in enumerate((5_000, 4_000)):
        go_on(customer, ctx, [(at_ms + n * DAY, PaymentMade(bill_id="b4", amount_minor=minor))])
    assert alerts(ctx) == [("opened", "b4", ""), ("resolved", "b4", "paid")]


def test_it_ends_with_the_day_on_which_the_bill_is_due() -> None:
    """At the midnight after the due day, to the millisecond; without a due day after `ends_days`."""
    for due in (True, False):
        customer, ctx = household([*USUAL, bill(4, texts_minor=6_000, due=due)])
        end_ms = T0 + 4 * MONTH + (DUE_DAYS + due) * DAY
        advance(customer, ctx, end_ms - 1)
        assert len(alerts(ctx)) == 1
        advance(customer, ctx, end_ms)
        assert alerts(ctx)[1:] == [("resolved", "b4", "due date passed")]


def test_a_newer_bill_replaces_it() -> None:
    """The next bill ends the alert of the one before it, whatever it says itself."""
    customer, ctx = household([*USUAL, bill(4, texts_minor=6_000, due=False)])
    go_on(customer, ctx, [(T0 + 4 * MONTH + DAY, bill(5)[1])])
    assert alerts(ctx) == [("opened", "b4", ""), ("resolved", "b4", "newer bill")]


def test_a_corrected_bill_corrects_the_alert() -> None:
    """Issued again with another total it is updated; with a usual one it ends."""
    customer, ctx = household([*USUAL, bill(4, texts_minor=6_000)])
    at_ms = T0 + 4 * MONTH + HOUR
    go_on(customer, ctx, [(at_ms, bill(4, texts_minor=7_000)[1])])
    go_on(customer, ctx, [(at_ms + HOUR, bill(4)[1])])
    assert alerts(ctx) == [
        ("opened", "b4", ""),
        ("updated", "b4", "corrected bill"),
        ("resolved", "b4", "corrected bill"),
    ]


def test_the_usual_bill_does_not_depend_on_the_order_of_arrival() -> None:
    """Totals of bills that are not kept whole are the newest by their own time."""
    bills = [bill(n, texts_minor=n * 100) for n in range(6)]
    for order in (bills, bills[::-1], bills[3:] + bills[:3]):
        customer = arrived(order, T0 + 6 * MONTH)
        assert usual_bill(customer, customer.billing.bills[-1]) == (3_300, 3)
        assert yearly_minor(customer) == 12 * 3_350


def test_switched_off_it_says_nothing() -> None:
    """`enabled: false` is heeded."""
    ctx = Context(0, alerts=AlertPolicy(bill_shock=BillShockPolicy(enabled=False)))
    assert household([*USUAL, bill(4, texts_minor=9_000)], ctx=ctx)[1].emitted == []
