"""Messages of ours: the marketing department's campaigns, and what a policy has us tell a customer.

A household answers on the channel that it really uses, near its hour, whatever it asked for (story 5).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from cem.domain.events import (
    CampaignContacted,
    CampaignResponded,
    ConsentChanged,
    ContactAnswered,
    ContactDelivered,
    ContactFailed,
)
from cem.domain.events.enums import Channel, Consent, Response
from cem.simulator.draws import Dice, uniforms
from cem.simulator.parameters import HOUR_MS
from cem.simulator.world.actions import carry_out
from cem.simulator.world.core import Handler, Outcome, Planner, World
from cem.simulator.world.effects import TrueAction
from cem.simulator.world.moods import POINT, feel
from cem.simulator.world.people import Household, Offered, Problem
from cem.simulator.world.population import CHANNELS
from cem.simulator.world.presenting import acceptance
from cem.simulator.world.problems import close_problem

__all__ = ["HANDLERS", "PLANNERS", "answers", "reach"]

_CAMPAIGN, _REACH = 131, 132
#: Campaign, action that it carries, need that makes it welcome.
_CAMPAIGNS: Final = (
    ("more-data", "plan_upgrade", "data"),
    ("text-more", "sms_bundle", "texting"),
    ("travel-light", "roaming_pack", "roaming"),
    ("new-phones", "device_offer", "device"),
    ("family-week", "usage_control", "family_control"),
    ("loyal-friends", "loyalty_bonus", "price_certainty"),
)


def plan_campaigns(world: World, day: int) -> None:
    """Let the marketing department write to those who let it, mostly on the channel that they asked for."""
    parameters, people = world.parameters, world.people
    drawn = uniforms(parameters.seed, _CAMPAIGN, day, people.rows) < parameters.campaigns_per_month / 30
    start_ms = parameters.day_start_ms(day)
    for c in np.nonzero(drawn & people.active)[0].tolist():
        household = world.households[c]
        if not household.marketing:
            continue
        dice = world.luck(c, _CAMPAIGN, day)
        campaign, action, need = _CAMPAIGNS[(day // 7 + dice.randrange(2)) % len(_CAMPAIGNS)]
        channel = household.said if dice.chance(0.6) else dice.choice(tuple(CHANNELS))
        at_ms = start_ms + dice.choice((9, 10, 12, 14, 17, 18, 19)) * HOUR_MS + dice.randrange(HOUR_MS)
        contact_id = f"camp-{c + 1}-{household.next_number()}"
        world.say(
            c,
            at_ms,
            CampaignContacted(
                campaign=campaign, channel=Channel(channel), contact_id=contact_id, action=action
            ),
        )
        world.plan(
            "campaign", at_ms + 30_000, c, campaign=campaign, channel=channel, id=contact_id, need=need
        )


def answers(world: World, household: Household, channel: str, at_ms: int) -> float:
    """Return the chance that the household reacts at all to a message over `channel` at this time."""
    parameters = world.parameters
    hour = (at_ms - parameters.day_start_ms(parameters.day_of(at_ms))) / HOUR_MS
    apart = min(abs(hour - household.hour), 24 - abs(hour - household.hour))
    timing = 1.4 if apart <= 2 else 0.9 if apart <= 5 else 0.6
    return min(0.9, timing * (0.45 if channel == household.does else 0.06))


def campaign(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let the message arrive or not, and the household react or not."""
    household = world.households[c]
    if not world.people.active[c]:
        return
    dice = world.luck(c, _CAMPAIGN, at_ms, 1)
    channel = Channel(data["channel"])
    if dice.chance(0.05):
        world.say(c, at_ms, ContactFailed(contact_id=data["id"], channel=channel, reason="not_reached"))
        return
    world.say(c, at_ms, ContactDelivered(contact_id=data["id"], channel=channel))
    mood = float(world.people.mood[c])
    feel(world, c, -0.015 if mood < 0 else -0.003)
    if not dice.chance(answers(world, household, data["channel"], at_ms)):
        return
    later_ms = at_ms + int(dice.expovariate(1 / 1.5) * HOUR_MS)
    welcome = 0.1 + 0.35 * household.needs[data["need"]] + 0.15 * mood
    response = Response.CLICKED
    if dice.chance(welcome):
        response = Response.ACCEPTED
    elif mood < -0.4 and dice.chance(0.3):
        response = Response.OPTED_OUT
    elif dice.chance(0.4):
        response = Response.DECLINED
    world.say(
        c,
        later_ms,
        CampaignResponded(
            campaign=data["campaign"], response=response, channel=channel, contact_id=data["id"]
        ),
    )
    if response is Response.OPTED_OUT:
        household.marketing = False
        world.say(c, later_ms, ConsentChanged(purpose=Consent.MARKETING, granted=False))


