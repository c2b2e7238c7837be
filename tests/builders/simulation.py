"""Simulated worlds for tests: small ones, lived for some days, with what they said and what nobody was told."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from cem.domain.events import encode
from cem.simulator import Offered, Parameters, Produced, World, open_world
from cem.simulator.closed_loop import Answered
from cem.simulator.world import Ask
from tests.builders.records import LogRecord

__all__ = ["Lived", "lived", "log_record", "pusher", "solver"]


class Lived(NamedTuple):
    """A world, its events in order, and the rows of its truth file."""

    world: World
    events: list[Produced]
    truths: list[dict[str, Any]]


@cache
def lived(days: int = 40, customers: int = 60, **parameters: Any) -> Lived:
    """Return a world after some days. Shared between tests: look, do not touch."""
    given = Parameters(customers=customers, **parameters)
    world = open_world(given)
    world.truths = []
    events = world.advance(given.day_start_ms(days) - 1)
    return Lived(world, events, world.take_truths())


def log_record(event: Produced) -> LogRecord:
    """Return the record of an event as the log would hand it over."""
    headers, value = encode(
        event.event,
        id=event.id,
        source=event.source,
        time_ms=event.time_ms,
        customer_id=event.key,
        sequence=event.sequence,
        recorded_ms=event.recorded_ms,
    )
    return LogRecord(event.topic, 0, 0, event.recorded_ms, event.key.encode(), value, headers)


#: What solves which problem, by the intent of the call.
CURES = {
    "sms": "sms_bundle",
    "coverage": "solve_reception_fault",
    "fault": "solve_reception_fault",
    "billing": "explain_bill",
    "order": "take_over_order",
    "payment": "payment_plan",
    "cancel": "retention_discount",
    "price": "plan_downgrade",
    "upgrade": "contract_renewal",
    "roaming": "roaming_pack",
    "device": "escalate_case",
    "plan": "plan_downgrade",
}


def solver(ask: Ask) -> Answered:
    """Present what solves the problem that the customer calls about."""
    return Answered([Offered(CURES.get(ask.intent, "just_help"))])


def pusher(ask: Ask) -> Answered:
    """Sell, whatever the customer calls about."""
    return Answered([Offered("plan_upgrade"), Offered("device_offer")])
