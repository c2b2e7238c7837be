"""An alert in one line that a person reads at a glance."""

from __future__ import annotations

from typing import Any, Final

from cem.domain.events import Alert
from cem.domain.events.enums import AlertState
from cem.domain.money import money

__all__ = ["alert_line"]

_EVIDENCE_SHOWN: Final = 4
_HOURS: Final = "hours_"
#: What is shown first of an alert with this reason in its evidence: the rest of it would not explain it.
_FIRST: Final = {
    "projected": ("used_segments", "allowance_segments", "projected_segments", "lasts_until"),
}
_AREA: Final = "area_"
#: From so many hours on, days say it better.
_DAYS_FROM_H: Final = 48


def alert_line(alert: Alert, currency: str) -> str:
    """Return when, what, whose, by which evidence, at what cost (in `currency`, ISO 4217), who is told to do something about it, and what became of it."""
    parts = [
        f"{alert.opened_at:%Y-%m-%d %H:%M}",
        f"{alert.tier}/{alert.severity}",
        alert.type,
    ]
    if alert.type == "outage" and alert.customer_id.startswith(_AREA):
        parts.append(f"area {alert.subject}")
    else:
        parts.append(f"customer {alert.customer_id}")
        if alert.subject and alert.subject != alert.customer_id:
            parts.append(f"({alert.subject})")
    line = "  ".join(parts[:2]) + "  " + " ".join(parts[2:])
    known = alert.evidence
    first = [name for name in _FIRST.get(str(known.get("reason")), ()) if name in known]
    names = (first or list(known))[:_EVIDENCE_SHOWN]
    evidence = [_said(name, known[name]) for name in names]
    if alert.cost_minor:
        evidence.append(f"cost {money(alert.cost_minor, currency, 'en')}")
    if evidence:
        line += ": " + ", ".join(evidence)
    verb = "tell" if alert.told_at is None else "told"
    told = f"{verb} {alert.tell.who}" + (f" by {alert.tell.channel}" if alert.tell.channel else "")
    if alert.holdout:
        told += " (held out)"
    elif alert.tell.after is not None and alert.told_at is None:
        told += f" after {alert.tell.after:%Y-%m-%d %H:%M}"
    return f"{line} -> {told}{_proposal(alert, currency)}{_state(alert)}"


def _state(alert: Alert) -> str:
    """Return what became of the alert, by whom and why; nothing for one that is just open."""
    if alert.state is AlertState.OPEN:
        often = "" if alert.escalations == 1 else f" {alert.escalations} times"
        return f"; escalated{often}: nobody has acknowledged it" if alert.escalations else ""
    said = str(alert.state)
    if alert.silenced_until is not None:
        said += f" until {alert.silenced_until:%Y-%m-%d %H:%M}"
    if alert.by:
        said += f" by {alert.by}"
    why = alert.note if alert.by and alert.note else alert.reason
    return f"; {said}: {why}" if why else f"; {said}"


def _proposal(alert: Alert, currency: str) -> str:
    if alert.remedy is None:
        return ""
    price = alert.remedy.price_minor
    return f", propose {alert.remedy.action}" + (f" for {money(price, currency, 'en')}" if price > 0 else "")


def _said(name: str, value: Any) -> str:
    if name.startswith(_HOURS) and isinstance(value, int | float):
        return f"{name.removeprefix(_HOURS)} {_duration(value)}"
    return f"{name} {value:.2f}" if isinstance(value, float) else f"{name} {value}"


def _duration(hours: float) -> str:
    """Return "5.5 h", "4 days"."""
    if hours < _DAYS_FROM_H:
        return f"{round(hours, 1):g} h"
    return f"{round(hours / 24, 1):g} days"
