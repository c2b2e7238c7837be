"""How many records of each kind were folded, for the customer and for each line.

Unit: records. Window: for ever. Equals: the number of accepted records per topic (of their type), each duplicate
once; per line, those of the families in LINE_FAMILIES that name the line. Order-free. No tick.
"""

from __future__ import annotations

from cem.domain.customer import FAMILIES, Customer
from cem.domain.events.envelope import Received
from cem.domain.state.lines import LINE_FAMILIES, Line

__all__ = ["LINES_KEPT", "count", "line_of"]

#: Lines with a state of their own; further ones share the line "".
LINES_KEPT = 500

_FAMILY = {topic: index for index, topic in enumerate(FAMILIES)}
_LINE_FAMILY = {
    "cem.calls": LINE_FAMILIES.index("calls"),
    "cem.sms-usage": LINE_FAMILIES.index("sms"),
    "cem.billing": LINE_FAMILIES.index("billing"),
    "cem.service": LINE_FAMILIES.index("service"),
}


def count(customer: Customer, received: Received) -> None:
    """Count the record for the customer and for the line that it names; widen the span of times known.

    Text messages: `cem.domain.message`.
    """
    _widen(customer, received)
    topic = received.event.TOPIC
    _add(customer.counts, _FAMILY.get(topic))
    family = _LINE_FAMILY.get(topic)
    if family is not None:
        name = getattr(received.event, "line", None)
        if name is not None:
            _add(line_of(customer, name).counts, family)


def line_of(customer: Customer, name: str) -> Line:
    """Return the line's state, making it at its first event."""
    line = customer.lines.get(name)
    if line is None:
        if len(customer.lines) >= LINES_KEPT and name not in customer.lines:
            name = ""
            line = customer.lines.get(name)
            if line is not None:
                return line
        line = customer.lines[name] = Line()
    return line


def _widen(customer: Customer, received: Received) -> None:
    """Widen the span of times known of the customer."""
    at_ms = received.time_ms
    if at_ms > customer.last_ms:
        customer.last_ms = at_ms
    if at_ms < customer.first_ms or not customer.first_ms:
        customer.first_ms = at_ms
    if received.ingested_ms > customer.as_of_ms:
        customer.as_of_ms = received.ingested_ms


def _add(counts: list[int], index: int | None) -> None:
    """Add one at `index` of a list without trailing zeros."""
    if index is None:
        return
    if index >= len(counts):
        counts.extend([0] * (index + 1 - len(counts)))
    counts[index] += 1
