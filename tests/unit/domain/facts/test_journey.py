"""What dealing with the company cost the customer, in all and in the running term, against plain sums."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from cem.domain import view
from cem.domain.absorb import absorb
from cem.domain.customer import decode_customer, encode_customer, new_customer
from cem.domain.describe import describe
from cem.domain.events import (
    CallEnded,
    CallStarted,
    ContractRenewed,
    Event,
    OrderDelivered,
    OrderPlaced,
    OrderPromised,
    PlanChanged,
)
from cem.domain.facts.journey import totals
from cem.domain.fold import fold
from tests.builders.customers import DAY, HOUR, MINUTE, T0, Context, advance, arrived, received

TODAY = date(2025, 3, 3)


class Call(NamedTuple):
    """One call as it was; begun `hour` hours after T0."""

    hour: int
    reason: str | None
    wait_s: int
    transfers: int
    abandoned: bool


class Order(NamedTuple):
    """One order: placed on a day, promised for others, delivered on one or not yet."""

    day: int
    promised: list[int]
    delivered: int | None


CALLS = st.lists(
    st.builds(
        Call,
        st.integers(0, 30 * 24),
        st.sampled_from([None, "billing"]),
        st.integers(0, 600),
        st.integers(0, 3),
        st.booleans(),
    ),
    max_size=12,
    unique_by=lambda call: call.hour,
)
ORDERS = st.lists(
    st.builds(
        Order,
        st.integers(0, 20),
        st.lists(st.integers(0, 30), min_size=1, max_size=2),
        st.one_of(st.none(), st.integers(0, 30)),
    ),
    max_size=4,
)
#: (day said, days until it takes effect; None = at once)
RENEWALS = st.lists(st.tuples(st.integers(0, 30), st.one_of(st.none(), st.integers(0, 40))), max_size=3)


def _events(
    calls: list[Call], orders: list[Order], renewals: list[tuple[int, int | None]]
) -> list[tuple[int, Event]]:
    found: list[tuple[int, Event]] = []
    for n, call in enumerate(calls):
        at_ms = T0 + call.hour * HOUR
        found.append((at_ms, CallStarted(call_id=f"c{n}", reason=call.reason)))
        found.append(
            (
                at_ms + (call.wait_s + 60) * 1000,
                CallEnded(
                    call_id=f"c{n}",
                    duration_s=60,
                    wait_s=call.wait_s,
                    transfers=call.transfers,
                    abandoned=call.abandoned,
                    reason=call.reason,
                ),
            )
        )
    for n, order in enumerate(orders):
        for i, day in enumerate(order.promised):
            kind = OrderPromised if i else OrderPlaced
            found.append(
                (
                    T0 + order.day * DAY + i * MINUTE + n,
                    kind(order_id=f"o{n}", product="phone", promised=TODAY + timedelta(days=day)),
                )
            )
        if order.delivered is not None:
            found.append((T0 + order.delivered * DAY + HOUR + n, OrderDelivered(order_id=f"o{n}")))
    for day, later in renewals:
        effective = None if later is None else TODAY + timedelta(days=day + later)
        found.append((T0 + day * DAY, ContractRenewed(effective=effective)))
    return found


@settings(max_examples=150, deadline=None)
@given(CALLS, ORDERS, RENEWALS, st.integers(0, 50 * 24), st.data())
def test_any_order_gives_the_sums_of_the_running_term(
    calls: list[Call],
    orders: list[Order],
    renewals: list[tuple[int, int | None]],
    hours: int,
    data: st.DataObject,
) -> None:
    """In any order and cut, the running term holds the contacts and promises since the latest renewal in effect."""
    now_ms = T0 + hours * HOUR
    customer, ctx = new_customer("C1"), Context(T0)
    cut = data.draw(st.integers(0, 40))
    for number, (at_ms, event) in enumerate(data.draw(st.permutations(_events(calls, orders, renewals)))):
        fold(customer, received(event, at_ms, id=f"e{number}"), ctx)
        if number == cut:
            advance(customer, ctx, T0 + (now_ms - T0) // 2)
            customer = decode_customer(encode_customer(customer))
    advance(customer, ctx, now_ms)
    begins = [T0 + (day + (later or 0)) * DAY for day, later in renewals]
    began_ms = max((begin for begin in begins if begin <= now_ms), default=0)
    mine = [c for c in calls if T0 + c.hour * HOUR >= began_ms]
    repeated = sum(any(o.reason == c.reason and 0 < o.hour - c.hour < 7 * 24 for o in calls) for c in mine)
    kept = missed = 0
    for n, order in enumerate(orders):
        due_ms = T0 + (order.promised[-1] + 1) * DAY
        if due_ms >= began_ms:
            done_ms = None if order.delivered is None else T0 + order.delivered * DAY + HOUR + n
            kept += done_ms is not None and done_ms < due_ms
            missed += (done_ms is not None and done_ms >= due_ms) or (done_ms is None and now_ms >= due_ms)
    assert view.journey_quality(customer, now_ms) == view.JourneyQuality(
        began_ms,
        len(mine),
        repeated,
        kept,
        missed,
        sum(c.wait_s for c in mine),
        0,
        sum(c.transfers for c in mine),
        sum(c.abandoned for c in mine),
    )
    in_all = totals(customer)
    assert (in_all[0], in_all[4], in_all[6], in_all[7]) == (
        len(calls),
        sum(c.wait_s for c in calls),
        sum(c.transfers for c in calls),
        sum(c.abandoned for c in calls),
    )


def test_a_renewal_for_later_takes_effect_by_itself() -> None:
    """Until its day the old term runs; from its first millisecond the new one, without any record."""
    calls = [Call(0, "billing", 30, 1, False)]
    renewal = (T0 + DAY, ContractRenewed(effective=TODAY + timedelta(days=10)))
    customer = arrived([*_events(calls, [], []), renewal], T0 + DAY)
    before, after = (view.journey_quality(customer, T0 + 10 * DAY - ms) for ms in (1, 0))
    assert (before.began_ms, before.contacts, before.wait_s) == (0, 1, 30)
    assert (after.began_ms, after.contacts, after.wait_s) == (T0 + 10 * DAY, 0, 0)


def test_a_plan_with_a_new_end_begins_a_term_and_one_without_does_not() -> None:
    """A change of plan within the term leaves the term as it is."""
    for end, began_ms in ((None, 0), (TODAY + timedelta(days=365), T0)):
        customer = arrived([(T0, PlanChanged(plan="m", end=end))], T0 + DAY)
        assert view.journey_quality(customer, T0 + DAY).began_ms == began_ms


def test_a_reader_before_the_term_sees_all_the_time() -> None:
    """With a clock that has gone back behind the running term's beginning, the quality is that of all the time."""
    customer = arrived(
        [*_events([Call(0, None, 5, 0, False)], [], []), (T0 + DAY, ContractRenewed())], T0 + DAY
    )
    assert view.journey_quality(customer, T0 + 2 * DAY).contacts == 0
    assert view.journey_quality(customer, T0).contacts == 1


