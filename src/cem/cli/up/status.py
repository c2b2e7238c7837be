"""The status line of `cem up`: events, lag, alerts, decisions, in one sentence. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from cem.cli.output import counted
from cem.cli.up.lag_meter import Lag

__all__ = ["Status", "status_line"]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What is known at one moment; None is unknown."""

    events: int | None = None
    events_per_s: float | None = None
    lag: Lag | None = None
    alerts: int = 0
    decisions: int | None = None
    #: The simulated clock and its speed; None on the wall's.
    clock_ms: int | None = None
    speed: float = 0.0
    #: What does not answer at the moment.
    trouble: str = ""


def status_line(status: Status) -> str:
    """Return the line."""
    if status.trouble:
        return status.trouble
    parts: list[str] = []
    if status.clock_ms:
        shown = datetime.fromtimestamp(status.clock_ms / 1000, UTC)
        parts.append(
            f"{shown:%a %Y-%m-%d %H:%M} " + (f"(x{status.speed:g})" if status.speed else "(history)")
        )
    if status.events is not None:
        rate = f" (+{status.events_per_s:,.0f}/s)" if status.events_per_s is not None else ""
        parts.append(f"{counted(status.events, 'event')} in{rate}")
    if status.lag is not None:
        parts.append(_lag(status.lag))
    parts.append(counted(status.alerts, "alert"))
    if status.decisions is not None:
        parts.append(counted(status.decisions, "decision"))
    return " | ".join(parts)


def _lag(lag: Lag) -> str:
    if lag.records == 0:
        return "no lag"
    return f"lag {counted(lag.records, 'record')}, {'over ' if lag.over else ''}{lag.seconds:.0f} s"
