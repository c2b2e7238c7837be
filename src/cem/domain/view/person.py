"""What is open about him, what he allowed, how old he is. Windows as in `cem.domain.view`."""

from __future__ import annotations

from datetime import tzinfo

from cem.domain.customer import Customer
from cem.domain.localtime import date_of, local_day
from cem.domain.state.alerts import StoredAlert

__all__ = [
    "age_years",
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


def age_years(birth_year: int, now_ms: int, tz: tzinfo) -> int | None:
    """Return the age reached in the running year, or None if the year of birth is unknown."""
    if not birth_year:
        return None
    return max(0, date_of(local_day(now_ms, tz)).year - birth_year)
