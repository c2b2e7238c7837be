"""Where a group stands, and one look at it: our own lanes by their headers in the store, other groups by their commits.

The ends of the log are asked for before the positions, so that a lag is never shown greater than it was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from cem.ports import LaneHeader
from cem.streams.clock import wall_ms
from cem.streams.lag import Look, Partition, Seen
from cem.streams.lag_reader import GroupFacts, LagReader
from cem.streams.lag_verdict import Sample
from cem.streams.stopped_lanes import RawStore, StoppedLane, read_stopped

__all__ = [
    "Bounds",
    "LaneHeaders",
    "PauseRule",
    "Reached",
    "look_at_group",
    "look_at_lanes",
    "reached_by_lanes",
    "settled",
    "take_look",
]

Bounds = Mapping[Partition, tuple[int, int]]


class Reached(msgspec.Struct, frozen=True):
    """How far a partition has been read, and why it is not read on, if it is not."""

    #: None: not known.
    position: int | None
    stopped: str | None = None
    paused: str | None = None
    #: Why the position is not known.
    unknown: str = ""


class PauseRule(Protocol):
    """Says when a topic of a lane is paused by its dead letters: `cem.streams.reject_window.DeadLetterLimits`."""

    def tripped(self, counts: tuple[int, int, int]) -> str | None: ...


class LaneHeaders(RawStore, Protocol):
    """The part of the store that is needed here. Raises Unavailable."""

    async def headers(self) -> dict[int, LaneHeader]: ...


def reached_by_lanes(
    headers: Mapping[int, LaneHeader],
    bounds: Bounds,
    cluster_id: str,
    rule: PauseRule,
    said: Mapping[int, StoppedLane] | None = None,
) -> dict[Partition, Reached]:
    """Return where the lanes stand by their headers, and which are stopped by what their workers have said. Pure.

    A lane that has never been saved, or that was last saved on another cluster's log (as the embedded broker's is
    after each start), begins at the log's first offset. What would stop a lane at its next opening is told as the
    reason why it is stopped.
    """
    found: dict[Partition, Reached] = {}
    for (topic, partition), (first, end) in bounds.items():
        header = headers.get(partition)
        position = None
        if header is not None and header.cluster_id in ("", cluster_id):
            position = header.positions.get(topic)
        if header is None or position is None:
            found[topic, partition] = Reached(first)
        elif position.next_offset < first:
            lost = f"{position.next_offset} to {first - 1}"
            found[topic, partition] = Reached(
                position.next_offset, stopped=f"Kafka no longer has offsets {lost}, which it has not read"
            )
        elif position.next_offset > end:
            why = f"the log ends at offset {end}, but {position.next_offset} had been read"
            found[topic, partition] = Reached(position.next_offset, stopped=why)
        else:
            counts = header.rejects.get(topic)
            found[topic, partition] = Reached(
                position.next_offset, paused=None if counts is None else rule.tripped(counts)
            )
        if said and partition in said:
            # Whoever has the lane knows best why it does not go on.
            found[topic, partition] = msgspec.structs.replace(
                found[topic, partition], stopped=said[partition].reason
            )
    return found


async def look_at_lanes(
    reader: LagReader,
    store: LaneHeaders,
    *,
    group: str,
    topics: Sequence[str],
    lanes: int,
    rule: PauseRule,
) -> Look:
    """Return a look at all lanes of the deployment. Raises Unavailable."""
    wanted = [(topic, lane) for topic in topics for lane in range(lanes)]

    async def reached(bounds: Bounds) -> Mapping[Partition, Reached]:
        cluster_id = await reader.cluster_id()
        said = await read_stopped(store, range(lanes))
        headers = await store.headers()
        # What was written and read since the ends were asked for is no sign of a log that was cut.
        beyond = [
            (topic, lane)
            for (topic, lane), (_, end) in bounds.items()
            if lane in headers
            and (position := headers[lane].positions.get(topic)) is not None
            and position.next_offset > end
        ]
        if beyond:
            bounds = {**bounds, **await reader.bounds(beyond)}
        return reached_by_lanes(headers, bounds, cluster_id, rule, said)

    # A group of lanes that Kafka has not heard of has no worker; it is no group of another kind.
    held = settled(await reader.group(group), gone="Dead")
    return await take_look(reader, group, wanted, reached, held=held)


async def look_at_group(reader: LagReader, group: str) -> Look:
    """Return a look at any consumer group by what it has committed to Kafka. Raises Unavailable."""
    committed = await reader.committed(group)

    async def reached(bounds: Bounds) -> Mapping[Partition, Reached]:
        again = await reader.committed(group)
        return {key: Reached(again.get(key, offset)) for key, offset in committed.items()}

    return await take_look(reader, group, sorted(committed), reached, held=settled(await reader.group(group)))


async def take_look(
    reader: LagReader,
    group: str,
    wanted: Sequence[Partition],
    reached: Callable[[Bounds], Awaitable[Mapping[Partition, Reached]]],
    *,
    held: frozenset[Partition] | None,
) -> Look:
    """Return a look at the partitions `wanted`, whose positions `reached` tells. Raises Unavailable.

    held: what the members of the group have; None: not known.
    """
    bounds = await reader.bounds(wanted)
    places = await reached(bounds)
    unread: dict[Partition, int] = {}
    for key, (first, end) in bounds.items():
        place = places.get(key)
        if place is not None and place.position is not None and max(place.position, first) < end:
            unread[key] = max(place.position, first)
    oldest = await reader.oldest_ms(unread) if unread else {}
    now_ms = wall_ms()
    found: dict[Partition, Seen] = {}
    for key in wanted:
        place = places.get(key)
        if key not in bounds or place is None:
            found[key] = Seen(None, unknown="Kafka has no such partition (cem topics check)")
            continue
        owned = None if held is None else key in held
        sample = None
        if place.position is not None:
            lag = bounds[key][1] - unread[key] if key in unread else 0
            sample = Sample(now_ms, place.position, lag, oldest.get(key))
        found[key] = Seen(sample, owned, place.stopped, place.paused, place.unknown)
    return Look(group, now_ms, found)


def settled(facts: GroupFacts | None, gone: str = "Empty") -> frozenset[Partition] | None:
    """Return what the members have; None while that is being settled, or is not told.

    A group of the newer consumer protocol is "Dead" to the question asked here, whether or not it has members.
    """
    if facts is None or facts.state not in {"Stable", "Empty", gone}:
        return None
    return facts.assigned
