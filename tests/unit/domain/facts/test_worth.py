"""Lifetime value against sums by hand, its interval, and what it rests on."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cem.domain import view
from cem.domain.customer import new_customer
from cem.domain.describe import describe
from cem.domain.events import (
    BillIssued,
    ContractCancelled,
    Event,
    PaymentMade,
    PlanChanged,
    ProfileChanged,
    SmsRated,
)
from cem.domain.events.enums import CustomerStatus, SmsDestination
from cem.domain.state.estimates import Churn
from cem.domain.state.value import pack_cohort
from cem.domain.value_policy import ValuePolicy
from cem.domain.weeks import instant_of
from tests.builders.customers import DAY, T0, arrived

UTC = ZoneInfo("UTC")
TODAY = date(2025, 3, 3)
#: One fee, one chance to leave, no discount: sums by hand.
PLAIN = ValuePolicy(discount_rate_a_year=0.0, margin_share=1.0, horizon_months=600, leave_a_month=0.05)


def bills(*totals: int) -> list[tuple[int, Event]]:
    """Return bills of these totals, a month apart, the last at T0."""
    month_ms = round(30.4375 * DAY)
    return [
        (T0 - (len(totals) - 1 - n) * month_ms, BillIssued(bill_id=f"b{n}", total_minor=total))
        for n, total in enumerate(totals)
    ]


def worth(events: list[tuple[int, Event]], policy: ValuePolicy) -> view.LifetimeValue:
    found = view.lifetime_value(arrived(events, T0), T0, UTC, policy)
    assert found is not None
    return found


def by_hand(margin: float, leave: float, leave_bound: float, bound: int, policy: ValuePolicy) -> float:
    """Return the sum of the convention, month by month."""
    by_month, kept, value = (1 + policy.discount_rate_a_year) ** (1 / 12), 1.0, 0.0
    for month in range(1, policy.horizon_months + 1):
        kept *= 1 - (leave_bound if month <= bound else leave)
        value += margin * kept / by_month**month
    return value


def test_the_textbook_case() -> None:
    """r = 0.8 and d = 0.1 a period give 2.67 margins: margin x r / (1 + d - r)."""
    policy = ValuePolicy(
        discount_rate_a_year=1.1**12 - 1, margin_share=1.0, horizon_months=600, leave_a_month=0.2
    )
    assert worth(bills(1_000), policy).value_minor == pytest.approx(1_000 * 0.8 / (1 + 0.1 - 0.8), abs=1)


@given(
    st.floats(0, 1),
    st.floats(0.001, 0.3),
    st.floats(0.001, 0.3),
    st.integers(1, 120),
    st.integers(-100, 2_000),
    st.lists(st.integers(0, 90_000), min_size=1, max_size=4),
)
def test_the_value_is_the_sum_month_by_month(
    rate: float, leave: float, leave_bound: float, horizon: int, days: int, totals: list[int]
) -> None:
    """With any rates, term and bills, value is the sum by hand (months are reckoned from days), and lies within its interval."""
    policy = ValuePolicy(rate, 0.5, horizon, 0.9, leave, leave_bound)
    term = ProfileChanged(contract_end=TODAY + timedelta(days=days))
    found = worth([*bills(*totals), (T0, term)], policy)
    months = max(0, int(days / 30.4375))
    expected = by_hand(0.5 * sum(totals) / len(totals), leave, leave_bound, months, policy)
    assert found.bound_months == months
    assert found.value_minor == pytest.approx(expected, rel=0.02, abs=1)
    assert 0 <= found.low_minor <= found.value_minor <= found.high_minor


def test_a_better_known_customer_has_a_narrower_interval() -> None:
    """More bills of one height, and more customers counted, narrow it; scatter widens it."""

    def width(events: list[tuple[int, Event]], months: int) -> float:
        customer = arrived(events, T0)
        pack_cohort(customer.value, months, months // 20, 0, 0)
        found = view.lifetime_value(customer, T0, UTC, PLAIN)
        assert found is not None
        return (found.high_minor - found.low_minor) / found.value_minor

    assert width(bills(500), 100) > width(bills(500, 500, 500, 500), 100)
    assert width(bills(500, 500, 500, 500), 100) > width(bills(500, 500, 500, 500), 10_000)
    assert width(bills(100, 900, 100, 900), 100) > width(bills(500, 500, 500, 500), 100)


def test_what_the_margin_rests_on() -> None:
    """Bills, else the plans' prices (a line without a plan has none), else what is paid; else nothing is claimed."""
    plan = [
        (T0, PlanChanged(plan="m", price_minor=2_000)),
        (T0, PlanChanged(plan="x", price_minor=500, line="+1")),
    ]
    line = [(T0, SmsRated(line="+9", destination=SmsDestination.ONNET, recipient="r", in_allowance=True))]
    paid: list[tuple[int, Event]] = [(T0 - n * 30 * DAY, PaymentMade(amount_minor=1_000)) for n in range(60)]
    share = ValuePolicy(margin_share=1.0)
    assert worth([*bills(800), *plan, *paid], share).margin_from == "bills"
    by_plan = worth([*plan, *line, *paid], share)
    assert (by_plan.margin_from, by_plan.margin_minor) == ("plan", 2_500)
    by_payments = worth([*paid, *line], share)
    assert by_payments.margin_from == "payments"
    assert by_payments.margin_minor == pytest.approx(1_000, rel=0.1)
    assert view.lifetime_value(arrived(line, T0), T0, UTC) is None
    assert view.lifetime_value(new_customer("unknown"), T0, UTC) is None


