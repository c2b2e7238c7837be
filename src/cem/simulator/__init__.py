"""A simulated operator whose customers have a hidden life: for tests, for judging policies, and for `cem up`.

`open_world` gives a world that is advanced in simulated time and says what the streams hear; `answer` and `reach` tell
it what a policy does. `closed_loop` judges a policy in process, `live` plays the operator against a running system.
"""

from __future__ import annotations

from cem.simulator.facade import answer, offers, open_world, reach
from cem.simulator.parameters import Parameters
from cem.simulator.world import Ask, Belief, Outcome, Produced, World
from cem.simulator.world.people import Offered

__all__ = [
    "Ask",
    "Belief",
    "Offered",
    "Outcome",
    "Parameters",
    "Produced",
    "World",
    "answer",
    "offers",
    "open_world",
    "reach",
]
