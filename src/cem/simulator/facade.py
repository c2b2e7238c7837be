"""What the outside does to a world: open it, answer its representatives, reach its customers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cem.simulator.errands import Errand
from cem.simulator.parameters import HOUR_MS, Parameters
from cem.simulator.world import Ask, Belief, World, new_world, outreach
from cem.simulator.world.calls import answer_ask
from cem.simulator.world.people import Offered

__all__ = ["answer", "deliver", "household_number", "offers", "open_world", "reach"]


def open_world(
    parameters: Parameters, *, beliefs: Iterable[Belief] = (), live_from_day: int | None = None
) -> World:
    """Return a new world. From the morning of `live_from_day` on its representatives ask what to do (None: never).

    beliefs: what the operator's catalogue says of its actions; the truth differs from it by a seeded factor.
    """
    world = new_world(parameters, beliefs)
    if live_from_day is not None:
        world.live_from_day = live_from_day
        world.asks_from_ms = parameters.day_start_ms(live_from_day) + parameters.live_hour * HOUR_MS
    return world


def household_number(world: World, customer_id: str) -> int | None:
    """Return the number of the household with this id, or None."""
    digits = customer_id.removeprefix("C")
    number = int(digits) - 1 if digits.isdecimal() else -1
    known = 0 <= number < len(world.keys) and world.keys[number] == customer_id
    return number if known else None


def answer(world: World, ask: Ask, decision_id: str = "", actions: Sequence[Offered] = ()) -> bool:
    """Give a representative what he asked for; without actions he goes on as he can. False: the call is over."""
    c = household_number(world, ask.customer_id)
    return c is not None and answer_ask(world, c, ask.call_id, decision_id, actions)


def reach(
    world: World,
    customer_id: str,
    *,
    at_ms: int,
    contact_id: str,
    channel: str,
    action: str = "",
    decision_id: str = "",
    price_minor: int = 0,
    to_user: bool = False,
    line: str = "",
) -> bool:
    """Send a customer a message (with an action, or only news) over a channel at a time. False: nobody of that id.

    to_user: it goes to the user of a line of his, who reads it and says nothing.
    line: name of the line that it is about, if it is about one.
    """
    c = household_number(world, customer_id)
    if c is None:
        return False
    outreach.reach(
        world,
        at_ms,
        c,
        contact_id=contact_id,
        channel=channel,
        action=action,
        decision_id=decision_id,
        price_minor=price_minor,
        to_user=to_user,
        line=line,
    )
    return True


def deliver(world: World, errand: Errand) -> bool:
    """Let the world have a message of ours, now or when it may be sent; False if it has it already or nobody is there."""
    if errand.contact_id in world.reached:
        return False
    for contact in [name for name, expires_ms in world.reached.items() if expires_ms < world.now_ms]:
        del world.reached[contact]
    world.reached[errand.contact_id] = errand.expires_ms
    return reach(
        world,
        errand.customer_id,
        at_ms=max(world.now_ms, errand.send_after_ms),
        contact_id=errand.contact_id,
        channel=errand.channel,
        action=errand.action,
        decision_id=errand.decision_id,
        to_user=errand.to_user,
        line=errand.about,
    )


def offers(answered: Mapping[str, Any]) -> list[Offered]:
    """Return the actions of an answer of the API, best first; what does not look like an action is left out."""
    found: list[Offered] = []
    actions = answered.get("actions")
    for row in actions if isinstance(actions, list) else ():
        if isinstance(row, dict) and isinstance(row.get("action"), str):
            price = row.get("price_minor")
            found.append(
                Offered(
                    row["action"],
                    str(row.get("treatment") or ""),
                    str(row.get("channel") or "call"),
                    price if isinstance(price, int) else 0,
                )
            )
    return found
