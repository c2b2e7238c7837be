"""Recency, frequency and money with scores among the lane's customers, and cohorts, against plain computations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain import view
from cem.domain.customer import Customer, decode_customer, encode_customer, new_customer
from cem.domain.events import (
    BillIssued,
    ContractCancelled,
    ContractRenewed,
    CustomerErased,
    Event,
    NoteWritten,
    PaymentFailed,
    PaymentMade,
    ProfileChanged,
    PurchaseMade,
)
from cem.domain.events.enums import CustomerStatus, Initiative
from cem.domain.facts.value import HALF_LIFE_S, absorb_value, forget_value, refresh_scores
from cem.domain.fold import fold, tick
from cem.domain.quantiles import BUCKETS_MOST, MEMBERS_LEAST, bucket_of
from cem.domain.state.lane import LaneState
from cem.domain.state.value import VALUES, unpack_cohort, unpack_money
from tests.builders.customers import DAY, HOUR, T0, Context, arrived, received

UTC = ZoneInfo("UTC")
TODAY = date(2025, 3, 3)
YEAR = 365.25

#: (hours after T0, minor units, bought and not paid)
MONEY = st.lists(st.tuples(st.integers(0, 24 * 500), st.integers(0, 90_000), st.booleans()), max_size=20)


def money_events(rows: Iterable[tuple[int, int, bool]]) -> list[tuple[int, Event]]:
    return [
        (
            T0 + hour * HOUR,
            PurchaseMade(product="p", amount_minor=minor) if bought else PaymentMade(amount_minor=minor),
        )
        for hour, minor, bought in rows
    ]


def lane_of(payments: dict[str, list[tuple[int, int, bool]]], ctx: Context) -> dict[str, Customer]:
    """Return customers of one lane who paid these."""
    customers = {name: new_customer(name) for name in payments}
    for name, rows in payments.items():
        pay(customers[name], money_events(rows), ctx)
    return customers


def pay(customer: Customer, events: Iterable[tuple[int, Event]], ctx: Context) -> None:
    for number, (at_ms, event) in enumerate(events):
        fold(customer, received(event, at_ms, customer_id=customer.customer_id, id=f"{at_ms}-{number}"), ctx)


@settings(max_examples=100, deadline=None)
@given(MONEY, st.integers(0, 600), st.data())
def test_any_order_gives_the_weighted_sums(
    rows: list[tuple[int, int, bool]], days: int, data: st.DataObject
) -> None:
    """In any order and cut, recency is the newest one's age, and both levels are the sums weighed by age."""
    now_ms = T0 + (500 + days) * DAY
    customer, ctx = new_customer("C1"), Context(now_ms)
    cut = data.draw(st.integers(0, 20))
    for number, (at_ms, event) in enumerate(data.draw(st.permutations(money_events(rows)))):
        fold(customer, received(event, at_ms, id=f"e{number}"), ctx)
        if number == cut:
            customer = decode_customer(encode_customer(customer))
            ctx.lane = LaneState.decode(ctx.lane.encode())
    found = view.rfm(customer, now_ms)
    if not rows:
        assert found is None
        return
    assert found is not None
    ages_s = [(now_ms - T0) / 1000 - hour * 3600 for hour, _, _ in rows]
    weights = [0.5 ** (age_s / HALF_LIFE_S) for age_s in ages_s]
    level = HALF_LIFE_S / 0.6931471805599453 / (YEAR * 86_400)
    assert found.recency_days == min(ages_s) / 86_400
    assert found.a_year == pytest.approx(sum(weights) / level, rel=1e-6)
    amount = sum(weight * minor for weight, (_, minor, _) in zip(weights, rows, strict=True))
    assert found.a_year_minor == pytest.approx(amount / level, rel=1e-9, abs=1e-9)


