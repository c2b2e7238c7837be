"""Bills, payments, arrears, purchases, survey answers."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain import view
from cem.domain.customer import decode_customer, encode_customer
from cem.domain.events import (
    BillCause,
    BillIssued,
    BillItem,
    Event,
    PaymentFailed,
    PaymentMade,
    PaymentOverdue,
    PurchaseMade,
    SurveyAnswered,
)
from cem.domain.events.enums import PaymentMethod
from tests.builders.customers import DAY, HOUR, T0, arrived

UTC = ZoneInfo("UTC")
TODAY = date(2025, 3, 3)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 9_999), st.integers(0, 4)), min_size=1, max_size=6),
    st.lists(st.tuples(st.sampled_from(["made", "failed", "overdue"]), st.integers(0, 5)), max_size=12),
    st.data(),
)
def test_newest_bills_and_payments_in_any_order(
    bills: list[tuple[int, int]], payments: list[tuple[str, int]], data: st.DataObject
) -> None:
    """The last two bills and six payments by time are kept, and the totals are those of all."""
    events: list[tuple[int, Event]] = [
        (T0 + n * DAY, BillIssued(bill_id=f"b{n}", total_minor=total)) for n, (total, _) in enumerate(bills)
    ]
    for n, (kind, bill) in enumerate(payments):
        at_ms = T0 + n * DAY + HOUR
        if kind == "made":
            events.append((at_ms, PaymentMade(bill_id=f"b{bill}", amount_minor=n)))
        elif kind == "failed":
            events.append((at_ms, PaymentFailed(bill_id=f"b{bill}", amount_minor=n)))
        else:
            events.append((at_ms, PaymentOverdue(bill_id=f"b{bill}", amount_minor=n)))
    billing = arrived(data.draw(st.permutations(events)), T0 + 30 * DAY).billing
    assert [b.bill_id for b in billing.bills] == [f"b{n}" for n in range(len(bills))][-2:]
    assert [p.kind for p in billing.payments] == [kind for kind, _ in payments][-6:]
    assert billing.billed_minor == sum(total for total, _ in bills)
    assert billing.paid_minor == sum(n for n, (kind, _) in enumerate(payments) if kind == "made")
    counts = [sum(kind == k for kind, _ in payments) for k in ("made", "failed", "overdue")]
    assert [billing.made, billing.failed, billing.overdue] == counts


def test_parts_of_a_bill_add_up_by_line_and_cause() -> None:
    """Items of one line and cause are one part; the parts add up to the items."""
    items = (
        BillItem(cause=BillCause.SMS, amount_minor=100, line="+2"),
        BillItem(cause=BillCause.PLAN, amount_minor=3_000),
        BillItem(cause=BillCause.SMS, amount_minor=250, line="+2"),
        BillItem(cause=BillCause.DISCOUNT, amount_minor=-500),
    )
    (bill,) = arrived([(T0, BillIssued(bill_id="b", total_minor=2_850, items=items))], T0).billing.bills
    assert [(p.line, p.cause, p.amount_minor) for p in bill.parts] == [
        ("", "discount", -500),
        ("", "plan", 3_000),
        ("+2", "sms", 350),
    ]


def test_a_bill_issued_again_replaces_itself() -> None:
    """A corrected bill counts once, with its newest total, whichever comes first."""
    first, again = (
        (T0, BillIssued(bill_id="b", total_minor=100)),
        (T0 + HOUR, BillIssued(bill_id="b", total_minor=90)),
    )
    for events in ([first, again], [again, first]):
        billing = arrived(events, T0 + DAY).billing
        assert ([b.total_minor for b in billing.bills], billing.billed_minor) == ([90], 90)


@pytest.mark.parametrize(
    ("day", "paid", "days", "owed"), [(0, 0, 0, 0), (1, 0, 1, 500), (9, 200, 9, 300), (9, 500, 0, 0)]
)
def test_overdue_days_count_from_the_day_after_the_due_day(day: int, paid: int, days: int, owed: int) -> None:
    """A bill is due until the end of its last day; what is paid of it, in part or whole, counts."""
    events: list[tuple[int, Event]] = [(T0 - DAY, BillIssued(bill_id="b", total_minor=500, due=TODAY))]
    if paid:
        events.append((T0, PaymentMade(bill_id="b", amount_minor=paid)))
    customer = arrived(events, T0)
    now_ms = T0 + day * DAY
    assert view.overdue_days(customer, now_ms, UTC) == days
    assert view.owed_minor(customer, now_ms, UTC) == owed


def test_overdue_days_of_a_bill_without_due_day() -> None:
    """Where only the operator's notice is known, the days go on from it until the bill is paid."""
    events: list[tuple[int, Event]] = [(T0, PaymentOverdue(bill_id="b", amount_minor=500, days_overdue=10))]
    assert view.overdue_days(arrived(events, T0), T0 + 5 * DAY, UTC) == 15
    events.append((T0 + DAY, PaymentMade(bill_id="b", amount_minor=500)))
    assert view.overdue_days(arrived(events, T0), T0 + 5 * DAY, UTC) == 0


