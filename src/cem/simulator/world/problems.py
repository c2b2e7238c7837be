"""What households want from the operator: how it begins, how it hurts, when they turn to somebody about it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cem.simulator.draws import Dice
from cem.simulator.parameters import DAY_MS, HOUR_MS, Parameters
from cem.simulator.world.core import Handler, World
from cem.simulator.world.moods import feel
from cem.simulator.world.people import Household, Problem

__all__ = ["HANDLERS", "KINDS", "KindOfProblem", "close_problem", "open_problem", "seek_contact", "waking"]

_SEEK = 41


class KindOfProblem(msgspec.Struct, frozen=True):
    """What is common to problems of a kind."""

    #: Reason of contact, as menus and wrap-ups have it.
    reason: str
    #: How it moves the mood when it begins.
    hurt: float
    #: Chance that it leads to a contact, and after how long on average.
    contact: float
    delay_h: float
    #: Chance that a contact solves it without any particular action.
    solved: float
    #: Chance that an unsolved contact is followed by another.
    again: float
    #: Days after which it is forgotten; 0: it ends by its own event.
    forgotten_days: int
    #: False for wishes, which do not weigh on the mood.
    weighs: bool = True


KINDS: Final[dict[str, KindOfProblem]] = {
    "billing": KindOfProblem("billing", -0.22, 0.65, 30, 0.62, 0.6, 25),
    "sms_cost": KindOfProblem("sms", -0.25, 0.85, 20, 0.4, 0.7, 30),
    "coverage": KindOfProblem("coverage", -0.2, 0.55, 40, 0.15, 0.6, 0),
    "fault": KindOfProblem("fault", -0.1, 0.3, 2, 0.6, 0.3, 4),
    "order": KindOfProblem("order", -0.25, 0.7, 20, 0.5, 0.6, 20),
    "payment": KindOfProblem("payment", -0.1, 0.5, 30, 0.65, 0.5, 40),
    "roaming": KindOfProblem("roaming", -0.2, 0.6, 30, 0.55, 0.5, 25),
    "device": KindOfProblem("device", -0.1, 0.8, 20, 0.65, 0.5, 15),
    "cancel": KindOfProblem("cancel", -0.05, 1.0, 6, 0.0, 0.0, 10),
    "upgrade": KindOfProblem("upgrade", 0.0, 0.9, 20, 0.5, 0.3, 20, weighs=False),
    "price": KindOfProblem("price", -0.05, 0.6, 40, 0.35, 0.3, 30, weighs=False),
    "plan": KindOfProblem("plan", 0.0, 0.9, 20, 0.75, 0.4, 15, weighs=False),
    "question": KindOfProblem("question", 0.0, 1.0, 4, 0.93, 0.4, 7, weighs=False),
}


def open_problem(
    world: World, c: int, kind: str, at_ms: int, cause: str, line: int, story: int = 0
) -> Problem:
    """Let a problem begin for household `c`, or return the one of its kind that is open already."""
    household = world.households[c]
    found = household.problem_of(kind)
    if found is not None:
        found.cause = found.cause or cause
        found.story = found.story or story
        return found
    about = KINDS[kind]
    problem = Problem(household.next_number(), kind, at_ms, line, cause, story=story)
    household.problems.append(problem)
    count_open(world, c)
    feel(world, c, about.hurt)
    if about.forgotten_days:
        world.plan("forget", at_ms + about.forgotten_days * DAY_MS, c, problem=problem.number)
    world.tell_truth(
        at_ms,
        "problem",
        customer=household.customer_id,
        kind=kind,
        cause=cause,
        line=world.line_names[line] if line >= 0 else None,
        story=story or None,
    )
    return problem


def close_problem(world: World, c: int, problem: Problem, at_ms: int, how: str) -> None:
    """End a problem, whatever ended it."""
    household = world.households[c]
    household.problems = [p for p in household.problems if p.number != problem.number]
    count_open(world, c)
    world.tell_truth(
        at_ms,
        "problem_over",
        customer=household.customer_id,
        kind=problem.kind,
        how=how,
        contacts=problem.contacts,
    )


def count_open(world: World, c: int) -> None:
    """Bring the number of open problems that weigh up to date."""
    world.people.open[c] = sum(1 for p in world.households[c].problems if KINDS[p.kind].weighs)


def seek_contact(world: World, c: int, problem: Problem, at_ms: int, *, chance: float | None = None) -> bool:
    """Maybe plan the household's next contact about the problem; return whether it is planned."""
    household, about = world.households[c], KINDS[problem.kind]
    dice = world.luck(c, _SEEK, problem.number, problem.contacts)
    likely = about.contact if chance is None else chance
    if household.silent and problem.kind not in ("question", "cancel"):
        likely *= 0.1
    # The unhappy speak up sooner than the content.
    likely *= 1.1 - 0.3 * float(world.people.mood[c])
    told_twice = problem.contacts >= 2
    if (problem.story == 0 or told_twice) and not dice.chance(likely):
        return False
    delay_ms = int(dice.expovariate(1.0 / about.delay_h) * HOUR_MS)
    if problem.contacts:
        delay_ms = int(dice.uniform(0.8, 4.5) * DAY_MS)
    world.plan(
        "contact", waking(world.parameters, household, dice, at_ms + delay_ms), c, problem=problem.number
    )
    return True


def waking(parameters: Parameters, household: Household, dice: Dice, at_ms: int) -> int:
    """Return the first time from `at_ms` on at which the household would turn to somebody: by day, near its hour."""
    day = parameters.day_of(at_ms)
    begin = parameters.day_start_ms(day)
    hour = (at_ms - begin) / HOUR_MS
    if 8.0 <= hour <= 20.5 and dice.chance(0.6):
        return at_ms
    preferred = min(20.5, max(8.0, dice.gauss(household.hour, 1.5)))
    if preferred < hour:
        begin += DAY_MS
    return begin + int(preferred * HOUR_MS)


def forget(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """After a while nobody speaks of it any more."""
    problem = world.households[c].problem(data["problem"])
    if problem is not None:
        close_problem(world, c, problem, at_ms, "forgotten")
        if problem.kind == "cancel" and world.people.leaving[c]:
            world.plan("cancel", at_ms, c)


HANDLERS: Final[dict[str, Handler]] = {"forget": forget}
