"""One worker listens to what all lanes heard, and a reason that emerges is an alarm."""

from __future__ import annotations

import asyncio
import logging

import pytest
from prometheus_client import CollectorRegistry

from cem.bootstrap.lanes_watch import LanesWatch
from cem.bootstrap.voice_watch import voice_watch
from cem.domain.localtime import DAY_MS, HOUR_MS
from cem.domain.state.lane import LaneState
from cem.streams.metrics_voice import VoiceCollector
from cem.voice import VOICE, Emerging
from cem.voice.hearing import REASON

NOW_MS = 20_000 * DAY_MS + 23 * HOUR_MS


def own_state(lane: int, now: int) -> bytes:
    """Return a lane's own state: five contacts about a bill a day for four weeks, and so many in the last hours."""
    state = LaneState(lane)
    voice = state.look(VOICE)
    voice.names = ["other", "unsaid", "billing"]
    cell = 1 << 16 | REASON << 8 | 2
    for ago in range(2, 30):
        voice.days[NOW_MS // DAY_MS - ago] = {cell: 5}
    voice.hours[NOW_MS // HOUR_MS] = {cell: now}
    state.touch(VOICE)
    return state.encode()


def shown(watch: LanesWatch[list[Emerging]]) -> dict[str, float]:
    """Return the metric's values by reason."""
    registry = CollectorRegistry()
    VoiceCollector(lambda: watch.seen, registry)
    return {s.labels["reason"]: s.value for family in registry.collect() for s in family.samples}


def test_what_emerges_over_all_lanes_is_logged_once_and_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Ten a day are usual, in two lanes together: 12 are no news, 36 are; another worker shows nothing."""
    heard, listens = [6], [True]

    async def own_states() -> list[bytes | None]:
        return [own_state(0, heard[0]), None, own_state(2, heard[0])]

    watch = voice_watch(own_states, lambda: NOW_MS, lambda: listens[0])
    with caplog.at_level(logging.WARNING):
        asyncio.run(watch.look())
        assert (shown(watch), caplog.messages) == ({}, [])
        heard[0] = 18
        asyncio.run(watch.look())
        asyncio.run(watch.look())
    assert shown(watch) == {"billing": 36}
    assert caplog.messages == [
        "customers get in touch about billing more than usual: 36 in 24 hours, usually 10 a day"
    ]
    listens[0] = False
    asyncio.run(watch.look())
    assert watch.seen is None
