"""The calls that are going on, with what was said last.

Unit: calls and turns. Window: the three calls that began last; of each the four turns with the highest number, 240
characters of each. Equals: the calls begun and not ended, with those turns. Order-free, except that a turn which comes
after its call's end is left out. No tick: a call whose end never comes counts as over after `CALL_LIMIT_MS`, which
readers see by themselves.
"""

from __future__ import annotations

from bisect import insort

from cem.domain.customer import Customer
from cem.domain.events.calls import CallEnded, CallStarted, CallTurn
from cem.domain.localtime import HOUR_MS
from cem.domain.state.talk import OpenCall, Turn

__all__ = ["CALLS_KEPT", "CALL_LIMIT_MS", "TEXT_KEPT", "TURNS_KEPT", "close_call", "hear_turn", "open_call"]

CALLS_KEPT = 3
TURNS_KEPT = 4
TEXT_KEPT = 240
#: No call lasts longer.
CALL_LIMIT_MS = 4 * HOUR_MS


def open_call(customer: Customer, event: CallStarted, at_ms: int) -> None:
    """Fold `call.started` of a call whose end has not been seen."""
    call = _call(customer, event.call_id)
    call.started_ms = at_ms
    call.direction = str(event.direction)
    call.line = event.line or ""
    call.queue = event.queue or ""
    call.rep_id = event.rep_id or ""
    call.reason = event.reason or ""
    call.intent = event.intent or ""
    call.language = event.language or ""
    calls = customer.talk.calls
    calls.sort(key=_seen_ms)
    del calls[:-CALLS_KEPT]


def hear_turn(customer: Customer, event: CallTurn, at_ms: int) -> OpenCall:
    """Fold `call.turn` of a call whose end has not been seen, and return the call."""
    call = _call(customer, event.call_id)
    turn = Turn(event.turn, str(event.speaker), event.text[:TEXT_KEPT], at_ms)
    for index, other in enumerate(call.turns):
        if other.turn == turn.turn:
            call.turns[index] = turn
            return call
    insort(call.turns, turn, key=_number)
    del call.turns[:-TURNS_KEPT]
    calls = customer.talk.calls
    calls.sort(key=_seen_ms)
    del calls[:-CALLS_KEPT]
    return call


def close_call(customer: Customer, event: CallEnded) -> OpenCall | None:
    """Fold `call.ended`; return the call as it was, if it was open."""
    calls = customer.talk.calls
    for call in calls:
        if call.call_id == event.call_id:
            calls.remove(call)
            return call
    return None


def _call(customer: Customer, call_id: str) -> OpenCall:
    calls = customer.talk.calls
    for call in calls:
        if call.call_id == call_id:
            return call
    call = OpenCall(call_id, 0)
    calls.append(call)
    return call


def _seen_ms(call: OpenCall) -> int:
    return call.started_ms or call.turns[-1].at_ms


def _number(turn: Turn) -> int:
    return turn.turn
