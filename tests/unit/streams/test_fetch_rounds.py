"""Fetches are made, and their answers taken, as aiokafka does it itself; only with less work."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.protocol.fetch import FetchRequest, FetchResponse_v11
from faust.types import TP

from cem.streams import fetch_rounds
from cem.streams.fetch_rounds import use_rounds
from cem.streams.transport import Consumer

PARTITIONS = [TopicPartition(topic, number) for topic in "abc" for number in range(4)]


class _Client:
    """aiokafka's client on three brokers: a partition's leader is what the test says, an answer is `answers`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._metadata_max_age_ms = 300_000
        self.cluster = self
        self.leaders: dict[TopicPartition, int | None] = {}
        self.answer: Any = None

    def leader_for_partition(self, tp: TopicPartition) -> int | None:
        return self.leaders[tp]

    def force_metadata_update(self) -> asyncio.Future[None]:
        return self._loop.create_future()

    async def send(self, node: int, request: Any) -> Any:
        return self.answer


async def _fetcher(client: _Client) -> tuple[Any, Any]:
    subscriptions = SubscriptionState()
    fetcher: Any = Fetcher(client, subscriptions, auto_offset_reset="none")
    fetcher._fetch_task.cancel()
    subscriptions.assign_from_user(PARTITIONS)
    return fetcher, subscriptions.subscription.assignment


def _shape(actions: Any) -> Any:
    """Return actions without the order in which partitions are asked for, and without identities."""
    fetches, resets, pause_s, stale, resumptions = actions
    asked = {
        node: (
            sorted((topic, p) for topic, ps in r._topics for p in ps),
            {name: value for name, value in vars(r).items() if name != "_topics"},
        )
        for node, r in fetches
    }
    return (
        asked,
        {n: sorted(tps) for n, tps in resets.items()},
        round(pause_s, 3),
        bool(stale),
        len(resumptions),
    )


def test_what_is_to_be_asked_is_what_aiokafka_would_ask() -> None:
    """Whatever leads, is under way, waits to be taken, has no position yet or is paused."""

    async def main() -> None:
        chance = random.Random(11)
        met = 0
        for _ in range(300):
            client = _Client()
            fetcher, assignment = await _fetcher(client)
            usual = fetcher._get_actions_per_node
            use_rounds(fetcher)
            odd = chance.random() < 0.3
            client.leaders = {tp: chance.randrange(1, 4) for tp in PARTITIONS}
            for tp in PARTITIONS:
                if not odd or chance.random() < 0.9:
                    assignment.state_value(tp).seek(chance.randrange(50))
                elif chance.random() < 0.5:
                    client.leaders[tp] = chance.choice([None, -1])
                if odd and chance.random() < 0.05:
                    assignment.state_value(tp).pause()
            for _ in range(4):
                fetcher._in_flight = set(chance.sample([1, 2, 3], chance.randrange(4)))
                fetcher._records.clear()
                if not odd:  # a broker waited for may have its partitions reset a moment later here
                    for tp in chance.sample(PARTITIONS, chance.choice([0, 0, 1, 3])):
                        pause_s = chance.choice([0.0, 0.05, 0.1])
                        fetcher._records[tp] = SimpleNamespace(calculate_backoff=lambda s=pause_s: s)
                expected = _shape(usual(assignment))
                assert _shape(fetcher._get_actions_per_node(assignment)) == expected
                met += bool(expected[0])
        assert met > 300

    asyncio.run(main())


def test_fetches_begin_with_each_partition_in_turn() -> None:
    """Where one answer cannot hold what all of them have, none is always the last."""

    async def main() -> None:
        client = _Client()
        fetcher, assignment = await _fetcher(client)
        use_rounds(fetcher)
        client.leaders = dict.fromkeys(PARTITIONS, 1)
        for tp in PARTITIONS:
            assignment.state_value(tp).seek(0)
        first = set()
        for _ in PARTITIONS:
            ((_, request),) = fetcher._get_actions_per_node(assignment)[0]
            topic, rows = request._topics[0]
            first.add((topic, rows[0][0]))
        assert first == set(PARTITIONS)

    asyncio.run(main())


