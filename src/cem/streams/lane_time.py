"""The time that a lane lives in: the clock, held back by what is not yet read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from faust.types import TP

from cem.ports import Clock, LaneHeader, Position
from cem.streams.transport import Batch, Consumer

__all__ = ["ANSWER_ALLOWANCE_MS", "lane_time_ms"]

#: A known end is believed for the time at which it was asked for, less this allowance: records have a way to go to the
#: broker, whose time is that of their sending (ms).
ANSWER_ALLOWANCE_MS: Final = 500
_BEGINNING: Final = Position(0)


def lane_time_ms(
    header: LaneHeader,
    partitions: Mapping[str, TP],
    consumer: Consumer,
    clock: Clock,
    batch: Batch | None = None,
) -> int:
    """Return the time of a lane that stands where `header` says; it never goes back.

    One of its `partitions` (by topic) that is read to its end holds the time back to when the broker was asked; one with
    unread records to its oldest unread one, for which the last record applied (or `batch`, in hand) is a lower bound.
    """
    positions = header.positions
    known_end, read_to = consumer.known_end, consumer.read_to
    time_ms = clock.now_ms()
    for topic, tp in partitions.items():
        if batch is not None and topic == batch.topic:
            bound = clock.at_ms(batch.records[0].timestamp)
        else:
            position = positions.get(topic, _BEGINNING)
            end, asked_at = known_end(tp)
            if end is not None and (position.next_offset >= end or read_to(tp, position.next_offset) >= end):
                bound = clock.at_ms(asked_at - ANSWER_ALLOWANCE_MS)
            elif position.timestamp_ms:
                bound = clock.at_ms(position.timestamp_ms)
            else:
                return header.lane_time_ms
        time_ms = min(time_ms, bound)
    return max(time_ms, header.lane_time_ms)
