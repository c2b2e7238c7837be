"""The last decisions made for the customer and what became of them: what cool-downs and caps count.

Unit: actions of decisions. Window: the last eight, and all of the last 31 days (at most 40), seen from the newest;
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
from cem.domain.state.decisions import Decision, Decisions, added_last, decision_key, pack_decisions

__all__ = ["DECISIONS_IN_WINDOW", "DECISIONS_KEPT", "add_decision", "add_outcome", "keep_decisions"]

DECISIONS_KEPT = 8
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
    key, action = decision_key(event.decision_id), event.action or ""
    decisions.total += 1
    channel = str(event.channel) if event.channel else ""
    new = Decision(key, received.time_ms, action, event.treatment or "", channel)
    new.proactive, new.shadow = event.proactive, event.shadow
    if added_last(decisions, new, DECISIONS_KEPT):
        return
    made = decisions.made
    entry = _find(made, key, action)
    if entry is None:
        entry = Decision(key, received.time_ms, action)
        made.append(entry)
    unnamed = _find(made, key, "") if action else None
    if unnamed is not None and not unnamed.made:
        # Its outcome was seen before it, and meant the first action.
        _uncount(decisions, unnamed)
        made.remove(unnamed)
        _go_on(decisions, entry, unnamed.state, unnamed.state_ms, unnamed.reason, unnamed.instead)
    entry.at_ms = received.time_ms
    entry.made = True
    entry.treatment = event.treatment or ""
    entry.channel = str(event.channel) if event.channel else entry.channel
    entry.proactive = event.proactive
    entry.shadow = event.shadow
    keep_decisions(decisions, made)


def add_outcome(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `outcome.recorded`."""
    event = received.event
    assert isinstance(event, OutcomeRecorded)
    decisions = customer.decisions
    made = decisions.made
    key, at_ms = decision_key(event.decision_id), received.time_ms
    if event.action is None:
        entry = next((d for d in made if d.key == key and d.made), None) or _find(made, key, "")
    else:
        entry = _find(made, key, event.action)
    if entry is None:
        entry = Decision(key, at_ms, event.action or "", made=False)
        made.append(entry)
    elif not entry.made:
        entry.at_ms = min(entry.at_ms, at_ms)
    if event.channel and not entry.channel:
        entry.channel = str(event.channel)
    _go_on(decisions, entry, str(event.state), at_ms, event.reason or "", event.instead or "")
    keep_decisions(decisions, made)


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


def _find(made: list[Decision], key: int, action: str) -> Decision | None:
    return next((entry for entry in made if entry.key == key and entry.action == action), None)


def keep_decisions(decisions: Decisions, made: list[Decision]) -> None:
    """Cut the list to what is kept and pack it."""
    made.sort(key=_at)
    surplus = len(made) - DECISIONS_KEPT
    drop = 0
    while drop < surplus and (
        made[drop].at_ms <= made[-1].at_ms - _HORIZON_MS or len(made) - drop > DECISIONS_IN_WINDOW
    ):
        drop += 1
    pack_decisions(decisions, made[drop:])


def _at(entry: Decision) -> tuple[int, int, str]:
    return entry.at_ms, entry.key, entry.action
