"""Fetches of one consumer without aiokafka's calls for every partition that has nothing new.

A fetch names all partitions of the worker, and so does its answer: with 24 lanes 240, of which a few bring records.
aiokafka goes through all of them, in some ten calls each, whenever anything happens: to find that no fetch is to be
made, to make one (in an order that it shuffles), and to note that a partition brought nothing. Here the first is found
without looking at partitions, and the others take a few steps a partition; whatever is out of the ordinary is left to
aiokafka.

Each partition's state is given a `known_end` besides: the end that the broker told, and when it was asked for that.
aiokafka notes when it took the answer, which may have lain in the socket of a process that stood still meanwhile.
"""

from __future__ import annotations

import time
from typing import Any

from aiokafka.protocol.fetch import FetchRequest

__all__ = ["use_rounds"]


class _Rounds:
    """Takes the place of one fetcher's way of finding what to ask for."""

    def __init__(self, fetcher: Any) -> None:
        self._fetcher = fetcher
        self._usual = fetcher._get_actions_per_node
        self._assignment: Any = None
        #: The assignment's partitions and their states.
        self._states: list[tuple[Any, Any]] = []
        #: The brokers that led them in the last round.
        self._leaders: set[int] = set()
        self._first = 0

    def actions(self, assignment: Any) -> Any:
        """Return what `Fetcher._get_actions_per_node` does: fetches by broker, resets, a pause (s), and two more.

        Of several fetches too large for one answer each begins with another partition, so that all have their turn.
        """
        fetcher = self._fetcher
        if assignment is not self._assignment:
            self._assignment, self._leaders = assignment, set()
            self._states = list(assignment._tp_state.items())
        leader, fetched = fetcher._client.cluster.leader_for_partition, fetcher._records
        waiting: dict[int, float] = {}
        for tp, result in fetched.items():
            if pause_s := result.calculate_backoff():
                node = leader(tp)
                waiting[node] = max(pause_s, waiting.get(node, 0.0))
        pause_s = min(waiting.values()) if waiting else fetcher._fetcher_timeout
        busy = fetcher._in_flight.union(waiting)
        if self._leaders and self._leaders <= busy:
            return [], {}, pause_s, False, []
        if fetcher._preferred_read_replica:
            return self._usual(assignment)
        most = fetcher._max_partition_fetch_bytes
        asked: dict[int, dict[str, list[tuple[int, int, int]]]] = {}
        leaders = set()
        first = self._first = (self._first + 1) % max(1, len(self._states))
        for tp, state in self._states[first:] + self._states[:first]:
            node = leader(tp)
            if node is None or node < 0 or state._position is None or state._paused:
                return self._usual(assignment)
            leaders.add(node)
            if node not in busy and tp not in fetched:
                topics = asked.setdefault(node, {})
                topics.setdefault(tp[0], []).append((tp[1], state._position, most))
        self._leaders = leaders
        fetches = [
            (
                node,
                FetchRequest(
                    fetcher._fetch_max_wait_ms,
                    fetcher._fetch_min_bytes,
                    fetcher._fetch_max_bytes,
                    fetcher._isolation_level,
                    list(topics.items()),
                    rack_id=fetcher._client_rack or "",
                ),
            )
            for node, topics in asked.items()
        ]
        return fetches, {}, pause_s, False, []


class _Client:
    """The fetcher's client: of the answer to a fetch it keeps to itself what says that there is nothing new."""

    def __init__(self, client: Any, subscriptions: Any) -> None:
        self._client = client
        self._subscriptions = subscriptions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, node: int, request: Any) -> Any:
        """Send, and return the answer; that to a fetch without partitions whose end alone was told, which is noted."""
        subscription = self._subscriptions.subscription
        assignment = subscription and subscription.assignment
        asked_ms = int(1000 * time.time())
        response = await self._client.send(node, request)
        if type(request) is FetchRequest and assignment and assignment.active and response.API_VERSION >= 4:
            _note_ends(assignment._tp_state, request, response, asked_ms)
        return response


def _note_ends(states: dict[Any, Any], request: Any, response: Any, asked_ms: int) -> None:
    """Note the partitions' ends; leave those that brought more than that in request and response."""
    now_ms = int(1000 * time.time())
    asked = dict(request._topics)
    topics, request._topics = response.topics, []
    response.topics = []
    for topic, rows in topics:
        offsets = {number: offset for number, offset, _ in asked[topic]}
        left = []
        for row in rows:
            state: Any = states.get((topic, row[0]))
            sought = state is None or state._position != offsets[row[0]]
            if not (row[1] or sought):
                state.known_end = row[2], asked_ms
            if row[1] or row[-1]:  # an error, or records
                left.append(row)
            elif not sought:
                state.highwater, state.lso, state.timestamp = row[2], row[3], now_ms
        if left:
            numbers = {row[0] for row in left}
            response.topics.append((topic, left))
            request._topics.append((topic, [row for row in asked[topic] if row[0] in numbers]))


def use_rounds(fetcher: Any) -> None:
    """Have aiokafka's `fetcher` make its fetches in this way from now on."""
    fetcher._get_actions_per_node = _Rounds(fetcher).actions
    fetcher._client = _Client(fetcher._client, fetcher._subscriptions)
