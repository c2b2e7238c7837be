"""The day's texting in the world: spells begin, the lines text, and payers look at what the running cycle costs."""

from __future__ import annotations

from typing import Final

import numpy as np

from cem.simulator.draws import Dice, uniforms
from cem.simulator.parameters import HOUR_MS
from cem.simulator.world.core import Planner, World
from cem.simulator.world.episodes import ABUSE, BENIGN, Episode, draw_episode
from cem.simulator.world.problems import open_problem, seek_contact, waking
from cem.simulator.world.texting import text_day

__all__ = ["PLANNERS", "begin_spell"]

_SPELL, _LOOK = 141, 142
#: A spell of night texting needs a line that texts, or there is nothing to move.
_NIGHT_RATE: Final = 1.5


def plan_spells(world: World, day: int) -> None:
    """Let spells of abuse and of harmless oddity begin; a line has one at a time, and none in its first weeks."""
    parameters, lines = world.parameters, world.lines
    world.episodes = [e for e in world.episodes if e.end_s > (day - 1) * 86_400]
    busy = {episode.line for episode in world.episodes}
    abuse = parameters.abuse_per_1000_line_weeks / 7000
    benign = parameters.benign_per_1000_line_weeks / 7000
    drawn = uniforms(parameters.seed, _SPELL, day, lines.rows)
    for line in np.nonzero(drawn < abuse + benign)[0].tolist():
        if line in busy or not lines.alive[line] or day - int(lines.first_day[line]) < 21:
            continue
        dice = Dice(0).key(parameters.seed, _SPELL, int(lines.key[line]), day)
        weights = ABUSE if drawn[line] < abuse else BENIGN
        kind = dice.choices(tuple(weights), tuple(weights.values()))[0]
        if kind == "night" and lines.rate[line] < _NIGHT_RATE:
            kind = "rise_sudden"
        begin_spell(world, line, day, kind, dice)
    lines.night[:] = 0.0
    for episode in world.episodes:
        if episode.kind == "night" and episode.active_on(day):
            lines.night[episode.line] = episode.amount


def begin_spell(world: World, line: int, day: int, kind: str, dice: Dice, story: int = 0) -> Episode:
    """Let a spell begin on a line, and tell the truth file so; its row serves as a label of `cem evaluate usage`."""
    parameters = world.parameters
    world.spells += 1
    episode = draw_episode(dice, kind, world.spells, line, day)
    if story == 1:
        # She texts without a pause for two weeks, far beyond her plan.
        episode.end_s = episode.begin_s + 14 * 86_400
        episode.amount = max(episode.amount, 7.0)
    world.episodes.append(episode)
    start_s = parameters.start_ms // 1000
    world.tell_truth(
        parameters.start_ms + episode.begin_s * 1000,
        "abuse" if episode.abuse else "benign",
        line=world.line_names[line],
        start=start_s + episode.begin_s,
        end=start_s + episode.end_s,
        kind=kind,
        label="abuse" if episode.abuse else "benign",
        episode=episode.number,
        customer=world.keys[world.owners[line]],
        amount=round(episode.amount, 3),
        detail=round(episode.detail, 3),
        story=story or None,
    )
    return episode


def plan_texting(world: World, day: int) -> None:
    """Let all lines text for a day."""
    batch, world.over_midnight = text_day(
        world.parameters, world.lines, world.episodes, day, Dice(0), world.over_midnight
    )
    world.pending = world.pending.followed_by(batch)


def plan_looks(world: World, day: int) -> None:
    """Let payers notice that the running cycle costs far more than usual: it is the money they see, not our alerts."""
    parameters, people, lines = world.parameters, world.people, world.lines
    cost = np.bincount(lines.owner, lines.charges.sum(axis=1), people.rows)
    looked = uniforms(parameters.seed, _LOOK, day, people.rows) < 0.35
    noticed = people.active & looked & (cost > people.growth_limit)
    for c in np.nonzero(noticed)[0].tolist():
        household = world.households[c]
        if household.growth_noticed >= 0 or cost[c] < 2.5 * household.usual_extra_minor:
            continue
        household.growth_noticed = day
        own = lines.charges[household.lines].sum(axis=1)
        line = household.lines[int(own.argmax())]
        episode = next((e for e in world.episodes if e.line == line and e.abuse), None)
        dice = world.luck(c, _LOOK, day)
        at_ms = waking(
            parameters, household, dice, parameters.day_start_ms(day) + dice.randrange(8, 20) * HOUR_MS
        )
        story = 1 if episode is not None and lines.child[line] and dice.chance(0.5) else 0
        roaming = int(lines.charges[line, 4]) * 2 > int(lines.charges[line].sum())
        problem = open_problem(
            world,
            c,
            "roaming" if roaming else "sms_cost",
            at_ms,
            f"episode-{episode.number}" if episode else "",
            line,
            0 if roaming else story,
        )
        if not problem.contacts:
            seek_contact(world, c, problem, at_ms)


PLANNERS: Final[tuple[Planner, ...]] = (plan_spells, plan_looks, plan_texting)
