"""How households turn to the operator: by phone mostly, else over web, app, e-mail, chat, a shop or in public."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from cem.domain.events import InteractionRecorded
from cem.domain.events.enums import CallDirection, Channel, Resolution
from cem.simulator.draws import uniforms
from cem.simulator.parameters import HOUR_MS
from cem.simulator.world.calls import start_call
from cem.simulator.world.core import Handler, Planner, World
from cem.simulator.world.moods import feel
from cem.simulator.world.people import Problem
from cem.simulator.world.problems import KINDS, close_problem, open_problem, seek_contact
from cem.simulator.world.surveys import judge
from cem.simulator.world.words import filling

__all__ = ["HANDLERS", "PLANNERS"]

_CONTACT, _WISH = 91, 92
#: Share of contacts by phone; the others are written or in a shop.
_BY_PHONE: Final = {"question": 0.4, "cancel": 0.95, "upgrade": 0.75, "sms_cost": 0.85, "fault": 0.6}
_WRITTEN: Final = {
    "email": ("email", "email", "web"),
    "app": ("app", "app", "chat"),
    "sms": ("web", "social", "chat"),
    "call": ("shop", "shop", "web", "social"),
}
#: What people get in touch about when nothing is wrong: kind, need that makes it likelier, weight.
_WISHES: Final = (
    ("question", "", 0.5),
    ("plan", "texting", 0.15),
    ("upgrade", "device", 0.15),
    ("price", "price_certainty", 0.1),
    ("roaming", "roaming", 0.05),
    ("device", "device", 0.05),
)


def plan_wishes(world: World, day: int) -> None:
    """Let some households want something today."""
    parameters, people = world.parameters, world.people
    drawn = uniforms(parameters.seed, _WISH, day, people.rows) < parameters.questions_per_week / 7
    for c in np.nonzero(drawn & people.active)[0].tolist():
        household = world.households[c]
        dice = world.luck(c, _WISH, day)
        weights = [w * (0.3 + 2 * household.needs[need] if need else 1.0) for _, need, w in _WISHES]
        kind = dice.choices([row[0] for row in _WISHES], weights)[0]
        at_ms = parameters.day_start_ms(day) + dice.randrange(7, 19) * HOUR_MS
        problem = open_problem(world, c, kind, at_ms, "", -1)
        if problem.since_ms == at_ms:
            seek_contact(world, c, problem, at_ms)


def contact(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let the household turn to the operator, if it still has reason to."""
    household = world.households[c]
    problem = household.problem(data["problem"])
    if problem is None or not world.people.active[c]:
        return
    dice = world.luck(c, _CONTACT, problem.number, problem.contacts)
    phone = problem.story > 0 or problem.contacts > 0 or dice.chance(_BY_PHONE.get(problem.kind, 0.7))
    if phone:
        start_call(world, at_ms, c, problem)
    else:
        write(world, at_ms, c, problem, dice.choice(_WRITTEN[household.does]))


def write(world: World, at_ms: int, c: int, problem: Problem, channel: str) -> None:
    """Let the household write, or drop in at a shop; somebody answers hours later."""
    household = world.households[c]
    number = household.next_number()
    dice = world.luck(c, _CONTACT, number)
    about = KINDS[problem.kind]
    interaction_id = f"contact-{c + 1}-{number}"
    mood = float(world.people.mood[c])
    text: str | None = None
    if channel != "shop":
        text = world.texts.complaint(
            dice,
            household.language,
            household.style,
            problem.kind,
            mood,
            problem.contacts > 0,
            **filling(world, household, problem, dice),
        )
        if channel == "social":
            text = world.texts.say(dice, household.language, household.style, "social") + " " + text
    world.say(
        c,
        at_ms,
        InteractionRecorded(
            interaction_id=interaction_id,
            channel=Channel(channel),
            reason=about.reason if dice.chance(0.6) else None,
            text=text,
            language=household.language,
            line=world.line_names[problem.line] if problem.line >= 0 else None,
            shop_id=(household.shop or "shop-01") if channel == "shop" else None,
        ),
    )
    problem.contacts += 1
    world.tell_truth(
        at_ms,
        "contact",
        customer=household.customer_id,
        contact=interaction_id,
        channel=channel,
        problem=problem.kind,
        cause=problem.cause,
        nth=problem.contacts,
        mood=round(mood, 4),
    )
    delay_ms = int(dice.uniform(0.1, 0.4 if channel in ("shop", "chat") else 14) * HOUR_MS)
    world.plan(
        "written_answer", at_ms + delay_ms, c, problem=problem.number, id=interaction_id, channel=channel
    )


def written_answer(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Somebody answers what was written."""
    household = world.households[c]
    problem = household.problem(data["problem"])
    dice = world.luck(c, _CONTACT, data["problem"], 1)
    about = KINDS[problem.kind] if problem is not None else KINDS["question"]
    solved = problem is None or (problem.kind != "cancel" and dice.chance(about.solved * 0.9))
    world.say(
        c,
        at_ms,
        InteractionRecorded(
            interaction_id=data["id"] + "-re",
            channel=Channel(data["channel"]),
            direction=CallDirection.OUTBOUND,
            reason=about.reason,
            resolution=Resolution.RESOLVED if solved else Resolution.FOLLOW_UP,
            rep_id=f"rep-{dice.randrange(world.parameters.reps) + 1:02d}",
        ),
    )
    if problem is not None:
        if problem.kind == "cancel":
            world.plan("cancel", at_ms, c)
            close_problem(world, c, problem, at_ms, "left")
        elif solved:
            close_problem(world, c, problem, at_ms, "written")
            feel(world, c, 0.1)
        else:
            feel(world, c, -0.1)
            world.people.failures[c] += 0.5
            seek_contact(world, c, problem, at_ms, chance=about.again)
    judge(world, at_ms, c, data["id"], solved, dice)


HANDLERS: Final[dict[str, Handler]] = {"contact": contact, "written_answer": written_answer}
PLANNERS: Final[tuple[Planner, ...]] = (plan_wishes,)
