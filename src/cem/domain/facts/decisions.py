"""The last decisions made for the customer and what became of them: what cool-downs and caps count.

Unit: actions of decisions. Window: the last twelve, and all of the last 31 days (at most 40), seen from the newest;
numbers for ever. An outcome that names another action than the decision's first is an entry of its own. The state is
the furthest one reached: returned, displayed, offered, ignored, then declined or accepted (the later said), then done.
Equals: the entries by decision and action sorted by time, each at its furthest state. Order-free. No tick: how long ago
something was is a matter of the reader's instant.
"""

from __future__ import annotations

from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.decisions import DecisionMade
from cem.domain.events.envelope import Received
from cem.domain.events.outcomes import OutcomeRecorded
from cem.domain.localtime import DAY_MS
from cem.domain.state.decisions import Decision, Decisions

__all__ = ["DECISIONS_IN_WINDOW", "DECISIONS_KEPT", "add_decision", "add_outcome"]

DECISIONS_KEPT = 12
DECISIONS_IN_WINDOW = 40
_HORIZON_MS = 31 * DAY_MS

#: How far each state is.
_RANK = {
    "": 0,
    "other": 1,
    "returned": 2,
    "displayed": 3,
    "offered": 4,
    "ignored": 5,
    "declined": 6,
    "accepted": 6,
    "done": 7,
}


def add_decision(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `decision.made`: the action that it put first."""
    event = received.event
    assert isinstance(event, DecisionMade)
    decisions = customer.decisions
    action = event.action or ""
    decisions.total += 1
    unnamed = _find(decisions, event.decision_id, "") if action else None
    made = _find(decisions, event.decision_id, action)
    if made is None:
        made = Decision(event.decision_id, received.time_ms, action)
        decisions.made.append(made)
    if unnamed is not None and not unnamed.made:
        # Its outcome was seen before it, and meant the first action.
        _go_on(decisions, made, unnamed.state, unnamed.state_ms, unnamed.reason, unnamed.instead)
        _uncount(decisions, unnamed)
        decisions.made.remove(unnamed)
    made.at_ms = received.time_ms
    made.made = True
    made.treatment = event.treatment or ""
    made.channel = str(event.channel) if event.channel else made.channel
    made.proactive = event.proactive
    made.shadow = event.shadow
    _cut(decisions)


def add_outcome(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `outcome.recorded`."""
    event = received.event
    assert isinstance(event, OutcomeRecorded)
    decisions = customer.decisions
    if event.action is None:
        found = next((d for d in decisions.made if d.decision_id == event.decision_id and d.made), None)
        found = found or _find(decisions, event.decision_id, "")
    else:
        found = _find(decisions, event.decision_id, event.action)
    if found is None:
        found = Decision(event.decision_id, received.time_ms, event.action or "", made=False)
        decisions.made.append(found)
    elif not found.made:
        found.at_ms = min(found.at_ms, received.time_ms)
    if event.channel and not found.channel:
        found.channel = str(event.channel)
    _go_on(decisions, found, str(event.state), received.time_ms, event.reason or "", event.instead or "")
    _cut(decisions)


def _go_on(decisions: Decisions, entry: Decision, state: str, at_ms: int, reason: str, instead: str) -> None:
    """Move the entry to the state if that is further, or as far and later."""
    if (_RANK[state], at_ms) < (_RANK[entry.state], entry.state_ms):
        return
    _uncount(decisions, entry)
    entry.state, entry.state_ms = state, at_ms
    entry.reason, entry.instead = reason, instead
    decisions.accepted += state in ("accepted", "done")
    decisions.declined += state == "declined"


def _uncount(decisions: Decisions, entry: Decision) -> None:
    decisions.accepted -= entry.state in ("accepted", "done")
    decisions.declined -= entry.state == "declined"


def _find(decisions: Decisions, decision_id: str, action: str) -> Decision | None:
    for entry in decisions.made:
        if entry.decision_id == decision_id and entry.action == action:
            return entry
    return None


def _cut(decisions: Decisions) -> None:
    made = decisions.made
    made.sort(key=_at)
    surplus = len(made) - DECISIONS_KEPT
    if surplus <= 0:
        return
    horizon_ms = made[-1].at_ms - _HORIZON_MS
    drop = 0
    while drop < surplus and (made[drop].at_ms <= horizon_ms or len(made) - drop > DECISIONS_IN_WINDOW):
        drop += 1
    del made[:drop]


def _at(entry: Decision) -> tuple[int, str, str]:
    return entry.at_ms, entry.decision_id, entry.action
