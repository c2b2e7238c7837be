"""What an accepted action changes in the world, beside moods and problems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cem.domain.events import PlanChanged, PurchaseMade
from cem.domain.events.enums import Channel
from cem.simulator.parameters import DAY_MS, HOUR_MS
from cem.simulator.world.core import World
from cem.simulator.world.effects import TrueAction
from cem.simulator.world.leaving import renew
from cem.simulator.world.people import Household, Offered, Problem
from cem.simulator.world.plans import BUNDLE_CENTS, INTERNATIONAL, PLANS
from cem.simulator.world.subscriptions import allowance_of, price_of, set_plan

__all__ = ["carry_out", "change_plan"]

#: A change: of the household's world, at a time, by an action, about a problem that may be.
_Change = Callable[[World, int, Household, TrueAction, Offered, Problem | None], None]


def carry_out(
    world: World, at_ms: int, c: int, true: TrueAction, offered: Offered, problem: Problem | None
) -> None:
    """Do what the household has agreed to."""
    household = world.households[c]
    world.totals.spent_minor += true.cost_minor
    world.people.goodwill[c] += true.kind.goodwill * (0.7 + 0.6 * float(world.people.sensitivity[c]))
    for what in true.kind.does:
        change = _CHANGES.get(what)
        if change is not None:
            change(world, at_ms, household, true, offered, problem)


def change_plan(world: World, at_ms: int, line: int, plan: int, reason: str) -> None:
    """Put a line on another plan from now on."""
    if plan == int(world.lines.plan[line]):
        return
    parameters = world.parameters
    c = world.owners[line]
    old, new = PLANS[int(world.lines.plan[line])], PLANS[plan]
    set_plan(world, line, plan)
    day = parameters.day_of(at_ms)
    date = parameters.date_of(day)
    left = (int(world.people.cycle_day[c]) - date.day) % 30 or 30
    part = parameters.money((new.price_cents - old.price_cents) * left / 30)
    world.households[c].positions.append(("proration", line, part))
    _say_plan(world, at_ms, line, reason)


def _say_plan(world: World, at_ms: int, line: int, reason: str) -> None:
    parameters = world.parameters
    world.say(
        world.owners[line],
        at_ms,
        PlanChanged(
            plan=PLANS[int(world.lines.plan[line])].name,
            price_minor=price_of(world, line),
            line=world.line_names[line],
            sms_allowance=allowance_of(world, line),
            effective=parameters.date_of(parameters.day_of(at_ms)),
            reason=reason,
        ),
    )


def _heaviest(world: World, household: Household, problem: Problem | None) -> int:
    if problem is not None and problem.line >= 0:
        return problem.line
    return max(household.lines, key=lambda i: (int(world.lines.charges[i].sum()), -i))


def _texting(world: World, household: Household, offered: Offered, problem: Problem | None) -> int:
    """Return the line whose texting the offer is about."""
    lines = world.lines
    for line in household.lines:
        if world.line_names[line] == offered.line:
            return line
    for about in (problem, household.problem_of("sms_cost")):
        if about is not None and about.line >= 0:
            return about.line

    def beyond(line: int) -> tuple[int, float, int]:
        # Early in a cycle nothing is charged yet: then the line that is likeliest to be.
        foreseen = int(lines.used[line]) + 30 * float(lines.rate[line]) - int(lines.allowance[line])
        return int(lines.charges[line, :INTERNATIONAL].sum()), foreseen, -line

    return max(household.lines, key=beyond)


def _bar(
    world: World,
    at_ms: int,
    household: Household,
    true: TrueAction,
    offered: Offered,
    problem: Problem | None,
) -> None:
    """Bar paid numbers on the line, and talk to its user: an abusive spell ends."""
    line = _heaviest(world, household, problem)
    world.lines.barred[line] = True
    _end_spells(world, at_ms, line)


def _end_spells(world: World, at_ms: int, line: int) -> None:
    now_s = (at_ms - world.parameters.start_ms) // 1000
    for episode in world.episodes:
        if episode.line == line and episode.abuse and not episode.stopped and episode.end_s > now_s:
            episode.stopped = True
            world.lines.night[line] = 0.0
            world.tell_truth(
                at_ms, "abuse_ends", line=world.line_names[line], kind=episode.kind, how="remedy"
            )


def _bigger(
    world: World,
    at_ms: int,
    household: Household,
    true: TrueAction,
    offered: Offered,
    problem: Problem | None,
) -> None:
    line = _heaviest(world, household, problem)
    change_plan(world, at_ms, line, min(len(PLANS) - 1, int(world.lines.plan[line]) + 2), "rescue")


def _bundle(
    world: World,
    at_ms: int,
    household: Household,
    true: TrueAction,
    offered: Offered,
    problem: Problem | None,
) -> None:
    """Let the line's plan cover more messages for what was offered; each bill from the next one on asks for a month."""
    line = _texting(world, household, offered, problem)
    if line in household.bundles or allowance_of(world, line) is None:
        return
    household.bundles[line] = offered.price_minor or world.parameters.money(BUNDLE_CENTS)
    set_plan(world, line, int(world.lines.plan[line]))
    _say_plan(world, at_ms, line, "bundle")


