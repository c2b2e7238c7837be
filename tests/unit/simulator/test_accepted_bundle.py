"""A texting bundle that a customer takes is what he was offered: for that line, at that price."""

from __future__ import annotations

from datetime import UTC, datetime

from cem.domain.events import BillIssued, OutreachRequested, PlanChanged
from cem.domain.events.enums import BillCause, Channel
from cem.simulator import Parameters, Produced, World, open_world
from cem.simulator.errands import errand_of
from cem.simulator.facade import deliver
from cem.simulator.parameters import DAY_MS
from cem.simulator.world.plans import BUNDLE_SEGMENTS, PLANS, ROAMING
from tests.builders.simulation import log_record

OFFERED_MINOR = 300


def request(world: World, c: int, line: str) -> Produced:
    """Return the record that asks for a message to a household about the texting of a line."""
    customer_id, now_ms = world.keys[c], world.now_ms
    event = OutreachRequested(
        contact_id=f"alert-{c}",
        channel=Channel(world.households[c].does),
        text="With the bundle they are included.",
        expires=datetime.fromtimestamp((now_ms + DAY_MS) / 1000, UTC),
        alert_id=f"sms_rise:{customer_id}:{line}:20500",
        action="sms_bundle",
    )
    return Produced(event.TOPIC, customer_id, event, now_ms, now_ms, f"alert-{c}", "/cem", 1)


def test_the_bundle_is_for_the_line_of_the_alert_at_its_price() -> None:
    """The father's line costs most, abroad; the bundle for his daughter's is on hers, and on the next bill as offered."""
    world = open_world(Parameters(customers=250, campaigns_per_month=0))
    world.advance(world.parameters.day_start_ms(12) + 12 * 3_600_000)
    before: dict[str, tuple[str, int]] = {}
    for c, household in enumerate(world.households):
        father, daughter = household.lines[0], household.lines[-1]
        plan = int(world.lines.plan[daughter])
        if father == daughter or PLANS[plan].sms_allowance is None:
            continue
        world.lines.charges[father, ROAMING] += 5000
        before[world.keys[c]] = world.line_names[daughter], plan
        errand = errand_of(log_record(request(world, c, world.line_names[daughter])))
        assert errand is not None
        assert deliver(world, errand)
    events = world.advance(world.now_ms + 34 * DAY_MS)
    changes: dict[str, list[PlanChanged]] = {}
    bills: dict[str, BillIssued] = {}
    for event in sorted(events, key=lambda e: e.time_ms):
        if isinstance(event.event, PlanChanged):
            changes.setdefault(event.key, []).append(event.event)
        elif isinstance(event.event, BillIssued) and event.key in changes:
            bills.setdefault(event.key, event.event)
    compared = 0
    for customer_id, said in changes.items():
        # Some change their plan for other reasons, too.
        if customer_id not in before or len(said) > 1 or said[0].reason == "upgrade":
            continue
        line, plan = before[customer_id]
        price = PLANS[plan].price_cents + OFFERED_MINOR
        assert (said[0].line, said[0].price_minor, said[0].plan) == (line, price, PLANS[plan].name)
        assert said[0].sms_allowance == (PLANS[plan].sms_allowance or 0) + BUNDLE_SEGMENTS
        if customer_id in bills:
            compared += 1
            items = bills[customer_id].items
            assert [i.amount_minor for i in items if i.cause is BillCause.PLAN and i.line == line] == [price]
            assert not [i for i in items if i.cause is BillCause.PRORATION]
    assert compared > 5
