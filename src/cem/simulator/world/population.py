"""The households of the first day, and those that sign up later: who they are and what they keep to themselves."""

from __future__ import annotations

from typing import Any, Final

from cem.domain.events import (
    ConsentChanged,
    ContractRenewed,
    OrderPlaced,
    ProfileChanged,
    ProfileLine,
    RegistrationMade,
)
from cem.domain.events.enums import Channel, Consent, CustomerStatus, IdentifierKind, Role
from cem.domain.events.interactions import Identifier
from cem.simulator.draws import unit
from cem.simulator.parameters import DAY_MS, HOUR_MS
from cem.simulator.world.core import Handler, Planner, World
from cem.simulator.world.people import NEEDS, NEVER, Household
from cem.simulator.world.plans import PLANS
from cem.simulator.world.subscriptions import allowance_of, draw_lines, install_lines, price_of

__all__ = ["CHANNELS", "HANDLERS", "PLANNERS", "area_name", "profile"]

_WHO, _SIGN_UP = 51, 52
#: Channels on which a customer may be addressed, with how many prefer each.
CHANNELS: Final = {"call": 0.3, "email": 0.25, "sms": 0.25, "app": 0.2}
#: Shops, with how long the customers stay whom they bring: the last two are paid by the head, and it shows.
SHOPS: Final = ("shop-01", "shop-02", "shop-03", "shop-04", "shop-05", "shop-06", "shop-07")
_QUALITY: Final = {"shop-06": 0.9, "shop-07": 1.2, "spring-bonus": 0.8}
#: Who pays bill by bill is looser tied than who has it debited.
_LOOSE: Final = {"direct_debit": -0.6, "card": 0.0, "transfer": 0.5, "wallet": 0.5, "cash": 1.0}
_CAMPAIGNS: Final = ("friends", "spring-bonus", "switch-now")


def _add_household(world: World, c: int, day: int) -> list[dict[str, float]]:
    """Add household number `c`, a customer since long ago (day < 0) or one that signs up on `day`; return its lines."""
    parameters, people = world.parameters, world.people
    dice = world.luck(c, _WHO)
    new = day >= 0
    joined = day if new else -int(dice.expovariate(1 / 1100.0)) - 20
    size = dice.choices((1, 2, 3, 4), (45, 27, 17, 11))[0]
    said = dice.choices(tuple(CHANNELS), tuple(CHANNELS.values()))[0]
    differs = unit(parameters.seed, _WHO, c, 5) < parameters.share_channel_differs
    does = dice.choice([name for name in CHANNELS if name != said]) if differs else said
    vietnamese = dice.chance(parameters.share_vietnamese)
    channel = dice.random()
    household = Household(
        number=c,
        customer_id=f"C{c + 1:06d}",
        language="vi" if vietnamese else "en",
        style=dice.choices((0, 1, 2), (55, 27, 18))[0],
        said=said,
        does=does,
        hour=dice.choice((9, 10, 12, 13, 17, 18, 19, 20)),
        needs={name: round(dice.betavariate(1.2, 2.2), 3) for name in NEEDS},
        lines=[],
        roles=["payer"],
        births=[],
        method=dice.choices(("direct_debit", "card", "transfer", "wallet", "cash"), (45, 20, 18, 12, 5))[0],
        pays_badly=min(0.6, dice.betavariate(0.6, 9.0)),
        marketing=dice.chance(0.85),
        silent=dice.chance(0.12),
        shop=dice.choice(SHOPS) if channel < 0.6 else "",
        seller=f"rep-{dice.randrange(parameters.reps) + 1:02d}" if 0.6 <= channel < 0.7 else "",
        campaign=dice.choice(_CAMPAIGNS) if channel >= 0.45 else "",
    )
    children = 0
    for place in range(1, size):
        grown = place == 1 and dice.chance(0.8)
        household.roles.append("adult" if grown else "child")
        children += not grown
    year = parameters.date_of(max(day, 0)).year
    for role in household.roles:
        age = dice.randint(9, 17) if role == "child" else dice.randint(28, 70)
        household.births.append(year - age)

    people.active[c] = True
    people.area[c] = dice.randrange(parameters.areas)
    here = 0.3 * (unit(parameters.seed, _WHO, int(people.area[c]), 6) - 0.5)
    people.base[c] = min(0.6, max(-0.5, dice.gauss(0.15 + here, 0.13)))
    people.mood[c] = min(0.9, max(-0.9, float(people.base[c]) + dice.gauss(0.0, 0.15)))
    people.sensitivity[c] = dice.betavariate(2.0, 2.0)
    people.joined[c] = joined
    people.cycle_day[c] = dice.randint(1, 28)
    people.child_lines[c] = children
    people.growth_limit[c] = parameters.money(dice.uniform(1200, 3500))
    people.own[c] = (
        0.6 * (float(people.sensitivity[c]) - 0.5)
        - 0.5 * (size - 2)
        + _LOOSE.get(household.method, 0.0)
        + _QUALITY.get(household.shop, 0.0)
        + _QUALITY.get(household.campaign, 0.0)
        + dice.gauss(0.0, 0.2)
    )
    if new or dice.chance(0.62):
        into_term = dice.randrange(365) if not new else 0
        people.contract_end[c] = max(joined, (0 if not new else day) - into_term) + 365
    world.households.append(household)
    world.keys.append(household.customer_id)
    return draw_lines(world, household, dice, joined if new else -400)


