"""What a simulated household pays for its plans is known once: of its lines, as its bills have it."""

from __future__ import annotations

from cem.domain.events import BillIssued, ProfileChanged
from cem.domain.events.enums import BillCause
from cem.nba import Call, facts_of
from cem.simulator import Parameters, history, open_world
from tests.builders.customers import household
from tests.builders.nba import shipped_policy


def test_the_price_of_his_plans_is_that_on_his_bill() -> None:
    """With a price of the account beside those of its lines he would pay everything twice."""
    parameters = Parameters(customers=12)
    world = open_world(parameters, live_from_day=40)
    profiles: dict[str, tuple[int, ProfileChanged]] = {}
    billed: dict[str, int] = {}
    for step in history.steps(world, parameters.day_start_ms(40)):
        for produced in step:
            event = produced.event
            if isinstance(event, ProfileChanged) and event.lines:
                profiles.setdefault(produced.key, (produced.time_ms, event))
            elif isinstance(event, BillIssued):
                plans = sum(item.amount_minor for item in event.items if item.cause is BillCause.PLAN)
                billed.setdefault(produced.key, plans)
    topics = shipped_policy().params.topics
    compared = 0
    for customer_id, plans in billed.items():
        at_ms, profile = profiles[customer_id]
        customer, _ = household([(at_ms, profile)])
        facts = facts_of(customer, Call(), at_ms + 1, ["plan_price_minor"], topics)
        compared += facts["plan_price_minor"] == plans
    # Some have changed their plan before their first bill.
    assert compared >= 0.8 * len(billed) > 5
