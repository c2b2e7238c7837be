"""Orders: placed, promised for a day, delivered on it or not; and things bought over the counter."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from cem.domain.events import OrderDelivered, OrderPlaced, OrderPromised, PurchaseMade
from cem.domain.events.enums import Channel
from cem.simulator.draws import uniforms
from cem.simulator.parameters import DAY_MS, HOUR_MS
from cem.simulator.world.core import Handler, Planner, World
from cem.simulator.world.moods import feel
from cem.simulator.world.problems import close_problem, open_problem, seek_contact

__all__ = ["HANDLERS", "PLANNERS"]

_ORDER, _BUY, _DELIVERY = 121, 122, 123
_PRODUCTS: Final = (("phone", 24900), ("router", 7900), ("tablet", 19900), ("accessory", 2900))
_COUNTER: Final = (("accessory", 1900), ("top-up", 1000), ("roaming-pass", 900))


def plan_orders(world: World, day: int) -> None:
    """Let some households order or buy something today."""
    parameters, people = world.parameters, world.people
    ordered = uniforms(parameters.seed, _ORDER, day, people.rows) < parameters.orders_per_month / 30
    bought = uniforms(parameters.seed, _BUY, day, people.rows) < 0.04 / 30
    start_ms = parameters.day_start_ms(day)
    for c in np.nonzero(ordered & people.active)[0].tolist():
        dice = world.luck(c, _ORDER, day)
        product, cents = dice.choice(_PRODUCTS)
        world.plan("order", start_ms + dice.randrange(9, 21) * HOUR_MS, c, product=product, cents=cents)
    for c in np.nonzero(bought & people.active)[0].tolist():
        dice = world.luck(c, _BUY, day)
        product, cents = dice.choice(_COUNTER)
        household = world.households[c]
        world.say(
            c,
            start_ms + dice.randrange(9, 19) * HOUR_MS,
            PurchaseMade(
                product=product,
                amount_minor=parameters.money(cents),
                channel=Channel.SHOP,
                shop_id=household.shop or "shop-01",
            ),
        )


def order(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Something is ordered; the day follows hours later."""
    household = world.households[c]
    if not world.people.active[c]:
        return
    order_id = f"order-{c + 1}-{household.next_number()}"
    channel = Channel.APP if household.does == "app" else Channel.WEB
    amount = world.parameters.money(data["cents"])
    world.say(
        c,
        at_ms,
        OrderPlaced(order_id=order_id, product=data["product"], amount_minor=amount, channel=channel),
    )
    world.plan(
        "order_promised", at_ms + 2 * HOUR_MS, c, order=order_id, product=data["product"], cents=data["cents"]
    )


def order_promised(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Promise a day, and settle whether it will be kept."""
    parameters, household = world.parameters, world.households[c]
    order_id = str(data["order"])
    household.orders[order_id] = data["product"]
    dice = world.luck(c, _DELIVERY, int(order_id.rsplit("-", 1)[1]))
    day = parameters.day_of(at_ms)
    promised = day + dice.randint(2, 6)
    world.say(
        c,
        at_ms,
        OrderPromised(
            order_id=order_id,
            promised=parameters.date_of(promised),
            product=data["product"],
            amount_minor=parameters.money(data["cents"]),
        ),
    )
    late = dice.chance(parameters.share_orders_late)
    moved = False
    arrives = promised + dice.randint(2, 9) if late else promised - (dice.random() < 0.3)
    if late:
        if moved := dice.chance(0.4):
            at = parameters.day_start_ms(promised) - 6 * HOUR_MS
            world.plan("order_moved", at, c, order=order_id, to=arrives)
        missed_ms = parameters.day_start_ms(promised + 1) + 9 * HOUR_MS
        world.plan("order_missed", missed_ms, c, order=order_id, told=moved)
    world.tell_truth(
        at_ms,
        "promised",
        customer=household.customer_id,
        order=order_id,
        by=parameters.date_of(promised).isoformat(),
        kept=not late,
        moved=moved or None,
    )
    deliver_ms = parameters.day_start_ms(arrives) + dice.randrange(9, 19) * HOUR_MS
    world.plan("order_delivered", deliver_ms, c, order=order_id, promised=promised)


def order_moved(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Say beforehand that it will be later."""
    if data["order"] in world.households[c].orders:
        to = world.parameters.date_of(data["to"])
        world.say(c, at_ms, OrderPromised(order_id=data["order"], promised=to, reason="supplier"))


def order_missed(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let the promised day have passed without a delivery."""
    if data["order"] not in world.households[c].orders or not world.people.active[c]:
        return
    if data["told"]:
        feel(world, c, -0.08)
        return
    problem = open_problem(world, c, "order", at_ms, data["order"], -1)
    seek_contact(world, c, problem, at_ms)


def order_delivered(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Deliver, unless that has happened before (somebody had made them hurry)."""
    household = world.households[c]
    product = household.orders.pop(data["order"], None)
    if product is None:
        return
    day = world.parameters.day_of(at_ms)
    world.say(
        c,
        at_ms,
        OrderDelivered(order_id=data["order"], delivered=world.parameters.date_of(day), product=product),
    )
    problem = household.problem_of("order")
    if problem is not None and problem.cause == data["order"]:
        close_problem(world, c, problem, at_ms, "delivered")
        feel(world, c, 0.08)
    elif day <= data.get("promised", day):
        feel(world, c, 0.05)
    if product in ("phone", "router") and world.luck(c, _DELIVERY, at_ms // DAY_MS, 5).chance(0.12):
        broken = open_problem(world, c, "device", at_ms, data["order"], -1)
        seek_contact(world, c, broken, at_ms + DAY_MS)


HANDLERS: Final[dict[str, Handler]] = {
    "order": order,
    "order_promised": order_promised,
    "order_moved": order_moved,
    "order_missed": order_missed,
    "order_delivered": order_delivered,
}
PLANNERS: Final[tuple[Planner, ...]] = (plan_orders,)
