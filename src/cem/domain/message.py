"""What a text message does to a customer besides being his: counted, added to its cycle, looked at by the detectors.

Nearly all records are messages, so the function here is one long way on purpose: what lies on it is written out, and only
what few messages need is called.
"""

from __future__ import annotations

from cem.domain.context import FoldContext
from cem.domain.customer import FAMILIES, Customer
from cem.domain.detectors.sms_allowance import check_allowance, check_projection
from cem.domain.detectors.sms_use import check_use
from cem.domain.events.envelope import Received
from cem.domain.events.sms import SmsRated
from cem.domain.facts.counts import line_of
from cem.domain.facts.usage import COVERED, cycle_of, note_charge
from cem.domain.localtime import DAY_MS
from cem.domain.state.lines import LINE_FAMILIES

__all__ = ["add_message"]

_FAMILY = FAMILIES.index(SmsRated.TOPIC)
_LINE_FAMILY = LINE_FAMILIES.index("sms")


def add_message(customer: Customer, event: SmsRated, received: Received, ctx: FoldContext) -> None:
    """Count the message for the customer and its line, add it to its cycle, and tell what has changed with it.

    Counts and span of times: as `cem.domain.facts.counts.count` of any other record.
    """
    at_ms, ingested_ms, name = received.time_ms, received.ingested_ms, event.line
    if at_ms > customer.last_ms:
        customer.last_ms = at_ms
    if at_ms < customer.first_ms or not customer.first_ms:
        customer.first_ms = at_ms
    if ingested_ms > customer.as_of_ms:
        customer.as_of_ms = ingested_ms
    counts = customer.counts
    if len(counts) <= _FAMILY:
        counts.extend([0] * (_FAMILY + 1 - len(counts)))
    counts[_FAMILY] += 1
    line = customer.lines.get(name)
    if line is None:
        line = line_of(customer, name)
    counts = line.counts
    if len(counts) <= _LINE_FAMILY:
        counts.extend([0] * (_LINE_FAMILY + 1 - len(counts)))
    counts[_LINE_FAMILY] += 1
    day = at_ms // DAY_MS
    if day < line.first_day or not line.first_day:
        line.first_day = day
    cycle = line.cycle
    if cycle is None or not cycle.start_s <= at_ms // 1000 < cycle.end_s:
        cycle = cycle_of(customer, line, name, at_ms, ctx)
    # None: older than the cycles that are kept.
    if cycle is not None:
        segments = event.segments
        cycle.messages += 1
        cycle.segments += segments
        if event.in_allowance or event.destination in COVERED:
            cycle.counted += segments
        if event.charge_minor:
            note_charge(cycle, event)
            check_allowance(customer, line, cycle, event, at_ms, ctx)
        elif line.allowance:
            check_allowance(customer, line, cycle, event, at_ms, ctx)
    if check_use(customer, line, event, at_ms, ingested_ms, ctx):
        check_projection(customer, line, name, at_ms, ctx)
