"""What a representative presents, how the customer takes it, and whether the problem is solved by it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from cem.domain.events.enums import Speaker
from cem.simulator.draws import Dice, unit
from cem.simulator.parameters import MINUTE_MS
from cem.simulator.world.actions import carry_out
from cem.simulator.world.core import Outcome, World
from cem.simulator.world.effects import TrueAction
from cem.simulator.world.leaving import stays
from cem.simulator.world.moods import POINT, feel
from cem.simulator.world.people import Call, Household, Offered, Problem
from cem.simulator.world.problems import KINDS, close_problem, seek_contact
from cem.simulator.world.tickets import open_ticket
from cem.simulator.world.words import say_turn

__all__ = ["acceptance", "present", "try_to_solve"]

_SKILL, _CHOICE = 63, 64
_REASONS: Final = ("not_needed", "price", "wants_it_solved", "no_time")


def present(
    world: World,
    at_ms: int,
    c: int,
    call: Call,
    offered: Offered,
    true: TrueAction,
    kind: str,
    dice: Dice,
    accepted: list[TrueAction],
    place: int,
) -> int:
    """Put an action to the customer, let him react, and return how late it is then."""
    household, people = world.households[c], world.people
    name = offered.action.replace("-", " ").replace("_", " ")
    words = world.texts.say(dice, household.language, 0, "rep", "offer", action=name)
    say_turn(world, c, call, at_ms, Speaker.REP, words)
    at_ms += 14_000
    mood = float(people.mood[c])
    likely = acceptance(true, kind, mood, household, float(people.sensitivity[c]), offered.price_minor > 0)
    yes = unit(world.parameters.seed, _CHOICE, c, call.problem, place, call.started_ms) < likely
    world.totals.offered += 1
    world.totals.accepted += yes
    if yes:
        accepted.append(true)
        feel(world, c, true.delta * POINT)
        carry_out(world, at_ms, c, true, offered, household.problem(call.problem))
    else:
        worse = 1.5 if KINDS[kind].weighs and not true.serves else 1.0
        feel(world, c, -true.annoyance * POINT * worse)
    answer = world.texts.say(
        dice, household.language, household.style, "reply", "accept" if yes else "decline"
    )
    say_turn(world, c, call, at_ms, Speaker.CUSTOMER, answer)
    if call.decision_id:
        world.resolve(
            Outcome(
                household.customer_id,
                call.decision_id,
                "accepted" if yes else "declined",
                at_ms,
                offered.action,
                ""
                if yes
                else _REASONS[2]
                if KINDS[kind].weighs and not true.serves
                else dice.choice(_REASONS),
                f"rep-{call.rep + 1:02d}",
            )
        )
    world.tell_truth(
        at_ms,
        "presented",
        customer=household.customer_id,
        contact=call.call_id,
        action=offered.action,
        likely=round(likely, 4),
        accepted=yes,
        factors=[round(f, 3) for f in true.factors],
    )
    return at_ms + 4000


def acceptance(
    true: TrueAction, kind: str, mood: float, household: Household, sensitivity: float, priced: bool
) -> float:
    """Return the chance that the household says yes to an action, in a contact about a problem of this kind."""
    level = true.accept + (0.5 if true.serves else 1.4) * mood
    if true.kind.need:
        level += 2.2 * (household.needs[true.kind.need] - 0.35)
    if priced or true.kind.precedence == "selling":
        level -= 1.6 * (sensitivity - 0.5)
    if true.kind.cures.get(kind, 0.0) > 0.2:
        level += 0.8
    elif KINDS[kind].weighs:
        # Who has a problem wants it solved, not something else.
        level -= 0.5 if true.serves else 1.6
    return 1.0 / (1.0 + math.exp(-level))


def try_to_solve(
    world: World,
    at_ms: int,
    c: int,
    call: Call,
    problem: Problem | None,
    accepted: Sequence[TrueAction],
    sold_instead: bool,
    dice: Dice,
) -> tuple[bool, bool]:
    """Return whether the problem is solved now, and, if not, whether a ticket is to solve it."""
    if problem is None:
        return True, False
    skill = 0.75 + 0.5 * unit(world.parameters.seed, _SKILL, call.rep)
    likely = KINDS[problem.kind].solved * skill * (0.45 if sold_instead else 1.0)
    if problem.story == 1 and problem.contacts < 2:
        # The first call only gets him kind words, unless somebody knows what to do.
        likely = 0.0
    pending = False
    for true in accepted:
        cure = true.kind.cures.get(problem.kind, 0.0)
        if "ticket" in true.kind.does and cure > 0:
            open_ticket(world, at_ms, c, problem, call.call_id, cure, dice)
            pending = True
        else:
            likely = 1.0 - (1.0 - likely) * (1.0 - cure)
    solved = unit(world.parameters.seed, _CHOICE, c, call.problem, 9, call.started_ms) < likely
    if problem.kind == "cancel":
        solved = solved and bool(accepted)
        if solved:
            stays(world, c, at_ms)
        else:
            world.plan("cancel", at_ms + 5 * MINUTE_MS, c)
        close_problem(world, c, problem, at_ms, "kept" if solved else "left")
        return solved, False
    if solved:
        close_problem(world, c, problem, at_ms, "call")
        feel(world, c, 0.16)
    elif pending:
        feel(world, c, 0.05)
    elif KINDS[problem.kind].weighs or sold_instead:
        feel(world, c, -0.16)
        world.people.failures[c] += 1.0
    if (
        not solved
        and not pending
        and problem.kind in ("coverage", "fault", "order", "device")
        and dice.chance(0.35)
    ):
        open_ticket(world, at_ms, c, problem, call.call_id, 0.45, dice)
        pending = True
    if not solved:
        again = KINDS[problem.kind].again * (0.3 if pending else 1.0)
        seek_contact(world, c, problem, at_ms, chance=again)
    return solved, pending
