"""Why and when customers leave: the hidden hazard, the day's leavers, and what a leaver does."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from cem.domain.events import ContractCancelled, ContractRenewed, ProfileChanged
from cem.domain.events.enums import CustomerStatus, Initiative
from cem.simulator.draws import Floats, uniforms
from cem.simulator.parameters import DAY_MS, HOUR_MS, Parameters
from cem.simulator.world.core import Handler, Planner, World
from cem.simulator.world.moods import target
from cem.simulator.world.oracle import HORIZON_DAYS
from cem.simulator.world.people import NEVER, People
from cem.simulator.world.problems import open_problem, seek_contact
from cem.simulator.world.subscriptions import price_of

__all__ = ["HANDLERS", "PLANNERS", "daily_hazard", "leave", "renew", "within_horizon"]

_LEAVE, _HOW, _RENEW = 21, 22, 23
#: Logarithm of the daily hazard of a middling customer out of contract.
_LEVEL: Final = -7.36
#: How strongly what pulls a household away tells: it sets how well leaving can be foreseen at all.
_STEEPNESS: Final = 1.1
_TERM_DAYS: Final = 365


def daily_hazard(parameters: Parameters, people: People, day: int, mood: Floats | None = None) -> Floats:
    """Return each household's hidden hazard of leaving on `day`, per day, at its mood now (or at `mood`)."""
    remaining = people.contract_end - day
    term = np.where(remaining > 30, -2.2, np.where(remaining >= 0, 0.6, np.where(remaining > -60, 1.1, 0.35)))
    tenure = -0.7 * np.log1p(np.maximum(0, day - people.joined) / 365)
    pull = (
        people.own
        + term
        + tenure
        - 2.5 * (people.mood if mood is None else mood)
        + 0.25 * np.minimum(people.open, 3)
        + 0.3 * np.minimum(people.failures, 4)
        + 0.9 * (people.arrears > 0)
        - people.goodwill
    )
    return parameters.leaving_scale * np.minimum(0.25, np.exp(_LEVEL + _STEEPNESS * pull))


