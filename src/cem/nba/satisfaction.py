"""How satisfied a customer seems between surveys: what the model says, and a stated index until it says something.

The index is the level of his answers (`cem.domain.view.csat_level`), less what he has suffered since. A CSAT point, 1 to
5. The model speaks at the end of each contact and once a week; of what has come since it knows nothing, so whoever has
suffered since is taken to be as badly off as the worse of the two says.
"""

from __future__ import annotations

from typing import Final

from cem.domain.view import csat_level
from cem.nba.situation import Situation

__all__ = ["estimate"]

#: Points taken off for each thing suffered, and how many of its kind count.
OPEN_FAULT: Final = (0.6, 1)
PAST_FAULT_DAY: Final = (0.2, 2)
UNRESOLVED: Final = (0.35, 2)
REPEAT: Final = (0.3, 1)
LATE_PROMISE: Final = (0.4, 2)
SHOCK: Final = (0.5, 1)


def estimate(situation: Situation) -> float:
    """Return the estimate, rounded to hundredths."""
    predicted = situation.predicted
    if predicted is not None and not _suffered_since(situation, predicted.at_ms):
        return predicted.point
    # Most have suffered little of this; what is 0 takes nothing off.
    off, faults = 0.0, situation.faults
    if faults:
        off += _points(OPEN_FAULT, sum([situation.going_on(fault) for fault, _ in faults]))
        off += _points(PAST_FAULT_DAY, int(sum([hours for _, hours in faults]) // 24))
    if situation.unresolved:
        off += _points(UNRESOLVED, situation.unresolved)
    if situation.repeats:
        off += _points(REPEAT, 1)
    if situation.late_promises:
        off += _points(LATE_PROMISE, situation.late_promises)
    if _shocked(situation):
        off += _points(SHOCK, 1)
    index = round(min(5.0, max(1.0, csat_level(situation.customer, situation.now_ms) - off)), 2)
    return index if predicted is None else min(predicted.point, index)


def _points(weight: tuple[float, int], count: int) -> float:
    points, most = weight
    return points * min(count, most)


def _suffered_since(situation: Situation, at_ms: int) -> bool:
    """Return whether a fault, a bill or a broken promise has come since then."""
    bill = situation.bill
    service = situation.customer.service
    dues = [o.due_ms for o in service.orders if not o.delivered_ms]
    dues += [t.due_ms for t in service.tasks if not t.closed_ms]
    return (
        any(fault.began_ms > at_ms for fault, _ in situation.faults)
        or (bill is not None and bill.issued_ms > at_ms and _shocked(situation))
        or any(at_ms < due < situation.now_ms for due in dues)
    )


def _shocked(situation: Situation) -> bool:
    """Return whether a bill of the last 30 days is a third above the one before."""
    last, before = situation.bill, situation.bill_before
    if last is None or before is None or situation.days_since(last.issued_ms) > 30:
        return False
    return before.total_minor > 0 and last.total_minor * 3 > before.total_minor * 4
