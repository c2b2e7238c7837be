"""The life of an area's alert: opened, updated, resolved. It is told to operations, so no hour is quiet for it.

Its `customer_id` is a name made of the area's, `area_` first: consumers key alerts by it. An area has at most one open
alert; one that would be told too late is not kept, as the next record says whether it lasts.
"""

from __future__ import annotations

import re
from zlib import crc32

from cem.domain.alert_object import alert_id, published
from cem.domain.context import FoldContext
from cem.domain.events.alerts import Alert, AlertOpened, AlertResolved, AlertUpdated
from cem.domain.events.enums import AlertState, Severity
from cem.domain.finding import Finding
from cem.domain.state.alerts import StoredAlert
from cem.domain.state.area import Area

__all__ = ["area_alerts", "area_customer", "close_area_alert", "open_area_alert", "update_area_alert"]

_SEVERITIES = (Severity.WARNING, Severity.ERROR, Severity.CRITICAL)
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,50}\Z")


def area_customer(name: str) -> str:
    """Return what stands for the area called `name` where an alert names a customer."""
    return f"area_{name}" if _PLAIN.match(name) else f"area_{crc32(name.encode()):08x}"


def area_alerts(area: Area) -> list[Alert]:
    """Return the area's alerts as the world sees them, newest first."""
    stored = [*area.alerts.closed, *area.alerts.open]
    return [published(_customer(area), alert) for alert in reversed(stored)]


def open_area_alert(area: Area, finding: Finding, ctx: FoldContext) -> None:
    """Open the alert of the finding, unless it would be told too late."""
    now_ms = ctx.lane_time_ms
    if now_ms - finding.at_ms > ctx.late_limit_ms or now_ms >= finding.deliver_before_ms:
        return
    alert = StoredAlert.new(
        finding.type,
        finding.subject,
        finding.cause,
        finding.at_ms,
        deliver_before_ms=finding.deliver_before_ms,
        tell_who=str(finding.who),
    )
    _take(alert, finding)
    area.alerts.open.append(alert)
    ctx.index("alerts", _member(area, alert), alert.opened_ms)
    _publish(area, AlertOpened, alert, "opened", ctx)


def update_area_alert(area: Area, alert: StoredAlert, finding: Finding, ctx: FoldContext) -> None:
    """Take over what is known more, and tell it."""
    _take(alert, finding)
    alert.deliver_before_ms = max(alert.deliver_before_ms, finding.deliver_before_ms)
    alert.updated_ms, alert.reason = max(alert.updated_ms, finding.at_ms), "more households"
    _publish(area, AlertUpdated, alert, "updated", ctx)


def close_area_alert(area: Area, alert: StoredAlert, reason: str, at_ms: int, ctx: FoldContext) -> None:
    """End the open alert."""
    area.alerts.open.remove(alert)
    alert.state, alert.reason = str(AlertState.RESOLVED), reason
    alert.closed_ms = alert.updated_ms = max(at_ms, alert.opened_ms)
    _publish(area, AlertResolved, alert, "resolved", ctx)
    area.alerts.closed.append(alert)
    while len(area.alerts.closed) > ctx.alerts.closed_kept:
        ctx.index("alerts", _member(area, area.alerts.closed.pop(0)), None)


def _take(alert: StoredAlert, finding: Finding) -> None:
    rank = finding.steps + (str(finding.tier) == "alert") - 1
    alert.tier, alert.evidence = str(finding.tier), finding.evidence
    alert.severity = str(_SEVERITIES[max(0, min(rank, len(_SEVERITIES) - 1))])


def _publish(area: Area, kind: type[Alert], alert: StoredAlert, what: str, ctx: FoldContext) -> None:
    event = kind.of(published(_customer(area), alert))
    ctx.emit(event, kind=f"{alert.type}.{what}", key=event.customer_id)


def _customer(area: Area) -> str:
    return area_customer(area.name.partition(":")[2])


def _member(area: Area, alert: StoredAlert) -> str:
    return f"{area.name}|{alert_id(_customer(area), alert)}"
