"""The lines of a household: their users' way of texting, the plans they are on, and what they usually cost."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from cem.simulator.draws import Dice
from cem.simulator.world.core import World
from cem.simulator.world.people import Household
from cem.simulator.world.plans import BUNDLE_SEGMENTS, PLANS, TAX_PERCENT, plan_for
from cem.simulator.world.texting import UNLIMITED, line_key

__all__ = ["allowance_of", "draw_lines", "install_lines", "price_of", "set_plan"]

#: Messages a day that no line sends more of on average.
_CAP: Final = 80.0


def draw_lines(world: World, household: Household, dice: Dice, first_day: int) -> list[dict[str, float]]:
    """Return what the texting of the household's lines depends on, column by column; number and name them."""
    parameters, c = world.parameters, household.number
    rows: list[dict[str, float]] = []
    for place, role in enumerate(household.roles):
        rate = min(_CAP, math.exp(dice.gauss(math.log(2.5), 1.25)) * (1.3 if role == "child" else 1.0))
        household.lines.append(len(world.line_names))
        world.line_names.append(f"+849{(c * 8 + place):08d}")
        world.owners.append(c)
        # Most have the plan that fits what they text; some are on one too small.
        plan = plan_for(rate * 31 * dice.choices((0.6, 1.0, 1.35), (15, 35, 50))[0])
        allowance = PLANS[plan].sms_allowance
        base, beyond = _usual_cost(plan, rate)
        household.usual_minor += parameters.money(base)
        household.usual_extra_minor += parameters.money(beyond)
        rows.append(
            {
                "owner": c,
                "key": line_key(parameters.seed, c, place),
                "rate": rate,
                "phase": dice.choice((-1, 0, 0, 0, 1, 2)),
                "contacts": int(3 + 3 * rate**0.6),
                "child": role == "child",
                "first_day": first_day,
                "premium_rate": 0.5 if dice.chance(0.08) else 0.0,
                "plan": plan,
                "allowance": UNLIMITED if allowance is None else allowance,
                "overage": parameters.money(PLANS[plan].overage_cents),
            }
        )
    return rows


def _usual_cost(plan: int, rate: float) -> tuple[float, float]:
    """Return what a month of a line costs, tax included, and what of it is use beyond the plan (cents)."""
    tariff = PLANS[plan]
    allowance = 1e9 if tariff.sms_allowance is None else tariff.sms_allowance
    beyond = max(0.0, 1.07 * 30.5 * rate - allowance) * tariff.overage_cents
    return (1 + TAX_PERCENT / 100) * (tariff.price_cents + beyond), beyond


def install_lines(world: World, rows: list[dict[str, float]]) -> None:
    """Add the rows to the lines, all at once."""
    lines = world.lines
    first = lines.grow(len(rows))
    for name in rows[0]:
        column = getattr(lines, name)
        column[first:] = np.array([row[name] for row in rows], dtype=column.dtype)


def set_plan(world: World, line: int, plan: int) -> None:
    """Put a line on a plan; a bundle of its stays, unless the plan covers all messages anyway."""
    lines = world.lines
    lines.plan[line] = plan
    if PLANS[plan].sms_allowance is None:
        world.households[world.owners[line]].bundles.pop(line, None)
    allowance = allowance_of(world, line)
    lines.allowance[line] = UNLIMITED if allowance is None else allowance
    lines.overage[line] = world.parameters.money(PLANS[plan].overage_cents)


def price_of(world: World, line: int) -> int:
    """Return what the line's plan costs a month, with its bundle, in minor units."""
    bundles = world.households[world.owners[line]].bundles
    return world.parameters.money(PLANS[int(world.lines.plan[line])].price_cents) + bundles.get(line, 0)


def allowance_of(world: World, line: int) -> int | None:
    """Return the domestic segments a cycle that the line's plan covers, with its bundle; None: all of them."""
    allowance = PLANS[int(world.lines.plan[line])].sms_allowance
    if allowance is None or line not in world.households[world.owners[line]].bundles:
        return allowance
    return allowance + BUNDLE_SEGMENTS
