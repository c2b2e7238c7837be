"""What is kept of somebody of whom nothing is known but what we decided: for 31 days, and then nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from cem.domain.customer import encode_customer, new_customer
from cem.domain.events import CallStarted, DecisionMade, Event, OutcomeRecorded, OutcomeState
from cem.domain.facts.strangers import KEPT_MS, is_stranger
from cem.domain.fold import fold, next_due_ms
from tests.builders.customers import DAY, T0, Context, advance, household, received
from tests.builders.one_lane import LANE, Moment, OneLane, run_lane
from tests.builders.records import record_of


def decision(customer: str = "C1") -> DecisionMade:
    """Return a decision made at T0."""
    as_of = datetime.fromtimestamp(T0 / 1000, UTC)
    return DecisionMade(
        decision_id=f"{customer}.d1", customer_id=customer, as_of=as_of, action="offer", policy_hash="p"
    )


def moment(at_ms: int, event: Event | None, *, customer: str = "typo", offset: int = 0) -> Moment:
    """Return a moment of a lane with one event of the customer; None: only its ticks."""
    if event is None:
        return Moment(at_ms, "cem.calls", [])
    record = record_of(event, key=customer, time_ms=at_ms, id=f"{event.TYPE}-{offset}")
    return Moment(at_ms, event.TOPIC, [record._replace(partition=LANE, offset=offset)])


def states(lane: OneLane) -> list[str]:
    """Return the customers that the store knows."""
    return sorted(key for key in lane.core.values(LANE) if key.startswith("c:"))


def test_a_mistyped_customer_leaves_no_state_for_ever() -> None:
    """The decision is kept as long as it can matter; then state and due time are gone from the store, by tick."""
    asked = moment(T0, decision("typo"))
    kept = run_lane([asked, moment(T0 + KEPT_MS - 1, None)])
    assert states(kept) == ["c:typo"]
    gone = run_lane([asked, moment(T0 + KEPT_MS, None)])
    assert states(gone) == []
    assert gone.core.sorted_sets(LANE) == {}


def test_a_stranger_who_is_heard_of_stays() -> None:
    """Once anything of his own is known he is a customer, and what was decided before counts."""
    outcome = OutcomeRecorded(decision_id="typo.d1", state=OutcomeState.DECLINED)
    lane = run_lane(
        [
            moment(T0, decision("typo")),
            moment(T0 + DAY, outcome),
            moment(T0 + 2 * DAY, CallStarted(call_id="c1")),
            moment(T0 + 60 * DAY, None),
        ]
    )
    assert states(lane) == ["c:typo"]
    customer, _ = household([(T0, decision()), (T0 + DAY, CallStarted(call_id="c1"))])
    assert not is_stranger(customer)
    assert customer.decisions.total == 1


def test_one_who_comes_again_after_that_begins_anew() -> None:
    """Forgotten in memory and read as unknown from the store are the same: equal bytes, whoever owns the lane."""
    customer, ctx = new_customer("C1"), Context(T0)
    fold(customer, received(decision(), T0), ctx)
    assert next_due_ms(customer) == T0 + KEPT_MS
    advance(customer, ctx, T0 + 60 * DAY)
    assert encode_customer(customer) == encode_customer(new_customer("C1"))
    assert next_due_ms(customer) is None


def test_watermarks_of_ordered_sources_outlive_a_stranger() -> None:
    """An import is recognised for ever: whoever has a numbered source is not forgotten."""
    customer, ctx = new_customer("C1"), Context(T0)
    fold(customer, received(decision(), T0, sequence=7), ctx)
    advance(customer, ctx, T0 + 60 * DAY)
    assert customer.sources
    assert not fold(customer, received(decision(), T0, sequence=7), ctx)
