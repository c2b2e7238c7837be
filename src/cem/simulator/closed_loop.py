"""Judging a policy in process: the world runs, its representatives ask, the policy answers, the world reacts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from cem.domain.events import OutcomeRecorded
from cem.domain.events.enums import Channel, OutcomeState
from cem.simulator.facade import answer
from cem.simulator.parameters import DAY_MS
from cem.simulator.world import Ask, Outcome, Produced, World
from cem.simulator.world.core import Totals
from cem.simulator.world.leaving import daily_hazard
from cem.simulator.world.people import Offered

__all__ = ["Answered", "Decide", "Judged", "Observe", "run"]


class Answered(msgspec.Struct, frozen=True):
    """What a policy says to an Ask; no actions: just help."""

    actions: Sequence[Offered] = ()
    decision_id: str = ""


#: The policy.
Decide = Callable[[Ask], Answered]
#: Hears everything that the streams carry, in their order, before the policy is asked about it.
Observe = Callable[[Sequence[Produced]], None]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the operator under a policy, from the first to the last day judged. Money in minor units."""

    days: int
    customers: int
    asks: int
    paid_minor: int
    spent_minor: int
    calls: int
    repeat_calls: int
    #: Mean true satisfaction after a contact, CSAT points.
    csat: float
    solved_share: float
    offered: int
    accepted: int
    left: int
    #: Means over the customers who are left, at the end.
    mood: float
    hazard: float

    def value_minor(
        self, *, month_minor: float, cost_of_call_minor: float = 400.0, months: int = 12
    ) -> float:
        """Return what the days were worth: paid, less actions and calls, less what those who left would have paid."""
        lost = self.left * month_minor * months
        return self.paid_minor - self.spent_minor - self.calls * cost_of_call_minor - lost


def run(world: World, decide: Decide, days: int, *, observe: Observe | None = None) -> Judged:
    """Let the world live `days` more days under a policy and return what became of it.

    Representatives ask from now on. Outcomes are events for `observe` too, as the API would have written them.
    """
    from_ms = world.now_ms
    world.asks_from_ms = min(world.asks_from_ms, from_ms)
    before = msgspec.structs.replace(world.totals)
    end_ms, asks, outcomes = from_ms + days * DAY_MS, 0, 0
    while world.now_ms < end_ms:
        events = world.advance(end_ms, stop_at_ask=True)
        told = world.take_outcomes()
        if observe is not None:
            written = [_written(world, outcome, outcomes + n + 1) for n, outcome in enumerate(told)]
            observe(sorted([*events, *written], key=lambda p: p.recorded_ms) if written else events)
        outcomes += len(told)
        for ask in world.take_asks():
            asks += 1
            answered = decide(ask)
            answer(world, ask, answered.decision_id or f"decision-{ask.call_id}", answered.actions)
    return _judged(world, before, days, asks)


def _written(world: World, outcome: Outcome, number: int) -> Produced:
    event = OutcomeRecorded(
        decision_id=outcome.decision_id,
        state=OutcomeState(outcome.state),
        action=outcome.action or None,
        reason=outcome.reason or None,
        rep_id=outcome.rep_id or None,
        channel=Channel.CALL,
    )
    source = f"/simulator/{world.parameters.seed}/outcomes"
    return Produced(
        event.TOPIC,
        outcome.customer_id,
        event,
        outcome.at_ms,
        outcome.at_ms,
        f"outcome-{number}",
        source,
        number,
    )


def _judged(world: World, before: Totals, days: int, asks: int) -> Judged:
    now, people = world.totals, world.people
    contacts = max(1, now.contacts - before.contacts)
    calls = now.calls - before.calls
    active = people.active
    hazard = daily_hazard(world.parameters, people, world.day)
    return Judged(
        days=days,
        customers=int(active.sum()),
        asks=asks,
        paid_minor=now.paid_minor - before.paid_minor,
        spent_minor=now.spent_minor - before.spent_minor,
        calls=calls,
        repeat_calls=now.repeat_calls - before.repeat_calls,
        csat=(now.csat_sum - before.csat_sum) / contacts,
        solved_share=(now.solved - before.solved) / max(1, calls),
        offered=now.offered - before.offered,
        accepted=now.accepted - before.accepted,
        left=now.left - before.left,
        mood=float(people.mood[active].mean()) if active.any() else 0.0,
        hazard=float(hazard[active].mean()) if active.any() else 0.0,
    )
