"""An alert in one line that a person reads at a glance."""

from __future__ import annotations

from typing import Any, Final

from cem.domain.events import Alert
from cem.domain.money import money

__all__ = ["alert_line"]

_EVIDENCE_SHOWN: Final = 4
_HOURS: Final = "hours_"
#: From so many hours on, days say it better.
_DAYS_FROM_H: Final = 48


def alert_line(alert: Alert, currency: str) -> str:
    """Return when, what, whose, by which evidence, at what cost (in `currency`, ISO 4217), and who is told to do something about it."""
    parts = [
        f"{alert.opened_at:%Y-%m-%d %H:%M}",
        f"{alert.tier}/{alert.severity}",
        alert.type,
        f"customer {alert.customer_id}",
    ]
    if alert.subject and alert.subject != alert.customer_id:
        parts.append(f"({alert.subject})")
    line = "  ".join(parts[:2]) + "  " + " ".join(parts[2:])
    evidence = [_said(name, value) for name, value in list(alert.evidence.items())[:_EVIDENCE_SHOWN]]
    if alert.cost_minor:
        evidence.append(f"cost {money(alert.cost_minor, currency, 'en')}")
    if evidence:
        line += ": " + ", ".join(evidence)
    told = f"tell {alert.tell.who}" + (f" by {alert.tell.channel}" if alert.tell.channel else "")
    remedy = f", propose {alert.remedy.action}" if alert.remedy else ""
    return f"{line} -> {told}{remedy}"


def _said(name: str, value: Any) -> str:
    if name.startswith(_HOURS) and isinstance(value, int | float):
        return f"{name.removeprefix(_HOURS)} {_duration(value)}"
    return f"{name} {value:.2f}" if isinstance(value, float) else f"{name} {value}"


def _duration(hours: float) -> str:
    """Return "5.5 h", "4 days"."""
    if hours < _DAYS_FROM_H:
        return f"{round(hours, 1):g} h"
    return f"{round(hours / 24, 1):g} days"
