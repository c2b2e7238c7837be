"""Batches of one fetch that reach an agent in one hand, so that their lanes begin together."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from cem.agents import make_app
from cem.settings import Settings
from cem.streams.records import LogRecord
from cem.streams.topics import LANE_TOPICS
from cem.streams.transport import Batch, Consumer

SOME = [TP(topic, number) for topic in "ab" for number in range(3)]


def consumer_of(monkeypatch: pytest.MonkeyPatch, *, all_read: bool) -> Consumer:
    """Return a consumer that each fetch brings one record of each of `SOME`."""

    async def getmany(self: Any, active_partitions: set[TP], timeout: float) -> dict[TP, Any]:  # noqa: ASYNC109
        return {tp: (0, [LogRecord(tp.topic, tp.partition, 5, 0, 0, None, b"", ())]) for tp in SOME}

    monkeypatch.setattr(driver.Consumer, "_getmany", getmany)
    consumer = Consumer.__new__(Consumer)
    consumer.lanes = SimpleNamespace(wants=lambda tp: True, all_read=lambda: all_read)  # type: ignore[misc]
    consumer.linger_s = 0.0  # type: ignore[misc]
    consumer._epochs, consumer._passed, consumer._fetched_at = {}, {}, 0.0
    consumer._next, consumer._seeking, consumer._thread = dict.fromkeys(SOME, 5), set(), None
    consumer._acked, consumer._acked_index, consumer._n_acked = defaultdict(list), defaultdict(set), 0
    return consumer


def fetched(consumer: Consumer) -> list[Batch]:
    """Return what Faust is given of a fetch."""
    batches = asyncio.run(consumer._getmany(set(SOME), 0.0))
    return [batch for found in batches.values() for batch in found]


def places(batches: list[Batch]) -> list[TP]:
    return [TP(batch.topic, batch.partition) for batch in batches]


def test_while_no_lane_is_behind_a_topics_batches_travel_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faust is given one batch a topic; the others of the topic come along with it, and none is missing."""
    consumer = consumer_of(monkeypatch, all_read=True)
    heads = fetched(consumer)
    assert places(heads) == [TP("a", 0), TP("b", 0)]
    assert sorted(places([each for head in heads for each in (head, *head.others)])) == SOME
    assert consumer._next == dict.fromkeys(SOME, 6)
    assert consumer._passed == {}


def test_lanes_that_are_behind_begin_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """While batches wait for lanes each is handed over by itself: lanes are not to wait for Kafka all at once."""
    heads = fetched(consumer_of(monkeypatch, all_read=False))
    assert places(heads) == SOME
    assert not any(head.others for head in heads)


def test_a_batch_that_came_along_is_committed_as_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is acknowledged, the offset after it is what its partition's commit says; twice changes nothing."""
    consumer = consumer_of(monkeypatch, all_read=True)
    other = fetched(consumer)[0].others[1]
    consumer.acknowledge(other)
    consumer.acknowledge(other)
    assert consumer._n_acked == 1
    assert dict(consumer._acked) == {TP("a", 2): [5]}
    assert consumer._new_offset(TP("a", 2)) == 6


class _Stream:
    """Faust's stream of an agent, with one batch in it."""

    def __init__(self, batch: Batch, acknowledged: list[Batch]) -> None:
        self._event = SimpleNamespace(value=batch, ack=lambda: acknowledged.append(batch))

    def noack(self) -> _Stream:
        return self

    async def events(self) -> Any:
        yield self._event


def test_an_agent_gives_each_batch_to_its_lane_in_one_step(tmp_path: Path) -> None:
    """All of them before anything else runs; each is acknowledged by itself, when its lane says so."""
    submitted: list[tuple[Batch, Any]] = []
    lanes = SimpleNamespace(submit=lambda batch, done: submitted.append((batch, done)))
    app = make_app(Settings(state_dir=tmp_path), cast(Any, lanes), {"bootstrap_servers": ["127.0.0.1:1"]})
    acknowledged: list[Batch] = []
    app._consumer = SimpleNamespace(acknowledge=acknowledged.append)
    head, *others = [Batch([LogRecord(t, n, 5, 0, 0, None, b"", ())], 5, 0) for t, n in SOME]
    head.others.extend(others)
    agent = app.agents[f"cem.agents.{LANE_TOPICS[0].removeprefix('cem.')}"].fun(_Stream(head, acknowledged))
    with pytest.raises(StopIteration):
        agent.send(None)
    assert [batch for batch, _ in submitted] == [head, *others]
    assert acknowledged == []
    for _, done in reversed(submitted):
        done()
    assert acknowledged == [*reversed(others), head]
