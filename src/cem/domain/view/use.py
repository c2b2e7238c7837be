"""What his lines use and what that costs beyond the tariff. Windows as in `cem.domain.view`."""

from __future__ import annotations

from cem.domain.customer import Customer
from cem.domain.detectors.recipients import aged, distinct_centi
from cem.domain.facts.usage import cycle_at
from cem.domain.localtime import HOUR_MS
from cem.domain.state.lines import DESTINATIONS, Cycle, Line

__all__ = [
    "charged_by_destination",
    "charged_minor",
    "recipients_24h",
    "usage_cycle",
]


def usage_cycle(customer: Customer, line: str, now_ms: int) -> Cycle | None:
    """Return the line's running cycle, or None if nothing was used in it."""
    found = customer.lines.get(line)
    return None if found is None else cycle_at(found, now_ms)


def charged_minor(customer: Customer, now_ms: int, line: str | None = None) -> int:
    """Return what messages beyond the tariff have cost in the running cycle: of one line, or of all."""
    lines = customer.lines.values() if line is None else filter(None, (customer.lines.get(line),))
    return sum(sum(cycle.charged_minor) for found in lines if (cycle := cycle_at(found, now_ms)))


def charged_by_destination(cycle: Cycle) -> dict[str, int]:
    """Return the cycle's charges in minor units by destination class; classes without charges are left out."""
    return {name: minor for name, minor in zip(DESTINATIONS, cycle.charged_minor, strict=False) if minor}


def recipients_24h(line: Line, now_ms: int) -> int:
    """Return about how many distinct recipients the line wrote to in the last 24 clock hours."""
    velocity = line.velocity
    if velocity is None:
        return 0
    return round(distinct_centi(aged(velocity.cells, now_ms // HOUR_MS - velocity.hour)) / 100)