def test_purchases_are_counted_and_the_last_ones_kept() -> None:
    """Purchases add up for ever; the newest four are known by product."""
    events: list[tuple[int, Event]] = [
        (T0 + n * DAY, PurchaseMade(product=f"p{n}", amount_minor=10)) for n in (5, 1, 4, 2, 3, 0)
    ]
    billing = arrived(events, T0 + 9 * DAY).billing
    assert [p.product for p in billing.purchases] == ["p2", "p3", "p4", "p5"]
    assert (billing.bought, billing.bought_minor) == (6, 60)


def test_csat_level_weighs_by_age_and_shrinks_to_the_prior() -> None:
    """Without answers it is the prior; an answer weighs half as much after 60 days; NPS and CES stand in for CSAT."""
    assert view.csat_level(arrived([], T0), T0) == view.CSAT_PRIOR
    one = arrived([(T0, SurveyAnswered(csat=1))], T0)
    assert view.csat_level(one, T0) == pytest.approx((view.CSAT_PRIOR + 1) / 2)
    assert view.csat_level(one, T0 + 60 * DAY) == pytest.approx((view.CSAT_PRIOR + 0.5) / 1.5)
    assert view.csat_level(arrived([(T0, SurveyAnswered(nps=10))], T0), T0) == pytest.approx(
        (view.CSAT_PRIOR + 5) / 2
    )
    assert view.csat_level(arrived([(T0, SurveyAnswered(ces=7))], T0), T0) == pytest.approx(
        (view.CSAT_PRIOR + 1) / 2
    )


def test_last_answers_in_any_order() -> None:
    """The newest five answers are kept with what they answer, texts alone only count."""
    events: list[tuple[int, Event]] = [(T0 + n * DAY, SurveyAnswered(csat=1 + n % 5)) for n in range(7)]
    events += [(T0 + 2 * DAY + HOUR, SurveyAnswered(nps=0)), (T0 + 3 * DAY, SurveyAnswered(text="fine"))]
    customer = arrived(reversed(events), T0 + 30 * DAY)
    assert customer.satisfaction.total == 9
    assert [a.csat for a in customer.satisfaction.answers] == [0, 4, 5, 1, 2]
    assert [a.nps for a in customer.satisfaction.answers] == [0, -1, -1, -1, -1]


