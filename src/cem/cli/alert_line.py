"""An alert in one line that a person reads at a glance."""

from __future__ import annotations

from typing import Any, Final

from cem.domain.events import Alert

__all__ = ["alert_line"]

_EVIDENCE_SHOWN: Final = 4


def alert_line(alert: Alert) -> str:
    """Return when, what, whose, by which evidence, and who is told to do something about it."""
    parts = [
        f"{alert.opened_at:%Y-%m-%d %H:%M}",
        f"{alert.tier}/{alert.severity}",
        alert.type,
        f"customer {alert.customer_id}",
    ]
    if alert.subject and alert.subject != alert.customer_id:
        parts.append(f"({alert.subject})")
    line = "  ".join(parts[:2]) + "  " + " ".join(parts[2:])
    evidence = [f"{name} {_value(value)}" for name, value in list(alert.evidence.items())[:_EVIDENCE_SHOWN]]
    if evidence:
        line += ": " + ", ".join(evidence)
    told = f"tell {alert.tell.who}" + (f" by {alert.tell.channel}" if alert.tell.channel else "")
    remedy = f", propose {alert.remedy.action}" if alert.remedy else ""
    return f"{line} -> {told}{remedy}"


def _value(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
