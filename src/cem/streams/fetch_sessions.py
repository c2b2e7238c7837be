"""Fetches that say only what has changed, and that linger at the broker.

aiokafka asks for every partition in every fetch, and Kafka answers about every one: a worker with 24 lanes has 240 of them,
which costs it 2 ms of CPU a fetch, and Kafka as much, whatever the fetch brings. Here

* a fetch belongs to a *session* (KIP-227): it names the partitions that are read from another offset than before, and
  the answer names those that have something new. About the others the answer says that nothing has changed.
* after a fetch that brought records the next one lingers: Kafka answers when there is more than a little or the linger
  is over, so one fetch brings what a linger brought. After one that brought nothing, the first record ends the wait.

Whatever is not the everyday case (an error, a partition without a position or a leader, one that is paused, a broker
without sessions) is left to aiokafka's own fetcher, which asks without a session; that changes nothing in it.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.errors import KafkaError
from aiokafka.protocol.fetch import FetchRequest, FetchRequest_v11
from aiokafka.record.memory_records import MemoryRecords

__all__ = ["LINGER_BYTES", "SessionRequest", "use_fetch_sessions"]

#: With so much to hand over Kafka does not linger.
LINGER_BYTES: Final = 65_536
#: For so long aiokafka itself fetches from a broker after an answer that was not an everyday one.
PLAIN_S: Final = 1.0
#: Error codes by which a broker says that it does not have the session (any more), or another turn of it.
_NO_SESSION: Final = frozenset({70, 71})
#: The version of the protocol in which sessions are spoken here.
_VERSION: Final = 11


class SessionRequest(FetchRequest):  # type: ignore[misc]
    """A fetch of a session. `positions` are all partitions that the session has when it is answered."""

    def __init__(
        self,
        fetcher: Any,
        *,
        wait_ms: int,
        least_bytes: int,
        session: _Session,
        positions: dict[TopicPartition, int],
        states: list[Any],
    ) -> None:
        """Ask for what is read from elsewhere than the session has it, and have it forget what is not read now.

        `states` are aiokafka's of the partitions, in the order of `positions`.
        """
        self.session = session
        self.positions = positions
        self.states = states
        known = session.positions
        limit = fetcher._max_partition_fetch_bytes
        asked: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
        for tp, position in positions.items():
            if known.get(tp) != position:
                asked[tp.topic].append((tp.partition, position, limit))
        self.forgotten: dict[str, list[int]] = defaultdict(list)
        if known.keys() != positions.keys():
            for tp in known:
                if tp not in positions:
                    self.forgotten[tp.topic].append(tp.partition)
        super().__init__(
            wait_ms, least_bytes, fetcher._fetch_max_bytes, fetcher._isolation_level, list(asked.items())
        )

    def build(self, request_struct_class: type[Any]) -> Any:
        """Return the request in its version: an older one knows no sessions, and the first request names everything."""
        built = super().build(request_struct_class)
        if request_struct_class is FetchRequest_v11:
            built.session_id, built.session_epoch = self.session.id, self.session.epoch
            built.forgotten_topics_data = list(self.forgotten.items())
        return built


class _Session:
    """What one broker knows of what we read."""

    def __init__(self, assignment: Any) -> None:
        self.assignment = assignment
        #: 0 until the broker gave it a number; epoch 0 asks for one.
        self.id = 0
        self.epoch = 0
        self.positions: dict[TopicPartition, int] = {}

    def answered(self, session_id: int, positions: dict[TopicPartition, int]) -> None:
        """Take note that the broker knows `positions` now."""
        self.id, self.positions = session_id, positions
        self.epoch = self.epoch % 0x7FFFFFFF + 1


class _Sessions:
    """Takes the place of two methods of one fetcher."""

    def __init__(self, fetcher: Any, linger_ms: int) -> None:
        self._fetcher = fetcher
        self._linger_ms = linger_ms
        self._plain_actions = fetcher._get_actions_per_node
        self._plain_fetch = fetcher._proc_fetch_request
        self._sessions: dict[int, _Session] = {}
        #: Brokers whose last answer brought records.
        self._flowing: set[int] = set()
        #: Until when (monotonic s) aiokafka fetches by itself; a broker without sessions: for ever.
        self._plain_until = 0.0
        #: Assignment and metadata for which `_rows` are.
        self._seen: tuple[Any, Any] = (None, None)
        self._rows: list[tuple[TopicPartition, Any, int]] | None = None

    def actions(self, assignment: Any) -> tuple[Any, ...]:
        """Return what aiokafka's own method does: requests by broker, and how long to wait for the next look."""
        fetcher = self._fetcher
        rows = self._table(assignment)
        if rows is None or fetcher._client_rack or time.monotonic() < self._plain_until:
            return self._plain(assignment)
        records, in_flight = fetcher._records, fetcher._in_flight
        wanted: dict[int, tuple[dict[TopicPartition, int], list[Any]]] = {}
        backoffs: dict[int, list[float]] = defaultdict(list)
        for tp, state, node in rows:
            if tp in records:
                if backoff := records[tp].calculate_backoff():
                    backoffs[node].append(backoff)
            elif node not in in_flight:
                position = state._position
                if position is None or state._paused:
                    return self._plain(assignment)
                ask = wanted.get(node)
                if ask is None:
                    ask = wanted[node] = {}, []
                ask[0][tp] = position
                ask[1].append(state)
        requests = [
            (node, self._request(node, assignment, *ask))
            for node, ask in wanted.items()
            if node not in backoffs
        ]
        timeout = min(map(max, backoffs.values())) if backoffs else fetcher._fetcher_timeout
        return requests, {}, timeout, False, []

    async def fetch(self, assignment: Any, node: int, request: FetchRequest) -> bool:
        """Send the request, keep what it brings, return whether that is anything; as aiokafka's own method."""
        if not isinstance(request, SessionRequest):
            return bool(await self._plain_fetch(assignment, node, request))
        fetcher, session = self._fetcher, request.session
        try:
            response = await fetcher._client.send(node, request)
        except KafkaError:
            # Logged by aiokafka, when it meets the same.
            self._leave(node)
            await asyncio.sleep(fetcher._retry_backoff)
            return False
        except asyncio.CancelledError:
            self._sessions.pop(node, None)
            return False
        if response.API_VERSION != _VERSION:
            self._leave(node, for_s=float("inf"))
            return False
        if response.error_code in _NO_SESSION:
            # It was dropped for others, or the broker started anew: the next request begins another.
            self._sessions.pop(node, None)
            return False
        if response.error_code:
            self._leave(node)
            return False
        if not assignment.active:
            self._sessions.pop(node, None)
            return False
        found = self._keep(assignment, request, response.topics)
        if found is None:
            self._leave(node)
            return bool(fetcher._records)
        if response.session_id > 0:
            session.answered(response.session_id, request.positions)
        else:
            # Every request names everything, as the first one did.
            self._sessions.pop(node, None)
        (self._flowing.add if found else self._flowing.discard)(node)
        return found

    def _keep(self, assignment: Any, request: SessionRequest, topics: Any) -> bool | None:
        """Keep the answer's records and ends; return whether there were records, None if it is not an everyday one."""
        fetcher, positions = self._fetcher, request.positions
        now_ms = int(time.time() * 1000)
        state_of = assignment.state_value
        found = False
        everyday = True
        for topic, partitions in topics:
            for number, code, end, stable, _, aborted, _, raw in partitions:
                tp = TopicPartition(topic, number)
                state = state_of(tp)
                if state is None or state._position is None or state._position != positions.get(tp):
                    continue  # sought meanwhile
                if code:
                    everyday = False
                    continue
                state.highwater, state.lso = end, stable
                if not raw:
                    continue
                records = MemoryRecords(raw)
                if not records.has_next():
                    everyday = False  # one record larger than a fetch
                    continue
                unpacked = PartitionRecords(
                    tp, records, aborted, state._position, fetcher._key_deserializer, fetcher._value_deserializer,
                    fetcher._check_crcs, fetcher._isolation_level,
                )  # fmt: skip
                fetcher._records[tp] = FetchResult(
                    tp, partition_records=unpacked, assignment=assignment, backoff=fetcher._prefetch_backoff
                )
                found = True
        if not everyday:
            return None
        # Those that the answer does not name have no other end than before.
        for state, position in zip(request.states, positions.values(), strict=True):
            if state._position == position and state.highwater is not None:
                state.timestamp = now_ms
        return found

    def _request(
        self, node: int, assignment: Any, positions: dict[TopicPartition, int], states: list[Any]
    ) -> SessionRequest:
        session = self._sessions.get(node)
        if session is None or session.assignment is not assignment:
            session = self._sessions[node] = _Session(assignment)
        lingers = node in self._flowing and self._linger_ms > 0
        return SessionRequest(
            self._fetcher,
            wait_ms=self._linger_ms if lingers else self._fetcher._fetch_max_wait_ms,
            least_bytes=LINGER_BYTES if lingers else self._fetcher._fetch_min_bytes,
            session=session,
            positions=positions,
            states=states,
        )

    def _plain(self, assignment: Any) -> tuple[Any, ...]:
        self._flowing.clear()
        return tuple(self._plain_actions(assignment))

    def _leave(self, node: int, for_s: float = PLAIN_S) -> None:
        """Let aiokafka fetch by itself for a while: it knows what each error asks for."""
        self._sessions.pop(node, None)
        self._plain_until = max(self._plain_until, time.monotonic() + for_s)

    def _table(self, assignment: Any) -> list[tuple[TopicPartition, Any, int]] | None:
        """Return each partition with its state and its leader; None if one has no leader that is known."""
        cluster = self._fetcher._client.cluster
        seen = assignment, cluster._partitions
        if self._seen[0] is not seen[0] or self._seen[1] is not seen[1]:
            rows = [
                (tp, assignment.state_value(tp), cluster.leader_for_partition(tp)) for tp in assignment.tps
            ]
            self._rows = None if any(node is None or node < 0 for *_, node in rows) else rows
            self._seen = seen
        return self._rows


def use_fetch_sessions(fetcher: Any, *, linger_ms: int) -> None:
    """Have aiokafka's `fetcher` ask by sessions, lingering so long at the broker. Called again, it changes nothing."""
    if not isinstance(getattr(fetcher, "cem_sessions", None), _Sessions):
        fetcher.cem_sessions = sessions = _Sessions(fetcher, linger_ms)
        fetcher._get_actions_per_node = sessions.actions
        fetcher._proc_fetch_request = sessions.fetch
