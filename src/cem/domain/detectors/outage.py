"""An outage of an area: many households without a service within an hour are one alert, told to operations.

Unit: households that feel a fault now, each once. It opens when `households` of them lost a service within
`window_min`, or when the operator itself reports a fault of the area (`service.degraded` keyed `area:NAME`); from
`alert_households` felt at once on it is an alert, below a notice. It is updated when twice as many feel it as were told.
It ends when fewer than half of `households` feel it, or when the operator reports the area restored. A household that
nobody reports restored is forgotten after `forget_h`, by tick. What single households feel is told to nobody.

A household counts once, from its earliest loss; an end that arrives before its beginning is not waited for.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zlib import crc32

from cem.domain.area_alerts import close_area_alert, open_area_alert, update_area_alert
from cem.domain.context import FoldContext
from cem.domain.events.areas import AreaFelt
from cem.domain.events.enums import AlertTier, Tell
from cem.domain.events.service import ServiceDegraded, ServiceRestored
from cem.domain.finding import Finding
from cem.domain.localtime import HOUR_MS
from cem.domain.state.alerts import Evidence
from cem.domain.state.area import SAID, Area, Felt, pack_felt, unpack_felt
from cem.domain.thresholds import RemedyPolicy

__all__ = ["HOUSEHOLDS_KEPT", "TYPE", "feel", "forget"]

TYPE = "outage"
#: Households of an area that are counted one by one; the newest.
HOUSEHOLDS_KEPT = 4_000
_MINUTE_MS = 60_000
_NOTHING = RemedyPolicy("")


def feel(
    area: Area, event: AreaFelt | ServiceDegraded | ServiceRestored, at_ms: int, ctx: FoldContext
) -> None:
    """Note what a household, or the whole area, has lost or has back, and tell if that makes or ends an outage."""
    rows = unpack_felt(area.felt)
    if isinstance(event, AreaFelt):
        key = crc32(event.customer_id.encode()) or 1
        known = [row for row in rows if row.key == key]
        rows = [row for row in rows if row.key != key]
        if not event.ended:
            began_s = min([at_ms // 1000, *(row.began_s for row in known)])
            rows.append(Felt(began_s, key))
    elif isinstance(event, ServiceDegraded):
        rows = [*(row for row in rows if row.key != SAID), Felt(at_ms // 1000, SAID)]
    else:
        rows = []
    _judge(area, rows, at_ms, str(event.kind), ctx)


def forget(area: Area, now_ms: int, ctx: FoldContext) -> None:
    """Drop the households of which nothing was heard for too long; ends an outage that nobody feels any more."""
    _judge(area, unpack_felt(area.felt), now_ms, "", ctx)


def _judge(area: Area, rows: list[Felt], at_ms: int, service: str, ctx: FoldContext) -> None:
    policy = ctx.alerts.outage
    since_s = (ctx.lane_time_ms - policy.forget_h * HOUR_MS) // 1000
    rows = sorted(row for row in rows if row.began_s > since_s)[-HOUSEHOLDS_KEPT:]
    area.felt = pack_felt(rows)
    area.due_ms = (rows[0].began_s + policy.forget_h * 3600) * 1000 if rows else 0
    said = any(row.key == SAID for row in rows)
    felt = len(rows) - said
    current = area.alerts.open[0] if area.alerts.open else None
    if current is None:
        window_s = (at_ms - policy.window_min * _MINUTE_MS) // 1000
        fresh = sum(row.began_s > window_s for row in rows if row.key != SAID)
        if policy.enabled and service and (said or fresh >= policy.households):
            open_area_alert(area, _finding(area, rows, felt, said, service, at_ms, ctx), ctx)
    elif not said and felt * 2 < policy.households:
        close_area_alert(area, current, "over", at_ms, ctx)
    else:
        told = int(current.evidence["households"])
        rises = felt >= policy.alert_households and current.tier != str(AlertTier.ALERT)
        if rises or felt >= 2 * max(told, 1):
            kind = service or str(current.evidence["service"])
            update_area_alert(area, current, _finding(area, rows, felt, said, kind, at_ms, ctx), ctx)


def _finding(
    area: Area, rows: list[Felt], felt: int, said: bool, service: str, at_ms: int, ctx: FoldContext
) -> Finding:
    policy = ctx.alerts.outage
    evidence: Evidence = {
        "households": felt,
        "threshold": policy.households,
        "window_min": policy.window_min,
        "service": service,
    }
    if said:
        evidence["reported"] = True
    is_alert = said or felt >= policy.alert_households
    return Finding(
        TYPE,
        area.name.partition(":")[2],
        datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S"),
        AlertTier.ALERT if is_alert else AlertTier.NOTICE,
        at_ms,
        at_ms + policy.deliver_within_h * HOUR_MS,
        0,
        evidence,
        Tell.OPERATIONS,
        _NOTHING,
        steps=felt >= policy.alert_households,
    )
