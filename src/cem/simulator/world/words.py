"""What a household says about its problem: the values that fill its sentences, and turns of a call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from cem.domain.events import CallTurn
from cem.domain.events.enums import Speaker
from cem.simulator.draws import Dice
from cem.simulator.world.core import World
from cem.simulator.world.people import Call, Household, Problem

__all__ = ["filling", "moment", "say_turn"]

_PRODUCTS: Final = ("router", "phone", "tablet", "SIM")


def filling(world: World, household: Household, problem: Problem, dice: Dice) -> dict[str, Any]:
    """Return the values of a sentence about the problem."""
    cents = household.bills[-1].amount_minor if household.bills else round(household.usual_minor)
    if problem.kind in ("sms_cost", "roaming"):
        cents = int(world.lines.charges[household.lines].sum()) or cents
    number = world.line_names[problem.line if problem.line >= 0 else household.lines[-1]]
    return {
        "amount": f"{cents / 100:.2f}" if world.parameters.minor_per_cent == 1 else f"{cents:,}",
        "number": number,
        "days": dice.randint(2, 5),
        "product": household.orders.get(problem.cause, dice.choice(_PRODUCTS)),
    }


def say_turn(world: World, c: int, call: Call, at_ms: int, speaker: Speaker, text: str) -> None:
    """Let a turn of the call be heard."""
    turn, call.turns = call.turns, call.turns + 1
    language = world.households[c].language
    world.say(
        c, at_ms, CallTurn(call_id=call.call_id, turn=turn, speaker=speaker, text=text, language=language)
    )


def moment(at_ms: int) -> datetime:
    """Return a time as events carry it."""
    return datetime.fromtimestamp(at_ms // 1000, tz=UTC)
