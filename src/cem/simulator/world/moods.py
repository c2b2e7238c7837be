"""How moods move: back to each household's own level, pulled down by what is unsolved, pushed by what happens."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from cem.simulator.draws import Floats, generator
from cem.simulator.world.core import Planner, World
from cem.simulator.world.people import People

__all__ = ["PLANNERS", "POINT", "REACH", "csat_of", "feel", "target"]

_NOISE = 31
#: How far a CSAT point moves a mood.
POINT: Final = 1 / 1.75
#: Share of the way back to its level that a mood goes in a day.
REACH: Final = 0.06


def target(people: People) -> Floats:
    """Return the mood that each household is drawn to while things are as they are."""
    pulled = people.base - 0.2 * np.minimum(people.open, 3) - 0.1 * np.minimum(people.failures, 4)
    return np.asarray(np.clip(pulled, -1.0, 1.0))


def plan_moods(world: World, day: int) -> None:
    """Let a night pass over everybody's mood, failures and goodwill."""
    people = world.people
    noise = generator(world.parameters.seed, _NOISE, day).normal(0.0, 0.03, people.rows)
    people.mood = np.clip(people.mood + REACH * (target(people) - people.mood) + noise, -1.0, 1.0)
    people.failures *= 0.97
    people.goodwill *= 0.985


def feel(world: World, c: int, points: float) -> None:
    """Move the household's mood by so many; the nearer to the end of the scale, the less."""
    mood = float(world.people.mood[c])
    room = 1.0 - mood if points > 0 else 1.0 + mood
    world.people.mood[c] = max(-1.0, min(1.0, mood + points * min(1.0, 0.25 + 0.75 * room)))


def csat_of(mood: float, noise: float) -> int:
    """Return the answer, 1 to 5, to "how satisfied are you" in this mood; `noise` is a standard normal number."""
    return max(1, min(5, math.floor(3.45 + 1.75 * mood + 0.5 * noise + 0.5)))


PLANNERS: Final[tuple[Planner, ...]] = (plan_moods,)
