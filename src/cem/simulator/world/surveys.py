"""What customers answer when they are asked how it was; not everybody answers, and not at random."""

from __future__ import annotations

from typing import Any, Final

from cem.domain.events import SurveyAnswered
from cem.domain.events.enums import Channel
from cem.simulator.draws import Dice
from cem.simulator.parameters import HOUR_MS
from cem.simulator.texts import band_of
from cem.simulator.world.core import Handler, World
from cem.simulator.world.moods import csat_of

__all__ = ["HANDLERS", "judge"]

_SURVEY: Final = 71


def judge(world: World, at_ms: int, c: int, about: str, solved: bool, dice: Dice) -> None:
    """Let the household make up its mind about a contact, and maybe answer the survey about it."""
    mood = float(world.people.mood[c]) + (0.1 if solved else -0.1)
    csat = csat_of(mood, dice.gauss(0.0, 1.0))
    world.totals.contacts += 1
    world.totals.csat_sum += max(1.0, min(5.0, 3.45 + 1.75 * mood))
    # The dissatisfied and the delighted answer; the others half as often.
    likely = world.parameters.survey_response * (1.0 if csat in (1, 2, 5) else 0.5)
    answers = dice.chance(likely)
    world.tell_truth(
        at_ms,
        "judged",
        customer=world.keys[c],
        contact=about,
        csat=csat,
        mood=round(float(world.people.mood[c]), 4),
        solved=solved,
        answers=answers,
    )
    if answers:
        later_ms = at_ms + int(dice.uniform(0.3, 20) * HOUR_MS)
        world.plan("survey", later_ms, c, about=about, mood=mood, csat=csat, solved=solved)


def answer_survey(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let the answer arrive."""
    household = world.households[c]
    mood = float(data["mood"])
    dice = world.luck(c, _SURVEY, at_ms)
    text = None
    if dice.chance(0.5):
        band = band_of(mood, dice.gauss(0.0, 1.0))
        text = world.texts.say(dice, household.language, household.style, "survey", band)
        text += world.texts.mark(dice, household.language, household.style, band)
    effort = 4.0 - 2.2 * mood + (-0.7 if data["solved"] else 0.7) + dice.gauss(0.0, 0.7)
    world.say(
        c,
        at_ms,
        SurveyAnswered(
            about=data["about"],
            csat=data["csat"],
            nps=max(0, min(10, round(6.2 + 5.0 * mood + dice.gauss(0.0, 1.2)))) if dice.chance(0.6) else None,
            ces=max(1, min(7, round(effort))) if dice.chance(0.4) else None,
            text=text,
            language=household.language if text else None,
            channel=Channel(household.does) if household.does != "call" else Channel.SMS,
        ),
    )


HANDLERS: Final[dict[str, Handler]] = {"survey": answer_survey}