def within_horizon(parameters: Parameters, people: People, day: int) -> Floats:
    """Return each household's chance of leaving within the horizon, as one who knows everything of today sees it."""
    aim = target(people)
    total = np.zeros(people.rows)
    step = 5
    for ahead in range(0, HORIZON_DAYS, step):
        mood = aim + (people.mood - aim) * 0.94 ** (ahead + step / 2)
        total += step * daily_hazard(parameters, people, day + ahead + step // 2, mood)
    return np.asarray(1.0 - np.exp(-total))


def plan_leaving(world: World, day: int) -> None:
    """Draw the day's leavers; weekly, note what the oracle says; renew contracts that run out unnoticed."""
    people, parameters = world.people, world.parameters
    steady = people.active & ~people.leaving
    if day % 7 == 0:
        forecast = within_horizon(parameters, people, day)
        world.oracle.note(day, forecast, steady)
        if world.truths is not None:
            at_ms = parameters.day_start_ms(day)
            for c in np.nonzero(steady)[0].tolist():
                world.tell_truth(
                    at_ms,
                    "mood",
                    customer=world.keys[c],
                    mood=round(float(people.mood[c]), 4),
                    leaves_within_30d=round(float(forecast[c]), 6),
                )
    drawn = uniforms(parameters.seed, _LEAVE, day, people.rows) < daily_hazard(parameters, people, day)
    for c in np.nonzero(drawn & steady)[0].tolist():
        people.leaving[c] = True
        dice = world.luck(c, _HOW, day)
        at_ms = parameters.day_start_ms(day) + dice.randrange(8 * HOUR_MS, 20 * HOUR_MS)
        world.tell_truth(at_ms, "wants_to_leave", customer=world.keys[c], reason=reason_of(world, c, day))
        if dice.chance(0.4) and not world.households[c].silent:
            problem = open_problem(world, c, "cancel", at_ms, "", -1)
            seek_contact(world, c, problem, at_ms)
        else:
            world.plan("cancel", at_ms, c, late=dice.chance(0.06))
    ending = people.active & ~people.leaving & (people.contract_end == day)
    willing = uniforms(parameters.seed, _RENEW, day, people.rows) < 0.45 + 0.3 * people.mood
    for c in np.nonzero(ending & willing)[0].tolist():
        renew(world, c, parameters.day_start_ms(day) + 10 * HOUR_MS, "automatic")


def reason_of(world: World, c: int, day: int) -> str:
    """Return what weighs most in the household's wish to leave."""
    people = world.people
    remaining = int(people.contract_end[c]) - day
    weights = {
        "price": 0.9 * float(people.sensitivity[c]) + (0.5 if -60 < remaining <= 30 else 0.0),
        "service": max(0.0, -1.6 * float(people.mood[c])) + 0.35 * float(people.failures[c]),
        "network": 1.0 if people.bad_reception_until[c] >= day else 0.0,
        "bills": 0.9 if people.arrears[c] > 0 or world.households[c].problem_of("sms_cost") else 0.0,
        "moving": 0.25,
    }
    return max(weights, key=lambda name: weights[name])


def cancel(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let the household give notice."""
    if world.people.active[c] and world.people.left[c] == NEVER:
        leave(world, at_ms, c, Initiative.CUSTOMER, late=bool(data.get("late")))


def leave(world: World, at_ms: int, c: int, initiative: Initiative, *, late: bool = False) -> None:
    """End the contract: soon, or today in silence (the numbers are carried to another operator), heard of days later."""
    parameters, people, household = world.parameters, world.people, world.households[c]
    day = parameters.day_of(at_ms)
    dice = world.luck(c, _HOW, day, 1)
    effective = day if late else day + dice.choice((0, 0, 1, 3, 7, 10))
    if late:
        # The lines are silent from tomorrow on.
        for line in household.lines:
            world.lines.alive[line] = False
    known_ms = at_ms + dice.randint(1, 9) * DAY_MS if late else at_ms
    chosen = initiative is Initiative.CUSTOMER
    reason = reason_of(world, c, day) if chosen else "unpaid"
    said = reason if dice.chance(0.6) else dice.choice(("price", "moving", "other"))
    price = sum(price_of(world, i) for i in household.lines)
    world.say(
        c,
        known_ms,
        ContractCancelled(
            effective=parameters.date_of(effective),
            reason=said if chosen else "unpaid",
            initiative=initiative,
            price_minor=price,
            end=parameters.date_of(int(people.contract_end[c])) if people.contract_end[c] > -NEVER else None,
        ),
    )
    people.leaving[c] = True
    if chosen:
        people.left[c] = effective
        world.totals.left += 1
    else:
        people.dismissed[c] = effective
    world.tell_truth(
        at_ms,
        "leaves",
        customer=world.keys[c],
        effective=parameters.date_of(effective).isoformat(),
        reason=reason,
        initiative=str(initiative),
        mood=round(float(people.mood[c]), 4),
    )
    world.plan("closed", max(known_ms, parameters.day_start_ms(effective + 1) - 1), c)


def closed(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let the lines fall silent: the contract has ended."""
    people, household = world.people, world.households[c]
    if not people.active[c]:
        return
    people.active[c] = False
    household.status = "closed"
    household.problems.clear()
    people.open[c] = 0
    for line in household.lines:
        world.lines.alive[line] = False
    world.say(c, at_ms, ProfileChanged(status=CustomerStatus.CLOSED))


def renew(world: World, c: int, at_ms: int, reason: str) -> None:
    """Prolong the contract by a year."""
    parameters, people = world.parameters, world.people
    day = parameters.day_of(at_ms)
    people.contract_end[c] = max(day, int(people.contract_end[c])) + _TERM_DAYS
    world.say(
        c,
        at_ms,
        ContractRenewed(
            end=parameters.date_of(int(people.contract_end[c])),
            effective=parameters.date_of(day),
            reason=reason,
        ),
    )


def stays(world: World, c: int, at_ms: int) -> None:
    """Someone who wanted to leave has been kept."""
    world.people.leaving[c] = False
    world.tell_truth(at_ms, "kept", customer=world.keys[c])


HANDLERS: Final[dict[str, Handler]] = {"cancel": cancel, "closed": closed}
PLANNERS: Final[tuple[Planner, ...]] = (plan_leaving,)