def test_nothing_is_known_of_a_new_customer() -> None:
    """Without contacts and promises everything is zero, and no share is claimed."""
    quality = view.journey_quality(new_customer("C1"), T0)
    assert (quality.contacts, quality.wait_s, quality.kept_share) == (0, 0, None)
    assert "journey" not in describe(new_customer("C1"))


def test_the_term_is_shown_beside_the_whole() -> None:
    """The state for people gives both, with the day on which the term began."""
    events = [
        *_events([Call(0, None, 5, 0, False), Call(48, None, 7, 0, True)], [], []),
        (T0 + DAY, ContractRenewed()),
    ]
    shown = describe(arrived(events, T0 + 3 * DAY))["journey"]
    assert shown["in_all"] == {"contacts": 2, "repeated": 1, "wait_s": 12, "abandoned": 1}
    began = datetime.fromtimestamp((T0 + DAY) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert shown["this_term"] == {"began": began, "contacts": 1, "repeated": 0, "promises_kept": 0} | {
        "promises_missed": 0, "wait_s": 7, "hold_s": 0, "transfers": 0, "abandoned": 1,
    }  # fmt: skip


def test_two_customers_who_are_one_add_up() -> None:
    """The newer term of both runs; each contact of either is in it or before it by its time."""
    now_ms = T0 + 20 * DAY
    calls = [Call(0, "a", 10, 1, False), Call(24 * 9, "b", 20, 0, False), Call(24 * 12, "c", 40, 2, True)]
    renewal = (T0 + 10 * DAY, ContractRenewed())
    mine, theirs = _events(calls[:1], [], []), _events(calls[1:], [], [])
    theirs = [(at_ms, type(e)(**{**asdict(e), "call_id": "x" + e.call_id})) for at_ms, e in theirs]
    one, other = arrived([*mine, renewal], now_ms), arrived(theirs, now_ms)
    absorb(one, other, now_ms)
    quality = view.journey_quality(one, now_ms)
    assert (quality.began_ms, quality.contacts, quality.wait_s) == (T0 + 10 * DAY, 1, 40)
    assert totals(one)[0] == 3
    assert totals(one)[4] == 70