def test_a_payment_that_names_no_bill_pays_the_oldest_open_one() -> None:
    """Money without a bill's name is not lost: it pays what was issued before it, the oldest first."""
    events: list[tuple[int, Event]] = [
        (T0 - 40 * DAY, BillIssued(bill_id="a", total_minor=300, due=TODAY - timedelta(days=20))),
        (T0 - 10 * DAY, BillIssued(bill_id="b", total_minor=500, due=TODAY)),
        (T0, PaymentMade(amount_minor=400)),
    ]
    customer = arrived(events, T0)
    assert [view.bill_owed(customer, bill) for bill in customer.billing.bills] == [0, 400]
    assert view.overdue_days(customer, T0 + 5 * DAY, UTC) == 5
    earlier = arrived([(T0 - 60 * DAY, PaymentMade(amount_minor=400)), *events[:2]], T0)
    assert view.owed_minor(earlier, T0 + 5 * DAY, UTC) == 800


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 900), st.booleans()), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 900)), max_size=5),
    st.integers(0, 200),
    st.data(),
)
def test_what_is_overdue_counts_every_unpaid_bill(
    bills: list[tuple[int, bool]], paid: list[tuple[int, int]], days: int, data: st.DataObject
) -> None:
    """In any order, each bill's total less the payments that name it is owed, also of bills long past."""
    events: list[tuple[int, Event]] = []
    due = [TODAY + timedelta(days=30 * n + 14) for n in range(len(bills))]
    for n, (total, has_due) in enumerate(bills):
        bill = BillIssued(bill_id=f"b{n}", total_minor=total, due=due[n] if has_due else None)
        events.append((T0 + 30 * n * DAY, bill))
    for n, (bill_number, minor) in enumerate(paid):
        late = 3 if n % 2 else 0
        events.append(
            (T0 + n * HOUR, PaymentMade(bill_id=f"b{bill_number}", amount_minor=minor, days_overdue=late))
        )
    customer = arrived(data.draw(st.permutations(events)), T0 + 300 * DAY)
    now_ms = T0 + (180 + days) * DAY
    today = TODAY + timedelta(days=180 + days)
    owed = [
        max(0, total - sum(minor for number, minor in paid if number == n))
        for n, (total, _) in enumerate(bills)
    ]
    open_days = [(today - due[n]).days for n, (_, has_due) in enumerate(bills) if has_due and owed[n]]
    assert view.owed_minor(customer, now_ms, UTC) == sum(
        owed[n] for n, (_, has_due) in enumerate(bills) if has_due and due[n] < today
    )
    assert view.overdue_days(customer, now_ms, UTC) == max([0, *open_days])
    assert customer.billing.late == len(paid) // 2


@given(st.data())
def test_how_he_pays_is_what_the_newest_payment_says(data: st.DataObject) -> None:
    """In any order of arrival; a payment that does not say it changes nothing, a way that is not known is "other"."""
    said: list[PaymentMethod | None] = [
        PaymentMethod.CARD,
        None,
        PaymentMethod.CASH,
        PaymentMethod("barter"),
        None,
    ]
    events: list[tuple[int, Event]] = [
        (T0 + n * DAY, PaymentMade(bill_id="b", amount_minor=1, method=method))
        for n, method in enumerate(said)
    ]
    customer = arrived(data.draw(st.permutations(events)), T0 + 9 * DAY)
    customer = decode_customer(encode_customer(customer))
    found = [view.pays_by(customer, T0 + n * DAY) for n in range(-1, 5)]
    assert found == ["", "card", "card", "cash", "other", "other"]
    assert [payment.kind for payment in customer.billing.payments] == ["made"] * 5


def test_totals_of_the_last_four_bills_in_any_order() -> None:
    """Of the two bills before those kept in full, day and total are known."""
    events: list[tuple[int, Event]] = [
        (T0 + n * 30 * DAY + HOUR, BillIssued(bill_id=f"b{n}", total_minor=100 + n)) for n in (4, 0, 3, 1, 2)
    ]
    customer = arrived(events, T0 + 200 * DAY)
    assert view.bill_totals(customer) == [
        (T0 + 30 * DAY, 101),
        (T0 + 60 * DAY, 102),
        (T0 + 90 * DAY + HOUR, 103),
        (T0 + 120 * DAY + HOUR, 104),
    ]