def reach(
    world: World,
    at_ms: int,
    c: int,
    *,
    contact_id: str,
    channel: str,
    action: str,
    decision_id: str = "",
    price_minor: int = 0,
    to_user: bool = False,
    line: str = "",
) -> None:
    """Send the household, or the user of a line of its, a message that carries an action, as a policy has decided."""
    world.plan(
        "message",
        at_ms,
        c,
        id=contact_id,
        channel=channel,
        action=action,
        decision=decision_id,
        price=price_minor,
        user=to_user,
        line=line,
    )


def message(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let a message of ours arrive; it may solve a problem before the household calls about it."""
    household, people = world.households[c], world.people
    dice = world.luck(c, _REACH, at_ms)
    channel = Channel(data["channel"])
    if not people.active[c] or dice.chance(0.04):
        world.say(c, at_ms, ContactFailed(contact_id=data["id"], channel=channel, reason="not_reached"))
        return
    world.say(c, at_ms, ContactDelivered(contact_id=data["id"], channel=channel))
    if data.get("user"):
        return
    offered = Offered(data["action"], "", data["channel"], data["price"], data.get("line", ""))
    true = world.effects.of(offered.action) if data["action"] else None
    problem = _concerned(household, true)
    if not dice.chance(answers(world, household, data["channel"], at_ms) * (1.5 if problem else 1.0)):
        feel(world, c, 0.01 if problem else -0.02)
        return
    later_ms = at_ms + int(dice.expovariate(1 / 1.0) * HOUR_MS)
    response = Response.OPENED
    if true is not None:
        response = _react(world, later_ms, c, true, offered, problem, dice, data["decision"])
    world.say(c, later_ms, ContactAnswered(contact_id=data["id"], response=response, channel=channel))


def _concerned(household: Household, true: TrueAction | None) -> Problem | None:
    """Return the open problem that the action would cure."""
    if true is None:
        return None
    return next((p for p in household.problems if true.kind.cures.get(p.kind, 0.0) > 0), None)


def _react(
    world: World,
    at_ms: int,
    c: int,
    true: TrueAction,
    offered: Offered,
    problem: Problem | None,
    dice: Dice,
    decision_id: str,
) -> Response:
    household, people = world.households[c], world.people
    kind = problem.kind if problem else "question"
    likely = acceptance(
        true, kind, float(people.mood[c]), household, float(people.sensitivity[c]), offered.price_minor > 0
    )
    yes = dice.chance(likely)
    world.totals.offered += 1
    world.totals.accepted += yes
    feel(world, c, (true.delta if yes else -true.annoyance) * POINT * 0.8)
    if yes:
        carry_out(world, at_ms, c, true, offered, problem)
        if problem is not None and dice.chance(true.kind.cures[problem.kind]):
            close_problem(world, c, problem, at_ms, "message")
    if decision_id:
        state = "accepted" if yes else "declined"
        world.resolve(Outcome(household.customer_id, decision_id, state, at_ms, offered.action))
    return Response.ACCEPTED if yes else Response.DECLINED


HANDLERS: Final[dict[str, Handler]] = {"campaign": campaign, "message": message}
PLANNERS: Final[tuple[Planner, ...]] = (plan_campaigns,)
