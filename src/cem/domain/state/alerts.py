"""The customer's alerts: the open ones and the last that were closed."""

from __future__ import annotations

import msgspec

__all__ = ["Alerts", "StoredAlert"]


class StoredAlert(msgspec.Struct, array_like=True, gc=False):
    """An alert as the state keeps it; `cem.domain.alerting.published` makes the public object of it."""

    type: str
    #: What it is about: a line, a reason, an order; "" = the customer.
    subject: str
    #: What set it off, so that the same cause is never told twice: a cycle, an instant, an id.
    cause: str
    tier: str
    severity: str
    opened_ms: int
    updated_ms: int
    #: Telling it later than this is noise; 0 = no limit.
    deliver_before_ms: int
    #: When it expires or is looked at again; 0 = never by itself.
    due_ms: int
    state: str
    evidence: dict[str, int | float | str | bool] = {}
    tell_who: str = ""
    tell_channel: str = ""
    action: str = ""
    price_minor: int = 0
    cost_minor: int = 0
    closed_ms: int = 0
    silenced_until_ms: int = 0
    #: Why it changed or ended last; who acknowledged, silenced or ended it, and what he wrote.
    reason: str = ""
    by: str = ""
    note: str = ""


class Alerts(msgspec.Struct, array_like=True, gc=False):
    """Oldest first."""

    open: list[StoredAlert] = []
    closed: list[StoredAlert] = []
