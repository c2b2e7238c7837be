"""Customers as the service knows them after a simulated world has told what it tells, texting left out."""

from __future__ import annotations

from collections.abc import Iterable

from cem.domain.customer import Customer, new_customer
from cem.domain.events import SmsRated
from cem.domain.fold import fold
from cem.simulator import Produced
from tests.builders.customers import DAY, Context, advance, received

__all__ = ["known_customers"]


def known_customers(
    events: Iterable[Produced], now_ms: int, known: dict[str, Customer] | None = None
) -> dict[str, Customer]:
    """Return the customers to whom these events came in this order, each as of `now_ms`; `known` go on, if given.

    What a line texts is left out: it is most of the events, and what it costs is on the bills.
    """
    known = {} if known is None else known
    ctx = Context(0, late_limit_ms=7 * DAY)
    for event in events:
        if isinstance(event.event, SmsRated):
            continue
        customer = known.get(event.key)
        if customer is None:
            customer = known[event.key] = new_customer(event.key)
        ctx.lane_time_ms = event.recorded_ms
        advance(customer, ctx, event.recorded_ms)
        fold(
            customer,
            received(
                event.event,
                event.time_ms,
                customer_id=event.key,
                id=event.id,
                source=event.source,
                sequence=event.sequence,
                ingested_ms=event.recorded_ms,
            ),
            ctx,
        )
    for customer in known.values():
        ctx.lane_time_ms = 0
        advance(customer, ctx, now_ms)
    return known
