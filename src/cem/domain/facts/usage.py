"""Use of messages per line and billing cycle: messages, segments, charges beyond the tariff.

Units: messages, segments, minor units. Window: the line's billing cycle in the customer's time zone; the newest one
with a message and the one before it are kept. Equals: the sums over the messages whose time lies in that cycle.
Order-free, as long as the cycle day does not change; a new cycle day holds from the end of the running cycle on.
No tick: a reader whose instant is in no kept cycle reads zero.
"""

from __future__ import annotations

from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.enums import SmsDestination
from cem.domain.events.sms import SmsRated
from cem.domain.facts.supplies import allowance_of
from cem.domain.localtime import cycle_bounds, zone
from cem.domain.state.lines import DESTINATIONS, Cycle, Line

__all__ = ["COVERED", "cycle_at", "cycle_of", "note_charge", "refresh_allowances"]

_DESTINATION = {SmsDestination(name): index for index, name in enumerate(DESTINATIONS)}
#: Destinations whose messages an allowance covers, as long as it lasts.
COVERED = frozenset((SmsDestination.ONNET, SmsDestination.OFFNET, SmsDestination.OTHER))


def note_charge(cycle: Cycle, event: SmsRated) -> None:
    """Add what a message cost beyond the tariff to its cycle."""
    cycle.charged += 1
    index = _DESTINATION[event.destination]
    charged = cycle.charged_minor
    if index >= len(charged):
        charged.extend([0] * (index + 1 - len(charged)))
    charged[index] += event.charge_minor


def cycle_of(customer: Customer, line: Line, name: str, at_ms: int, ctx: FoldContext) -> Cycle | None:
    """Return the cycle of a message that is not in the newest one, beginning it if it is new; None: older than those kept."""
    newest = line.cycle
    if newest is not None and at_ms < newest.start_ms:
        return _before(customer, line, newest, at_ms, ctx)
    profile = customer.profile
    start_ms, end_ms = cycle_bounds(at_ms, profile.cycle_day or 1, zone(profile.timezone, ctx.timezone))
    if newest is not None and start_ms < newest.end_ms:
        start_ms = newest.end_ms
    line.previous = newest if newest is not None and newest.end_ms == start_ms else None
    line.cycle = Cycle(start_ms // 1000, end_ms // 1000)
    line.allowance = allowance_of(customer, name, at_ms, ctx.alerts.plan_allowances)
    return line.cycle


def cycle_at(line: Line, at_ms: int) -> Cycle | None:
    """Return the kept cycle that contains the instant, or None: nothing was used in it as far as is known."""
    for cycle in (line.cycle, line.previous):
        if cycle is not None and cycle.start_ms <= at_ms < cycle.end_ms:
            return cycle
    return None


def refresh_allowances(customer: Customer, ctx: FoldContext) -> None:
    """Take over what plans and profile say now into the lines' allowances."""
    for name, line in customer.lines.items():
        line.allowance = allowance_of(customer, name, customer.last_ms, ctx.alerts.plan_allowances)


def _before(customer: Customer, line: Line, newest: Cycle, at_ms: int, ctx: FoldContext) -> Cycle | None:
    """Return the cycle right before the newest one if it contains the instant, else None."""
    previous = line.previous
    if previous is None:
        profile = customer.profile
        start_ms, end_ms = cycle_bounds(
            newest.start_ms - 1, profile.cycle_day or 1, zone(profile.timezone, ctx.timezone)
        )
        if at_ms < start_ms or end_ms < newest.start_ms:
            return None
        previous = line.previous = Cycle(start_ms // 1000, newest.start_s)
    return previous if at_ms >= previous.start_ms else None