def _forgive(
    world: World,
    at_ms: int,
    household: Household,
    true: TrueAction,
    offered: Offered,
    problem: Problem | None,
) -> None:
    line = _texting(world, household, offered, problem)
    half = int(world.lines.charges[line].sum()) // 2
    if half > 0:
        household.positions.append(("credit", line, -half))


def _credit(
    world: World,
    at_ms: int,
    household: Household,
    true: TrueAction,
    offered: Offered,
    problem: Problem | None,
) -> None:
    # The cost is booked as spent; the bill shows it too, so it must not count twice.
    world.totals.spent_minor -= true.cost_minor
    household.positions.append(("credit", -1, -max(true.cost_minor, world.parameters.money(100))))


def _instalments(
    world: World,
    at_ms: int,
    household: Household,
    true: TrueAction,
    offered: Offered,
    problem: Problem | None,
) -> None:
    day = world.parameters.day_of(at_ms)
    for bill in household.bills:
        bill.due_day = max(bill.due_day, day + 30)
    world.people.arrears[household.number] = 0


def _discount(
    world: World,
    at_ms: int,
    household: Household,
    true: TrueAction,
    offered: Offered,
    problem: Problem | None,
) -> None:
    household.discount_percent = 15
    household.discount_until = world.parameters.day_of(at_ms) + 180
    world.totals.spent_minor -= true.cost_minor


def _renew(
    world: World,
    at_ms: int,
    household: Household,
    true: TrueAction,
    offered: Offered,
    problem: Problem | None,
) -> None:
    renew(world, household.number, at_ms, offered.action)


def _smaller(
    world: World,
    at_ms: int,
    household: Household,
    true: TrueAction,
    offered: Offered,
    problem: Problem | None,
) -> None:
    line = max(household.lines, key=lambda i: (int(world.lines.plan[i]), -i))
    change_plan(world, at_ms, line, max(0, int(world.lines.plan[line]) - 1), "fit")


def _upgrade(
    world: World,
    at_ms: int,
    household: Household,
    true: TrueAction,
    offered: Offered,
    problem: Problem | None,
) -> None:
    line = min(household.lines, key=lambda i: (int(world.lines.plan[i]), i))
    change_plan(world, at_ms, line, min(len(PLANS) - 1, int(world.lines.plan[line]) + 1), "upgrade")


def _device(
    world: World,
    at_ms: int,
    household: Household,
    true: TrueAction,
    offered: Offered,
    problem: Problem | None,
) -> None:
    world.plan("order", at_ms + HOUR_MS, household.number, product="phone", cents=9900)


def _upsell(
    world: World,
    at_ms: int,
    household: Household,
    true: TrueAction,
    offered: Offered,
    problem: Problem | None,
) -> None:
    amount = world.parameters.money(500)
    household.positions.append(("data", household.lines[0], amount))
    world.say(
        household.number,
        at_ms,
        PurchaseMade(product=offered.action, amount_minor=amount, channel=Channel.CALL),
    )


def _hasten(
    world: World,
    at_ms: int,
    household: Household,
    true: TrueAction,
    offered: Offered,
    problem: Problem | None,
) -> None:
    if problem is not None and problem.cause in household.orders:
        world.plan("order_delivered", at_ms + DAY_MS, household.number, order=problem.cause)


def _autopay(
    world: World,
    at_ms: int,
    household: Household,
    true: TrueAction,
    offered: Offered,
    problem: Problem | None,
) -> None:
    household.method = "direct_debit"
    household.pays_badly *= 0.5


_CHANGES: Final[dict[str, _Change]] = {
    "bar": _bar,
    "bigger": _bigger,
    "bundle": _bundle,
    "forgive": _forgive,
    "credit": _credit,
    "instalments": _instalments,
    "discount": _discount,
    "renew": _renew,
    "smaller": _smaller,
    "upgrade": _upgrade,
    "device": _device,
    "upsell": _upsell,
    "hasten": _hasten,
    "autopay": _autopay,
}