def test_what_the_chance_to_leave_rests_on() -> None:
    """The guess, mixed with the cohort as it grows; the model's, where there is one, for the state that he is in."""
    customer = arrived(bills(500), T0)
    found = view.lifetime_value(customer, T0, UTC, PLAIN)
    assert found is not None
    assert (found.leave_from, found.leave_a_month) == ("guess", 0.05)
    pack_cohort(customer.value, 780, 20, 0, 0)
    found = view.lifetime_value(customer, T0, UTC, PLAIN)
    assert found is not None
    assert (found.leave_from, found.leave_a_month) == ("cohort", pytest.approx((0.05 * 200 + 20) / 1_000))
    now_ms = instant_of(customer.customer_id, 2_900)
    customer.estimates.week = 2_900
    customer.estimates.churn = Churn(3_000)
    found = view.lifetime_value(customer, now_ms, UTC, PLAIN)
    assert found is not None
    assert (found.leave_from, found.leave_a_month) == ("model", 0.3)
    later = arrived([*bills(500), (T0, ProfileChanged(contract_end=date(2040, 1, 1)))], T0)
    later.estimates.week, later.estimates.churn = 2_900, Churn(3_000)
    found = view.lifetime_value(later, now_ms, UTC, PLAIN)
    assert found is not None
    assert (found.leave_a_month, found.leave_a_month_bound) == (0.05, 0.3)


def test_who_has_cancelled_brings_margins_until_then() -> None:
    """A cancellation for later leaves the whole months up to its day; one in effect, or a closed account, nothing."""
    soon = ContractCancelled(effective=TODAY + timedelta(days=95))
    found = worth([*bills(500), (T0, soon)], PLAIN)
    assert (found.value_minor, found.low_minor < 1_500 < found.high_minor) == (1_500, True)
    assert worth([*bills(500), (T0, ContractCancelled())], PLAIN).high_minor == 0
    assert worth([*bills(500), (T0, ProfileChanged(status=CustomerStatus.CLOSED))], PLAIN).high_minor == 0


def test_bills_below_zero_are_no_negative_value() -> None:
    """A customer whose only bill is a credit is worth nothing, not less."""
    found = worth(bills(-900), PLAIN)
    assert (found.value_minor, found.low_minor) == (0, 0)


def test_a_clock_before_the_bills_knows_none_of_them() -> None:
    """Reckoned for an instant before the first bill, the value does not rest on bills."""
    customer = arrived(bills(500), T0)
    assert view.lifetime_value(customer, T0 - DAY, UTC, PLAIN) is None


def test_the_value_is_shown_with_what_it_rests_on() -> None:
    """The state for people has value, interval and grounds."""
    shown = describe(arrived([*bills(500), (T0, PaymentMade(amount_minor=500))], T0), PLAIN)["value"]
    assert shown["recency_days"] == 0
    assert "recency_score" not in shown
    assert shown["lifetime_value"]["margin_from"] == "bills"
    assert shown["lifetime_value"]["low_minor"] < shown["lifetime_value"]["value_minor"]
