"""How old the facts of each lane are, by input topic: seconds for which a record may have waited unread.

The ends of the log are read first and the lanes' positions after them. A topic whose position has reached the end
was caught up when the end was read; one that has not is as old as the last moment at which it was, or as its last
applied record, whichever is later. Without the log's ends nothing is known, and unknown is not fresh.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from cem.ports import CustomerReader, LaneHeader, LaneStopped, Unavailable

__all__ = ["Freshness", "LogEnds", "watch"]

_log = logging.getLogger(__name__)

POLL_S: Final = 0.5


class LogEnds(Protocol):
    """The offsets that the log will give next."""

    async def ends(self, topics: Sequence[str]) -> Mapping[tuple[str, int], int]:
        """Return topic and partition to the offset of the next record. Raises Unavailable."""


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Freshness:
    """The latest known age of each lane's facts. Ages are in wall seconds, as lag is."""

    def __init__(self, topics: Sequence[str], *, wall_ms: Callable[[], int] = _wall_ms) -> None:
        self.topics = tuple(topics)
        self._wall_ms = wall_ms
        #: Lane to topic to the wall's ms up to which everything ingested has been applied.
        self._known: dict[int, dict[str, int]] = {}
        self._unknown: dict[str, float | None] = dict.fromkeys(self.topics)
        #: When headers were last read, ms; 0 = never.
        self.seen_ms = 0

    def observe(
        self, ends: Mapping[tuple[str, int], int], headers: Mapping[int, LaneHeader], ends_read_ms: int
    ) -> None:
        """Take in the log's ends as they were at `ends_read_ms` and the lanes' headers read after them."""
        lanes = {partition for _, partition in ends}
        for lane in sorted(lanes):
            header = headers.get(lane)
            known = self._known.setdefault(lane, {})
            for topic in self.topics:
                end = ends.get((topic, lane))
                if end is None:
                    continue
                position = header.positions.get(topic) if header is not None else None
                if end == 0 or (position is not None and position.next_offset >= end):
                    known[topic] = max(known.get(topic, 0), ends_read_ms)
                elif position is not None and position.timestamp_ms:
                    known[topic] = max(known.get(topic, 0), min(position.timestamp_ms, ends_read_ms))
        self.seen_ms = ends_read_ms

    def staleness_s(self, lane: int) -> dict[str, float | None]:
        """Return each input topic's age in seconds for the lane; None = unknown."""
        known = self._known.get(lane)
        if known is None:
            return self._unknown
        now = self._wall_ms()
        return {
            topic: round(max(0, now - known[topic]) / 1000, 3) if topic in known else None
            for topic in self.topics
        }

    def worst_s(self) -> dict[str, float | None]:
        """Return each topic's greatest age over all lanes; None while any lane's is unknown."""
        ages = [self.staleness_s(lane) for lane in self._known]
        worst: dict[str, float | None] = {}
        for topic in self.topics:
            found = [age[topic] for age in ages]
            known = [age for age in found if age is not None]
            worst[topic] = max(known) if known and len(known) == len(found) else None
        return worst


async def watch(
    freshness: Freshness,
    reader: CustomerReader,
    ends: LogEnds,
    *,
    poll_s: float = POLL_S,
    wall_ms: Callable[[], int] = _wall_ms,
) -> None:
    """Keep `freshness` up to date until cancelled. While log or store are away, ages grow by themselves."""
    away = False
    while True:
        try:
            read_ms = wall_ms()
            found = await ends.ends(freshness.topics)
            freshness.observe(found, await reader.headers(), read_ms)
            if away:
                _log.info("the lanes' freshness is known again")
            away = False
        except (Unavailable, LaneStopped, TimeoutError, OSError) as error:
            if not away:
                _log.warning("the lanes' freshness cannot be read: %s", error)
            away = True
        await asyncio.sleep(poll_s)
