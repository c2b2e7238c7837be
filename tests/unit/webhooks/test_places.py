"""What a wish to have alerts sent again names, as offsets of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from cem.domain.events import ControlWebhookReplayed
from cem.domain.events.rfc3339 import moment
from cem.streams.records import LogRecord
from cem.streams.topics import ALERTS
from cem.webhooks.places import offset_at, ranges_again

T0_MS = 1_770_000_000_000
#: Seconds after T0 at which the log took in the records from offset 2 on; None: nothing is there any more.
TAKEN_S = (10, 20, None, 20, 30)


class Log:
    """Every partition of `cem.alerts` holds the same."""

    async def bounds(self, partition: int, topics: Sequence[str]) -> dict[str, tuple[int, int]]:
        return dict.fromkeys(topics, (2, 2 + len(TAKEN_S)))

    async def peek(self, partition: int, offsets: Mapping[str, int]) -> dict[str, LogRecord]:
        offset = offsets[ALERTS]
        taken_s = TAKEN_S[offset - 2]
        if taken_s is None:
            return {}
        return {ALERTS: LogRecord(ALERTS, partition, offset, T0_MS + taken_s * 1000, 0, b"", b"", ())}


LOG: Any = Log()


@pytest.mark.parametrize(
    ("at_s", "offset"), [(0, 2), (10, 2), (11, 3), (20, 3), (21, 6), (30, 6), (31, 7)], ids=str
)
def test_a_time_is_where_the_log_first_took_something_in_at_it_or_later(at_s: int, offset: int) -> None:
    """Past what is left of the log it is the next offset to be written; a hole is passed over."""
    assert asyncio.run(offset_at(LOG, 0, T0_MS + at_s * 1000)) == offset


@pytest.mark.parametrize(
    ("wish", "ranges"),
    [
        ({"place": "1/5"}, {1: (5, 6)}),
        ({"place": "7/5"}, {}),
        ({"place": "one/5"}, {}),
        ({"place": "15"}, {}),
        ({"since": 11, "until": 30}, {0: (3, 6), 1: (3, 6)}),
        ({"until": 11}, {0: (0, 3), 1: (0, 3)}),
        ({"since": 21}, {0: (6, 2**62), 1: (6, 2**62)}),
    ],
)
def test_a_wish_is_for_one_place_or_for_a_time_of_each_partition(
    wish: dict[str, Any], ranges: dict[int, tuple[int, int]]
) -> None:
    """A place that is none, or in a partition that there is not, is nothing."""
    named = {k: v if k == "place" else moment(T0_MS + v * 1000) for k, v in wish.items()}
    event = ControlWebhookReplayed(webhook_id="crm", by="test", **named)
    assert asyncio.run(ranges_again(LOG, event, [0, 1])) == ranges
