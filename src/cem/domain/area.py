"""What a record, or the passing of time, does to an area. Its detectors of outages are called from here.

An area's records come on `cem.inbox` under `area:NAME`. Each is folded once, in the area's lane, whoever the
customers are that live there.
"""

from __future__ import annotations

from cem.domain.context import FoldContext
from cem.domain.detectors import outage
from cem.domain.duplicates import first_time
from cem.domain.events.areas import AreaFelt
from cem.domain.events.envelope import Received
from cem.domain.events.service import ServiceDegraded, ServiceRestored
from cem.domain.state.area import Area

__all__ = ["area_due_ms", "fold_area", "tick_area"]


def fold_area(area: Area, received: Received, ctx: FoldContext) -> bool:
    """Fold one record into the area. Returns False, and changes only a counter, if it was folded before."""
    if not first_time(area, received):
        area.duplicates += 1
        return False
    area.records += 1
    if received.ingested_ms > area.as_of_ms:
        area.as_of_ms = received.ingested_ms
    event = received.event
    if isinstance(event, AreaFelt | ServiceDegraded | ServiceRestored):
        outage.feel(area, event, received.time_ms, ctx)
    return True


def tick_area(area: Area, now_ms: int, ctx: FoldContext) -> None:
    """Do everything that is due by `now_ms`."""
    if 0 < area.due_ms <= now_ms:
        outage.forget(area, now_ms, ctx)


def area_due_ms(area: Area) -> int | None:
    """Return when the next tick has something to do, or None."""
    return area.due_ms or None