def test_a_steady_payer_has_his_year() -> None:
    """Who has paid 1,000 a month for long is at twelve payments and 12,000 a year."""
    rows = [(24 * 30 * n, 1_000, False) for n in range(60)]
    found = view.rfm(arrived(money_events(rows), T0), T0 + 60 * 30 * DAY)
    assert found is not None
    assert found.a_year == pytest.approx(YEAR / 30, rel=0.07)
    assert found.a_year_minor == pytest.approx(1_000 * YEAR / 30, rel=0.07)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 9_000), st.integers(0, 9_000), st.booleans()), min_size=1, max_size=3),
             min_size=MEMBERS_LEAST, max_size=16),
    st.data(),
)  # fmt: skip
def test_scores_are_those_among_the_lane(
    payments: list[list[tuple[int, int, bool]]], data: st.DataObject
) -> None:
    """Whoever pays in which order, each customer scored anew is where his buckets are among those of all."""
    now_ms = T0 + 400 * DAY
    ctx = Context(now_ms)
    events = [(f"C{n}", event) for n, rows in enumerate(payments) for event in money_events(rows)]
    customers = {f"C{n}": new_customer(f"C{n}") for n in range(len(payments))}
    for number, (name, (at_ms, event)) in enumerate(data.draw(st.permutations(events))):
        fold(customers[name], received(event, at_ms, customer_id=name, id=f"e{number}"), ctx)
    places = {}
    for name, customer in customers.items():
        money = unpack_money(customer.value)
        places[name] = (
            money.last_s // 86_400,
            bucket_of(max(money.number, 1e-12)),
            bucket_of(max(money.amount, 1e-12)),
        )
    for name, customer in customers.items():
        refresh_scores(customer, ctx, daily=False)
        expected = []
        for index in range(3):
            mine, all_ = places[name][index], [place[index] for place in places.values()]
            below, same = sum(other < mine for other in all_), all_.count(mine)
            expected.append(min(5, 1 + 5 * (2 * below + same) // (2 * len(all_))))
        found = view.rfm(customer, now_ms)
        assert found is not None
        assert found.scores == tuple(expected)


def ladder(ctx: Context) -> dict[str, Customer]:
    """Return twenty customers, each of whom paid more, more often and later than the one before."""
    return lane_of(
        {f"C{n:02d}": [(24 * n, 100 * 3**n // 2**n, False)] * (n + 1) for n in range(20)},
        ctx,
    )


def test_the_score_follows_the_population_when_something_else_is_due() -> None:
    """A tick makes yesterday's score anew, today's not; nobody is woken for it alone."""
    ctx = Context(T0 + 30 * DAY)
    customers = ladder(ctx)
    best = customers["C19"]
    paid = view.rfm(best, ctx.lane_time_ms)
    assert paid is not None
    assert paid.scores == (5, 5, 5)
    lane_of({f"D{n}": [(24 * 29, 10_000_000, False)] * 30 for n in range(40)}, ctx)
    for day, scores in ((0, (5, 5, 5)), (1, (2, 2, 2))):
        ctx.lane_time_ms += day * DAY
        tick(best, ctx.lane_time_ms, ctx)
        paid = view.rfm(best, ctx.lane_time_ms)
        assert paid is not None
        assert paid.scores == scores


def test_who_goes_is_compared_with_nobody() -> None:
    """A cancelled account, one cancelled for later, an erased and a closed one leave; who renews comes back as he pays."""
    ctx = Context(T0 + 30 * DAY)
    customers = ladder(ctx)
    members = ctx.lane.look(VALUES).money

    def members_now() -> int:
        assert members.members == sum(members.counts.values())
        return ctx.lane.look(VALUES).money.members

    assert members_now() == 20
    pay(customers["C01"], [(T0 + 31 * DAY, ContractCancelled(effective=TODAY + timedelta(days=90)))], ctx)
    pay(customers["C01"], [(T0 + 32 * DAY, PaymentMade(amount_minor=5))], ctx)
    assert members_now() == 19
    gone = view.rfm(customers["C01"], ctx.lane_time_ms)
    assert gone is not None
    assert gone.scores is None
    pay(
        customers["C01"],
        [(T0 + 33 * DAY, ContractRenewed()), (T0 + 34 * DAY, PaymentMade(amount_minor=5))],
        ctx,
    )
    assert members_now() == 20
    pay(customers["C02"], [(T0 + 31 * DAY, CustomerErased())], ctx)
    assert members_now() == 19
    assert view.rfm(customers["C02"], ctx.lane_time_ms) is None
    pay(customers["C03"], [(T0 + 31 * DAY, ProfileChanged(status=CustomerStatus.CLOSED))], ctx)
    pay(customers["C03"], [(T0 + 32 * DAY, PaymentMade(amount_minor=5))], ctx)
    assert members_now() == 18
    pay(customers["C04"], [(T0 + 31 * DAY, ContractCancelled(line="+1"))], ctx)
    assert members_now() == 18


def test_what_brings_no_money_changes_nothing() -> None:
    """A refused payment and a bill are no payment; nothing is compared of who never paid."""
    customer = arrived(
        [(T0, PaymentFailed(amount_minor=5)), (T0, BillIssued(bill_id="b", total_minor=5))], T0
    )
    assert view.rfm(customer, T0) is None


def test_times_beyond_the_calendar_stay_finite() -> None:
    """A payment centuries away from now neither fails nor takes the numbers out of range."""
    far_ms = 9_000_000_000_000
    customer = arrived([(far_ms, PaymentMade(amount_minor=5)), (1, PaymentMade(amount_minor=5))], T0)
    found = view.rfm(customer, T0)
    assert found is not None
    assert found.recency_days == 0
    assert decode_customer(encode_customer(customer)).value.money == customer.value.money


def test_a_clock_that_goes_back_makes_nobody_newer_than_now() -> None:
    """Seen from before his newest payment, it was now."""
    customer = arrived([(T0, PaymentMade(amount_minor=5))], T0)
    found = view.rfm(customer, T0 - 9 * DAY)
    assert found is not None
    assert found.recency_days == 0


def test_cohorts_count_bills_and_leavers_by_tenure_and_term() -> None:
    """A bill is a month that somebody of his tenure stayed, a cancellation by him one who left; the operator's is none."""
    ctx = Context(T0)
    for number in range(30):
        customer = new_customer(f"C{number}")
        since, end = TODAY - timedelta(days=400), TODAY + timedelta(days=100)
        said = ProfileChanged(contract_start=since, contract_end=end if number % 2 else None)
        initiative = Initiative.OPERATOR if number % 3 == 2 else Initiative.CUSTOMER
        events: list[tuple[int, Event]] = [
            (T0 - DAY, said),
            (T0, BillIssued(bill_id="b1", total_minor=100)),
            (T0, BillIssued(bill_id="b1", total_minor=90)),
            (T0 + HOUR, PaymentMade(amount_minor=5)),
        ]
        if number < 6:
            events.append((T0 + 2 * HOUR, ContractCancelled(initiative=initiative)))
            events.append((T0 + 3 * HOUR, ContractCancelled(initiative=initiative)))
        pay(customer, events, ctx)
    stays = ctx.lane.look(VALUES).stays
    assert stays[12:16] == [15, 2, 15, 2]
    assert sum(stays) == 34
    cohort = unpack_cohort(customer.value)
    assert (cohort.free_months, cohort.free_left, cohort.bound_months, cohort.bound_left) == (15, 2, 15, 2)


def test_the_lane_keeps_a_few_thousand_bytes() -> None:
    """However many customers pay however much, the lane's part is bounded."""
    ctx = Context(T0)
    for number in range(400):
        rows = [(number * 24, 7**n % 1_000_003, False) for n in range(1 + number % 7)]
        pay(new_customer(f"C{number}"), money_events(rows), ctx)
    values = ctx.lane.look(VALUES)
    assert max(len(p.counts) for p in (values.recency, values.frequency, values.money)) <= BUCKETS_MOST
    assert len(ctx.lane.encode()) < 4_000


def test_a_note_wakes_nobody_for_his_score() -> None:
    """Scores alone have no due time."""
    customer = arrived([(T0, PaymentMade(amount_minor=5)), (T0, NoteWritten(text="x"))], T0)
    assert (customer.contacts_due_ms, customer.promises_due_ms, customer.alerts_due_ms) == (0, 0, 0)


def test_two_customers_who_are_one_add_up() -> None:
    """What both brought in is his who goes on, once among those compared; the other is compared with nobody."""
    ctx = Context(T0 + 30 * DAY)
    customers = ladder(ctx)
    one, other = customers["C01"], customers["C05"]
    both = arrived([*money_events([(24, 150, False)] * 2), *money_events([(120, 759, False)] * 6)], T0)
    forget_value(other, ctx)
    absorb_value(one, other, ctx)
    together = view.rfm(one, ctx.lane_time_ms)
    expected = view.rfm(both, ctx.lane_time_ms)
    assert together is not None
    assert expected is not None
    assert together.a_year == pytest.approx(expected.a_year, rel=1e-6)
    assert together.a_year_minor == pytest.approx(expected.a_year_minor, rel=1e-9)
    assert together.recency_days == expected.recency_days
    assert ctx.lane.look(VALUES).money.members == 19
