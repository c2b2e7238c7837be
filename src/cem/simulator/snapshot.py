"""A whole world as plain data (MessagePack), and back: it goes on as if it had never stopped."""

from __future__ import annotations

import heapq
from typing import Any, Final

import msgspec

from cem.domain.events import EVENT_TYPES
from cem.simulator.parameters import Parameters
from cem.simulator.world import Ask, Belief, Outcome, World, new_world
from cem.simulator.world.columns import Packed
from cem.simulator.world.core import Totals
from cem.simulator.world.episodes import Episode
from cem.simulator.world.messages import Messages, Unrated
from cem.simulator.world.oracle import Oracle, Sample
from cem.simulator.world.people import Household

__all__ = ["SnapshotError", "freeze", "thaw"]

_VERSION: Final = 1


class SnapshotError(ValueError):
    """A snapshot that cannot be used; the message says why."""


class Emission(msgspec.Struct, frozen=True, array_like=True):
    """An event that is still to be recorded."""

    recorded_ms: int
    tie: int
    household: int
    time_ms: int
    type: str
    event: bytes


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a world is."""

    version: int
    parameters: Parameters
    beliefs: list[Belief]
    now_ms: int
    day: int
    tie: int
    spells: int
    asks_from_ms: int
    live_from_day: int
    people: dict[str, Packed]
    lines: dict[str, Packed]
    pending: dict[str, Packed]
    over_midnight: dict[str, Packed]
    households: list[Household]
    line_names: list[str]
    owners: list[int]
    episodes: list[Episode]
    samples: list[Sample]
    totals: Totals
    sequences: dict[str, list[int]]
    items: list[tuple[int, int, str, int, dict[str, Any]]]
    emissions: list[Emission]
    asks: list[Ask]
    outcomes: list[Outcome]
    reached: dict[str, int] = {}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Image).decode


def freeze(world: World) -> bytes:
    """Return the world as bytes; those of equal worlds are equal."""
    image = Image(
        version=_VERSION,
        parameters=world.parameters,
        beliefs=[world.effects.beliefs[name] for name in sorted(world.effects.beliefs)],
        now_ms=world.now_ms,
        day=world.day,
        tie=world._tie,
        spells=world.spells,
        asks_from_ms=world.asks_from_ms,
        live_from_day=world.live_from_day,
        people=world.people.pack(),
        lines=world.lines.pack(),
        pending=world.pending.pack(),
        over_midnight=world.over_midnight.pack(),
        households=world.households,
        line_names=world.line_names,
        owners=world.owners,
        episodes=world.episodes,
        samples=world.oracle.samples,
        totals=world.totals,
        sequences=world.sequences,
        items=sorted(world._items, key=lambda item: item[:2]),
        emissions=[
            Emission(recorded_ms, tie, c, at_ms, event.TYPE, _encode(event))
            for recorded_ms, tie, c, at_ms, event in sorted(world._emissions, key=lambda e: e[:2])
        ],
        asks=world._asks,
        outcomes=world._outcomes,
        reached=world.reached,
    )
    return _encode(image)


def thaw(raw: bytes) -> World:
    """Return the world that `freeze` was called on. Raises SnapshotError."""
    try:
        image = _decode(raw)
    except msgspec.DecodeError as error:
        raise SnapshotError(f"the snapshot of the simulated world cannot be read: {error}") from None
    if image.version != _VERSION:
        raise SnapshotError(
            f"the snapshot of the simulated world is of version {image.version}, not {_VERSION}"
        )
    world = new_world(image.parameters, image.beliefs)
    world.now_ms = image.now_ms
    world.day = image.day
    world._tie = image.tie
    world.spells = image.spells
    world.asks_from_ms = image.asks_from_ms
    world.live_from_day = image.live_from_day
    world.people.unpack(image.people)
    world.lines.unpack(image.lines)
    world.pending = Messages.unpack(image.pending)
    world.over_midnight = Unrated.unpack(image.over_midnight)
    world.households = image.households
    world.keys = [household.customer_id for household in image.households]
    world.line_names = image.line_names
    world.owners = image.owners
    world.episodes = image.episodes
    world.oracle = Oracle(image.samples)
    world.totals = image.totals
    world.sequences = image.sequences
    world._items = list(image.items)
    heapq.heapify(world._items)
    world._emissions = [
        (
            e.recorded_ms,
            e.tie,
            e.household,
            e.time_ms,
            msgspec.msgpack.decode(e.event, type=EVENT_TYPES[e.type]),
        )
        for e in image.emissions
    ]
    heapq.heapify(world._emissions)
    world._asks = image.asks
    world._outcomes = image.outcomes
    world.reached = image.reached
    return world