def test_an_answer_leaves_the_states_that_aiokafka_would_leave() -> None:
    """Ends, records, errors, and partitions that were sought while the fetch was under way."""

    async def main() -> None:
        chance = random.Random(3)
        for _ in range(100):
            offsets = {tp: chance.randrange(5) for tp in PARTITIONS}
            sought = set(chance.sample(PARTITIONS, 2))
            rows: dict[str, list[Any]] = {}
            for tp in chance.sample(PARTITIONS, len(PARTITIONS)):
                code = chance.choice([0] * 8 + [1, 5])
                records = (
                    chance.choice([b"", b"", None]) if chance.random() < 0.7 else b"too little for a record"
                )
                if code and records is None:
                    records = b""
                rows.setdefault(tp.topic, []).append((tp.partition, code, 9, 8, 0, None, -1, records))
            left = []
            for ours in (False, True):
                client = _Client()
                client.answer = FetchResponse_v11(0, 0, 0, [(t, list(found)) for t, found in rows.items()])
                fetcher, assignment = await _fetcher(client)
                if ours:
                    use_rounds(fetcher)
                for tp, offset in offsets.items():
                    assignment.state_value(tp).seek(offset)
                asked = [(t, [(p, offsets[TopicPartition(t, p)], 7) for p in range(4)]) for t in "abc"]
                request = FetchRequest(250, 1, 1_000, 0, asked)
                for tp in sought:
                    assignment.state_value(tp).seek(40)
                woken = await fetcher._proc_fetch_request(assignment, 1, request)
                states = {tp: assignment.state_value(tp) for tp in PARTITIONS}
                left.append((
                    woken,
                    {tp: (s._position, s.highwater, s.lso, bool(s.timestamp)) for tp, s in states.items()},
                    {tp: repr(type(found)) for tp, found in sorted(fetcher._records.items())},
                ))  # fmt: skip
            assert left[0] == left[1]

    asyncio.run(main())


def test_an_end_is_known_as_of_when_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that stood still finds old answers in its socket: what was written meanwhile they do not know of."""
    now_s = 1_000.0
    monkeypatch.setattr(fetch_rounds, "time", SimpleNamespace(time=lambda: now_s))
    rows = [
        (0, 0, 9, 9, 0, None, -1, b""),
        (1, 0, 12, 12, 0, None, -1, b"too little for a record"),
        (2, 0, 9, 9, 0, None, -1, b""),
        (3, 1, 9, 9, 0, None, -1, b""),
    ]

    class Frozen(_Client):
        async def send(self, node: int, request: Any) -> Any:
            nonlocal now_s
            now_s += 8.0
            assignment.state_value(TopicPartition("a", 2)).seek(4)
            return await super().send(node, request)

    async def main() -> None:
        nonlocal assignment
        client = Frozen()
        fetcher, assignment = await _fetcher(client)
        use_rounds(fetcher)
        client.answer = FetchResponse_v11(0, 0, 0, [("a", rows)])
        for number in range(4):
            assignment.state_value(TopicPartition("a", number)).seek(7)
        request = FetchRequest(250, 1, 1_000, 0, [("a", [(number, 7, 7) for number in range(4)])])
        await fetcher._proc_fetch_request(assignment, 1, request)
        consumer = Consumer.__new__(Consumer)
        consumer._fetch_states = lambda: assignment._tp_state  # type: ignore[method-assign]
        # The third was sought meanwhile, the fourth is in error: nothing is known of them.
        assert [consumer.known_end(TP("a", number)) for number in range(4)] == [
            (9, 1_000_000),
            (12, 1_000_000),
            (None, 0),
            (None, 0),
        ]
        assert consumer.known_end(TP("z", 0)) == (None, 0)

    assignment: Any = None
    asyncio.run(main())