def profile(world: World, c: int, status: CustomerStatus = CustomerStatus.ACTIVE) -> ProfileChanged:
    """Return the household's whole profile as the operator knows it."""
    parameters, people, household = world.parameters, world.people, world.households[c]
    rows = []
    for place, line in enumerate(household.lines):
        rows.append(
            ProfileLine(
                line=world.line_names[line],
                user=f"{household.customer_id}-{place + 1}",
                role=Role(household.roles[place]),
                birth_year=household.births[place],
                plan=PLANS[int(world.lines.plan[line])].name,
                price_minor=price_of(world, line),
                sms_allowance=allowance_of(world, line),
            )
        )
    segments = {"acquired_by": household.campaign or household.shop or household.seller or "web"}
    if household.shop:
        segments["shop"] = household.shop
    end = int(people.contract_end[c])
    return ProfileChanged(
        status=status,
        # The account's plan has no price of its own: its lines' prices are all that he pays.
        plan=rows[0].plan,
        cycle_day=int(people.cycle_day[c]),
        lines=tuple(rows),
        contract_start=parameters.date_of(int(people.joined[c])),
        contract_end=parameters.date_of(end) if end > -NEVER else None,
        language=household.language,
        area=area_name(int(people.area[c])),
        channel_said=Channel(household.said),
        segments=segments,
    )


def area_name(area: int) -> str:
    """Return the area's name."""
    return f"area-{area + 1:02d}"


def introduce(world: World, c: int, at_ms: int) -> None:
    """Let the streams learn who household `c` is, and the truth file what nobody knows of it."""
    household, people = world.households[c], world.people
    world.say(c, at_ms, profile(world, c))
    world.say(c, at_ms, ConsentChanged(purpose=Consent.MARKETING, granted=household.marketing))
    if people.contract_end[c] > -NEVER:
        parameters = world.parameters
        begin = max(int(people.joined[c]), int(people.contract_end[c]) - 365)
        world.say(
            c,
            at_ms,
            ContractRenewed(
                end=parameters.date_of(int(people.contract_end[c])),
                effective=parameters.date_of(begin),
                reason="term",
            ),
        )
    world.tell_truth(
        at_ms,
        "household",
        customer=household.customer_id,
        language=household.language,
        channel_said=household.said,
        channel_does=household.does,
        hour=household.hour,
        needs=household.needs,
        price_sensitivity=round(float(people.sensitivity[c]), 4),
        own_hazard=round(float(people.own[c]), 4),
        base_mood=round(float(people.base[c]), 4),
        pays_badly=round(household.pays_badly, 4),
        silent=household.silent,
        story=5 if household.said != household.does else None,
    )


def plan_population(world: World, day: int) -> None:
    """Settle the first day's households; every day, let some sign up, whoever may have left."""
    parameters, people = world.parameters, world.people
    at_ms = parameters.day_start_ms(day)
    if day == 0:
        people.grow(parameters.customers)
        rows = [row for c in range(parameters.customers) for row in _add_household(world, c, -1)]
        install_lines(world, rows)
        for c in range(parameters.customers):
            introduce(world, c, at_ms)
        return
    rate = parameters.customers * parameters.signups_per_month / 30
    count = int(rate) + (unit(parameters.seed, _SIGN_UP, day) < rate - int(rate))
    for _ in range(count):
        c = people.grow(1)
        install_lines(world, _add_household(world, c, day))
        _sign_up(world, world.households[c], at_ms)


def _sign_up(world: World, household: Household, day_ms: int) -> None:
    """Sign a household up: at once, or as a prospect who makes up his mind for some days."""
    c = household.number
    dice = world.luck(c, _SIGN_UP)
    at_ms = day_ms + dice.randrange(9 * HOUR_MS, 19 * HOUR_MS)
    channel = Channel.SHOP if household.shop else Channel.CALL if household.seller else Channel.WEB
    world.say(
        c,
        at_ms,
        RegistrationMade(
            channel=channel,
            identifiers=(
                Identifier(kind=IdentifierKind.EMAIL, value=f"{household.customer_id.lower()}@example.org"),
                Identifier(kind=IdentifierKind.LINE, value=world.line_names[household.lines[0]]),
            ),
            campaign=household.campaign or None,
            shop_id=household.shop or None,
            rep_id=household.seller or None,
        ),
    )
    household.status = "prospect"
    world.people.active[c] = False
    for line in household.lines:
        world.lines.alive[line] = False
    wait_ms = int(dice.uniform(2, 10) * DAY_MS) if dice.chance(0.3) else 60_000
    if wait_ms > HOUR_MS:
        world.say(
            c,
            at_ms,
            ProfileChanged(
                status=CustomerStatus.PROSPECT,
                language=household.language,
                area=area_name(int(world.people.area[c])),
                channel_said=Channel(household.said),
            ),
        )
    world.plan("joins", at_ms + wait_ms, c)


def joins(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let a prospect become a customer and order his cards."""
    household, people, parameters = world.households[c], world.people, world.parameters
    day = parameters.day_of(at_ms)
    household.status = "active"
    people.active[c] = True
    people.joined[c], people.contract_end[c] = day, day + 365
    for line in household.lines:
        world.lines.alive[line] = True
        world.lines.first_day[line] = day
    introduce(world, c, at_ms)
    order_id = f"order-{c + 1}-{household.next_number()}"
    world.say(
        c,
        at_ms + 1000,
        OrderPlaced(
            order_id=order_id,
            product="sim-cards",
            shop_id=household.shop or None,
            rep_id=household.seller or None,
        ),
    )
    world.plan("order_promised", at_ms + 2 * HOUR_MS, c, order=order_id, product="sim-cards", cents=0)


HANDLERS: Final[dict[str, Handler]] = {"joins": joins}
PLANNERS: Final[tuple[Planner, ...]] = (plan_population,)
