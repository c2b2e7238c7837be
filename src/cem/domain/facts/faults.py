"""Faults and degradations that the household felt.

Unit: faults. Window: the last two, and all that were felt in the last 31 days (at most 64), seen from the newest; one
that nobody ended is taken for lasting 14 days. Their number for ever. A beginning and an end are one fault if they name
one incident, or else, of one service and place, if the end is the first after the beginning; an end alone counts for
nothing. Equals: that matching over all events sorted by time. Order-free where incidents are named. No tick: counts in
windows are evaluated at the reader's instant.
"""

from __future__ import annotations

from bisect import insort

from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.envelope import Received
from cem.domain.events.service import ServiceDegraded, ServiceRestored
from cem.domain.localtime import DAY_MS
from cem.domain.state.service import Fault

__all__ = ["FAULTS_IN_WINDOW", "FAULTS_KEPT", "FAULT_LASTS_MS", "begin_fault", "end_fault"]

FAULTS_KEPT = 2
FAULTS_IN_WINDOW = 64
_HORIZON_MS = 31 * DAY_MS
#: A fault that nobody ended is taken for going on so long.
FAULT_LASTS_MS = 14 * DAY_MS


def begin_fault(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `service.degraded`."""
    event = received.event
    assert isinstance(event, ServiceDegraded)
    begun = Fault(str(event.kind), event.line or "", received.time_ms, 0, event.incident_id or "")
    faults = customer.service.faults
    for fault in faults:
        if _is_same(fault, begun) and (
            begun.incident_id or (fault.began_ms == 0 and fault.ended_ms >= begun.began_ms)
        ):
            if fault.began_ms == 0:
                customer.service.faults_total += 1
            if fault.began_ms == 0 or begun.began_ms < fault.began_ms:
                fault.began_ms = begun.began_ms
            _keep(customer)
            return
    customer.service.faults_total += 1
    insort(faults, begun, key=_at)
    _keep(customer)


def end_fault(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `service.restored`."""
    event = received.event
    assert isinstance(event, ServiceRestored)
    ended = Fault(str(event.kind), event.line or "", 0, received.time_ms, event.incident_id or "")
    faults = customer.service.faults
    for fault in faults:
        if _is_same(fault, ended) and (
            ended.incident_id or (fault.ended_ms == 0 and fault.began_ms <= ended.ended_ms)
        ):
            fault.ended_ms = max(fault.ended_ms, ended.ended_ms)
            return
    insort(faults, ended, key=_at)
    _keep(customer)


def _is_same(fault: Fault, said: Fault) -> bool:
    """Tell whether what was said just now can be of a fault that is kept: the same incident, or service and place."""
    if said.incident_id or fault.incident_id:
        return fault.incident_id == said.incident_id and fault.line == said.line
    return fault.kind == said.kind and fault.line == said.line


def _keep(customer: Customer) -> None:
    faults = customer.service.faults
    faults.sort(key=_at)
    if len(faults) > FAULTS_KEPT:
        horizon_ms = max(fault.began_ms for fault in faults) - _HORIZON_MS
        older = [fault for fault in faults[:-FAULTS_KEPT] if _felt_until(fault) > horizon_ms]
        faults[:-FAULTS_KEPT] = older[-(FAULTS_IN_WINDOW - FAULTS_KEPT) :]


def _at(fault: Fault) -> int:
    return fault.began_ms or fault.ended_ms


def _felt_until(fault: Fault) -> int:
    return fault.ended_ms or fault.began_ms + FAULT_LASTS_MS
