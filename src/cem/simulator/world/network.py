"""Faults of areas, and households whose reception is bad for weeks."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from cem.domain.events import ServiceDegraded, ServiceRestored
from cem.domain.events.enums import ServiceKind
from cem.simulator.draws import Dice, uniforms, unit
from cem.simulator.parameters import DAY_MS, HOUR_MS
from cem.simulator.world.core import Handler, Planner, World
from cem.simulator.world.moods import feel
from cem.simulator.world.population import area_name
from cem.simulator.world.problems import close_problem, open_problem, seek_contact

__all__ = ["HANDLERS", "PLANNERS", "begin_bad_reception"]

_FAULT, _HIT, _RECEPTION, _DROP = 111, 112, 113, 114
_KINDS: Final = (
    ServiceKind.DATA,
    ServiceKind.DATA,
    ServiceKind.VOICE,
    ServiceKind.SMS,
    ServiceKind.BROADBAND,
)


def plan_faults(world: World, day: int) -> None:
    """Draw the day's faults by area, the households whose reception turns bad, and today's dropped calls."""
    parameters, people = world.parameters, world.people
    begin_ms = parameters.day_start_ms(day)
    for area in range(parameters.areas):
        if unit(parameters.seed, _FAULT, day, area) < parameters.faults_per_area_week / 7:
            _fault(world, begin_ms, day, area, Dice(0).key(parameters.seed, _FAULT, day, area))
    turned = uniforms(parameters.seed, _RECEPTION, day, people.rows)
    limit = parameters.coverage_per_1000_weeks / 7000
    for c in np.nonzero((turned < limit) & people.active & (people.bad_reception_until < day))[0].tolist():
        begin_bad_reception(world, c, day, world.luck(c, _RECEPTION, day).randint(10, 50))
    suffering = people.active & (people.bad_reception_until >= day)
    dropped = uniforms(parameters.seed, _DROP, day, people.rows) < 0.35
    for c in np.nonzero(suffering & dropped)[0].tolist():
        dice = world.luck(c, _DROP, day)
        at_ms = begin_ms + int(dice.uniform(7, 22) * HOUR_MS)
        world.plan("drop", at_ms, c, seconds=int(dice.uniform(120, 5400)))


def _fault(world: World, begin_ms: int, day: int, area: int, dice: Dice) -> None:
    """Something breaks in an area; some of its households feel it."""
    people = world.people
    at_ms = begin_ms + int(dice.uniform(0, 24) * HOUR_MS)
    lasts_ms = int(min(36.0, max(0.2, dice.lognormvariate(1.1, 0.8))) * HOUR_MS)
    share = dice.uniform(0.4, 0.95)
    kind = dice.choice(_KINDS)
    incident = f"fault-{day}-{area + 1}"
    hit = uniforms(world.parameters.seed, _HIT, day * 1000 + area, people.rows) < share
    felt = np.nonzero(hit & people.active & (people.area == area))[0].tolist()
    world.tell_truth(
        at_ms,
        "fault",
        incident=incident,
        area=area_name(area),
        hours=lasts_ms / HOUR_MS,
        households=len(felt),
    )
    for c in felt:
        world.plan("fault_begins", at_ms + c % 60_000, c, incident=incident, kind=str(kind), lasts=lasts_ms)


def fault_begins(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let a household lose a service of its area."""
    if not world.people.active[c]:
        return
    area = area_name(int(world.people.area[c]))
    kind, incident = ServiceKind(data["kind"]), str(data["incident"])
    world.say(c, at_ms, ServiceDegraded(kind=kind, area=area, incident_id=incident))
    hours = data["lasts"] / HOUR_MS
    feel(world, c, -min(0.2, 0.02 + 0.015 * hours))
    if hours > 1:
        problem = open_problem(world, c, "fault", at_ms, incident, -1)
        seek_contact(world, c, problem, at_ms, chance=min(0.5, 0.04 * hours))
    world.plan(
        "fault_ends", at_ms + data["lasts"], c, incident=incident, kind=data["kind"], lasts=data["lasts"]
    )


def fault_ends(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Bring the service back."""
    if not world.people.active[c]:
        return
    area = area_name(int(world.people.area[c]))
    world.say(
        c,
        at_ms,
        ServiceRestored(
            kind=ServiceKind(data["kind"]),
            area=area,
            incident_id=data["incident"],
            duration_s=data["lasts"] // 1000,
        ),
    )
    problem = world.households[c].problem_of("fault")
    if problem is not None and problem.cause == data["incident"]:
        close_problem(world, c, problem, at_ms, "restored")


def begin_bad_reception(world: World, c: int, day: int, days: int, story: int = 0) -> None:
    """From `day` on the household's reception is bad, until it is repaired or the days are over."""
    parameters = world.parameters
    world.people.bad_reception_until[c] = day + days
    at_ms = parameters.day_start_ms(day) + 12 * HOUR_MS
    world.tell_truth(at_ms, "bad_reception", customer=world.keys[c], days=days, story=story or None)
    world.plan("reception_noticed", at_ms + 3 * DAY_MS, c)
    world.plan("reception_over", parameters.day_start_ms(day + days + 1), c)


def drop(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let a call drop, or the signal go for a while."""
    if not world.people.active[c] or world.people.bad_reception_until[c] < world.parameters.day_of(at_ms):
        return
    household = world.households[c]
    dice = world.luck(c, _DROP, at_ms, 1)
    line = world.line_names[dice.choice(household.lines)]
    incident = f"weak-{c + 1}-{household.next_number()}"
    kind = dice.choice((ServiceKind.COVERAGE, ServiceKind.COVERAGE, ServiceKind.VOICE, ServiceKind.DATA))
    world.say(c, at_ms, ServiceDegraded(kind=kind, line=line, incident_id=incident))
    seconds = int(data["seconds"])
    world.say(
        c,
        at_ms + seconds * 1000,
        ServiceRestored(kind=kind, line=line, incident_id=incident, duration_s=seconds),
    )
    feel(world, c, -0.03)


def reception_noticed(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let the household have had enough of its reception."""
    if world.people.active[c] and world.people.bad_reception_until[c] >= world.parameters.day_of(at_ms):
        problem = open_problem(world, c, "coverage", at_ms, "", -1)
        if not problem.contacts:
            seek_contact(world, c, problem, at_ms)


def reception_over(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let the reception be good again, whatever did it."""
    problem = world.households[c].problem_of("coverage")
    if problem is not None and world.people.bad_reception_until[c] < world.parameters.day_of(at_ms):
        close_problem(world, c, problem, at_ms, "over")


HANDLERS: Final[dict[str, Handler]] = {
    "fault_begins": fault_begins,
    "fault_ends": fault_ends,
    "drop": drop,
    "reception_noticed": reception_noticed,
    "reception_over": reception_over,
}
PLANNERS: Final[tuple[Planner, ...]] = (plan_faults,)
