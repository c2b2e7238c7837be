"""The requirements' stories, made to happen at a set rate, and staged for the first minutes of the live part.

Story 1: a child's texting runs up the bill, and the father calls twice in a week.
Story 2: someone whose reception fails him, and who is unhappy, asks for an upgrade on a good deal.
(Story 5, the wrong channel, is a trait of households: see `population`.)
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from cem.simulator.draws import Dice, uniforms
from cem.simulator.parameters import DAY_MS, HOUR_MS
from cem.simulator.world.core import Handler, Planner, World
from cem.simulator.world.network import begin_bad_reception
from cem.simulator.world.problems import open_problem, seek_contact
from cem.simulator.world.usage import begin_spell

__all__ = ["HANDLERS", "PLANNERS"]

_ONE, _TWO, _STAGE = 151, 152, 153
#: Days before the live part on which staged stories begin; the earlier ones come to their calls first.
_STAGED_ONE: Final = (-4, -3, -2, -1, 0, 0)
_STAGED_TWO: Final = (-5, -3, -1)


def plan_stories(world: World, day: int) -> None:
    """Begin today's stories."""
    parameters, people = world.parameters, world.people
    with_child = people.active & (people.child_lines > 0)
    one = uniforms(parameters.seed, _ONE, day, people.rows) < parameters.story1_per_1000_weeks / 7000
    two = uniforms(parameters.seed, _TWO, day, people.rows) < parameters.story2_per_1000_weeks / 7000
    for c in np.nonzero(one & with_child)[0].tolist():
        begin_story_one(world, c, day)
    for c in np.nonzero(two & people.active & ~people.leaving)[0].tolist():
        begin_story_two(world, c, day)
    if parameters.stage_stories and world.live_from_day - day in {-d for d in (*_STAGED_ONE, *_STAGED_TWO)}:
        _stage(world, day)


def _stage(world: World, day: int) -> None:
    """Choose households for the stories of the first live minutes."""
    people, lines = world.people, world.lines
    order = uniforms(world.parameters.seed, _STAGE, day, people.rows).argsort()
    since = day - world.live_from_day
    ones = _STAGED_ONE.count(since)
    twos = _STAGED_TWO.count(since)
    for c in order.tolist():
        household = world.households[c]
        if not people.active[c] or people.leaving[c] or household.problems:
            continue
        child = child_line(world, c)
        if (
            ones
            and child >= 0
            and 0.5 < lines.used[child] / lines.allowance[child] < 1.0
            and lines.allowance[child] <= 500
        ):
            begin_story_one(world, c, day)
            ones -= 1
        elif twos and people.bad_reception_until[c] < day:
            begin_story_two(world, c, day)
            twos -= 1
        if not ones and not twos:
            return


def child_line(world: World, c: int) -> int:
    """Return the household's child's line that texts most, or -1."""
    lines = world.lines
    children = [i for i in world.households[c].lines if lines.child[i] and lines.alive[i]]
    return max(children, key=lambda i: (float(lines.rate[i]), -i), default=-1)


def begin_story_one(world: World, c: int, day: int) -> None:
    """From today on the daughter texts as never before, beyond what her plan covers."""
    line = child_line(world, c)
    if line < 0 or any(e.line == line for e in world.episodes):
        return
    dice = Dice(0).key(world.parameters.seed, _ONE, c, day)
    episode = begin_spell(world, line, day, "rise_sudden", dice, story=1)
    # The bill grows with every message; some days later the father looks at it, whether or not we have told anybody.
    at_ms = world.parameters.day_start_ms(day) + int(dice.uniform(4.0, 7.0) * DAY_MS)
    world.plan("father_looks", at_ms, c, line=line, episode=episode.number)


def father_looks(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let the father see what the texting costs: he will call, and call again if that does not help."""
    episode = next((e for e in world.episodes if e.number == data["episode"]), None)
    if not world.people.active[c] or episode is None or episode.stopped:
        return
    line = int(data["line"])
    cost = int(world.lines.charges[line].sum())
    if cost < world.parameters.money(500):
        if episode.end_s * 1000 + world.parameters.start_ms > at_ms:
            world.plan("father_looks", at_ms + 12 * HOUR_MS, c, line=line, episode=episode.number)
        return
    world.households[c].growth_noticed = world.parameters.day_of(at_ms)
    problem = open_problem(world, c, "sms_cost", at_ms, f"episode-{episode.number}", line, 1)
    world.tell_truth(
        at_ms, "bill_growth_seen", customer=world.keys[c], line=world.line_names[line], cost_minor=cost
    )
    if not problem.contacts:
        seek_contact(world, c, problem, at_ms)


def begin_story_two(world: World, c: int, day: int) -> None:
    """His reception fails, he is unhappy, his contract ends soon; he will ask for an upgrade on a good deal."""
    people, parameters = world.people, world.parameters
    dice = Dice(0).key(parameters.seed, _TWO, c, day)
    people.mood[c] = min(float(people.mood[c]), -0.3)
    people.contract_end[c] = day + dice.randint(15, 45)
    begin_bad_reception(world, c, day, dice.randint(25, 50), story=2)
    at_ms = parameters.day_start_ms(day) + int(dice.uniform(1.0, 5.0) * DAY_MS)
    world.plan("asks_upgrade", at_ms, c)
    world.tell_truth(parameters.day_start_ms(day), "story", story=2, customer=world.keys[c])


def asks_upgrade(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """He calls about an upgrade; what he needs is reception."""
    if world.people.active[c] and not world.people.leaving[c]:
        problem = open_problem(world, c, "upgrade", at_ms, "", -1, 2)
        if not problem.contacts:
            seek_contact(world, c, problem, at_ms)


HANDLERS: Final[dict[str, Handler]] = {"father_looks": father_looks, "asks_upgrade": asks_upgrade}
PLANNERS: Final[tuple[Planner, ...]] = (plan_stories,)
