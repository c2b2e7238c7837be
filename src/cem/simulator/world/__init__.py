"""The hidden world of a simulated operator: one module a concern, put together here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cem.simulator.parameters import Parameters
from cem.simulator.world import (
    billing,
    calls,
    contacts,
    leaving,
    moods,
    network,
    orders,
    outreach,
    population,
    problems,
    stories,
    surveys,
    tickets,
    usage,
)
from cem.simulator.world.core import Ask, Handler, Outcome, Planner, Produced, World
from cem.simulator.world.effects import Belief

__all__ = ["Ask", "Belief", "Outcome", "Produced", "World", "new_world"]

#: What comes due, by name.
HANDLERS: Final[dict[str, Handler]] = {
    **billing.HANDLERS,
    **calls.HANDLERS,
    **contacts.HANDLERS,
    **leaving.HANDLERS,
    **network.HANDLERS,
    **orders.HANDLERS,
    **outreach.HANDLERS,
    **population.HANDLERS,
    **problems.HANDLERS,
    **stories.HANDLERS,
    **surveys.HANDLERS,
    **tickets.HANDLERS,
}
#: What is planned at the beginning of a day, in this order.
PLANNERS: Final[tuple[Planner, ...]] = (
    *population.PLANNERS,
    *moods.PLANNERS,
    *billing.PLANNERS,
    *network.PLANNERS,
    *stories.PLANNERS,
    *usage.PLANNERS,
    *contacts.PLANNERS,
    *orders.PLANNERS,
    *outreach.PLANNERS,
    *leaving.PLANNERS,
)


def new_world(parameters: Parameters, beliefs: Iterable[Belief] = ()) -> World:
    """Return the world of these parameters before its first day."""
    return World(parameters, HANDLERS, PLANNERS, beliefs)
