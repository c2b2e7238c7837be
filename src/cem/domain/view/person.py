"""What is open about him, and what he allowed. Windows as in `cem.domain.view`."""

from __future__ import annotations

from cem.domain.customer import Customer
from cem.domain.state.alerts import StoredAlert

__all__ = [
    "consent",
    "open_alerts",
]


def open_alerts(customer: Customer, type_: str | None = None) -> list[StoredAlert]:
    """Return the open alerts, oldest first, of one type if given."""
    return [a for a in customer.alerts.open if type_ is None or a.type == type_]


def consent(customer: Customer, purpose: str, channel: str = "") -> bool | None:
    """Return what he said of a purpose over a channel (else of the purpose as a whole), or None: nothing."""
    whole: bool | None = None
    for said in customer.profile.consents:
        if said.purpose == purpose:
            if channel and said.channel == channel:
                return said.granted
            if not said.channel:
                whole = said.granted
    return whole
