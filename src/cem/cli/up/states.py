"""What the store holds when `cem up` starts, and whether its log may be started with it."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from cem.cli.errors import FAILED, Failure
from cem.embedded.mock_cluster import CLUSTER_ID_PREFIX
from cem.ports import LaneHeader
from cem.stores import RedisStore
from cem.streams.clock import Anchor, read_anchors, wall_ms, write_anchor

__all__ = ["OldStates", "find_old_states", "freeze_clock"]


class OldStates(msgspec.Struct, frozen=True):
    """States of an earlier run: how many lanes have some, and how far the clock had come."""

    lanes: int
    lane_time_ms: int
    simulated: bool

    @property
    def until(self) -> str:
        """The lanes' time in words."""
        return f"{datetime.fromtimestamp(self.lane_time_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


async def find_old_states(store: RedisStore, *, partitions: int, embeds_kafka: bool) -> OldStates | None:
    """Return what an earlier run left in the store, None if nothing.

    Raises Failure when the states cannot be used with this log: another number of lanes, or a real cluster's with
    the embedded broker.
    """
    known = (await store.meta()).get("partitions")
    if known is not None and int(known) != partitions:
        raise Failure(
            f"the states in {store.shown} are cut into {known} lanes, not {partitions}: "
            f"set CEM_PARTITIONS={known}, or use another --state-dir",
            FAILED,
        )
    headers = await store.headers()
    if not headers:
        return None
    if embeds_kafka:
        _refuse_real(headers, store.shown)
    return OldStates(
        lanes=len(headers),
        lane_time_ms=max(header.lane_time_ms for header in headers.values()),
        simulated=bool(await read_anchors(store)),
    )


async def freeze_clock(store: RedisStore, old: OldStates | None) -> None:
    """Let the simulated clock stand where the last run ended, until the simulator moves it again.

    Else the hours since then would count at the last run's speed.
    """
    anchors = await read_anchors(store)
    if not anchors:
        return
    stopped_ms = old.lane_time_ms if old is not None else anchors[-1].sim_ms
    await write_anchor(store, Anchor(wall_ms(), stopped_ms, 0.0))


def _refuse_real(headers: dict[int, LaneHeader], shown: str) -> None:
    """Raise Failure when a lane's states were folded from a real cluster: a throw-away log must not go on with them."""
    for lane, header in headers.items():
        if not header.cluster_id.startswith(CLUSTER_ID_PREFIX):
            raise Failure(
                f"lane {lane} in {shown} belongs to the Kafka cluster {header.cluster_id}: "
                "set CEM_KAFKA_BOOTSTRAP to it, or CEM_REDIS_URL to another store",
                FAILED,
            )
