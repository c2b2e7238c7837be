"""The guards on the ways between a lane and its servers: its time, fetches, acknowledgements, connections, producers."""

from __future__ import annotations

__all__ = ["WAYS"]

_STREAMS = "tests/unit/streams/"
_LANES = f"{_STREAMS}test_lanes.py::test_"
_TOGETHER = f"{_STREAMS}test_together.py::test_"
_ROUNDS = f"{_STREAMS}test_fetch_rounds.py::test_"
_AT_ONCE = f"{_STREAMS}test_at_once.py::test_"
_WAVES = "tests/unit/stores/test_waves.py::test_"

#: (name, module, old, new, test)
WAYS: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "time: an unread record does not hold it back",
        "cem.streams.lane_time",
        "                bound = clock.at_ms(position.timestamp_ms)\n",
        "                bound = time_ms\n",
        _LANES + "time_waits_for_unread_records",
    ),
    (
        "time: of a topic never heard of, now",
        "cem.streams.lane_time",
        "                return header.lane_time_ms\n        time_ms",
        "                bound = time_ms\n        time_ms",
        _LANES + "time_waits_for_unread_records",
    ),
    (
        "time: an old answer counts as of now",
        "cem.streams.fetch_rounds",
        "state.known_end = row[2], asked_ms",
        "state.known_end = row[2], now_ms",
        _ROUNDS + "an_end_is_known_as_of_when_it_was_asked_for",
    ),
    (
        "together: those that came along are left behind",
        "cem.streams.transport",
        "                head.others.append(batch)\n",
        "                pass\n",
        _TOGETHER + "while_no_lane_is_behind_a_topics_batches_travel_together",
    ),
    (
        "together: also while lanes are behind",
        "cem.streams.transport",
        "        if len(batches) < 2 or not self.lanes.all_read():\n",
        "        if len(batches) < 2:\n",
        _TOGETHER + "lanes_that_are_behind_begin_one_by_one",
    ),
    (
        "together: an agent takes the first one only",
        "cem.agents",
        "            for other in batch.others:\n",
        "            for other in ():\n",
        _TOGETHER + "an_agent_gives_each_batch_to_its_lane_in_one_step",
    ),
    (
        "together: one acknowledgement for all",
        "cem.agents",
        "partial(app.consumer.acknowledge, other)",
        "event.ack",
        _TOGETHER + "an_agent_gives_each_batch_to_its_lane_in_one_step",
    ),
    (
        "together: what came along is never committed",
        "cem.streams.transport",
        "            self._acked[tp].append(batch.offset)\n",
        "",
        _TOGETHER + "a_batch_that_came_along_is_committed_as_any",
    ),
    (
        "rounds: the end of a partition that was sought meanwhile",
        "cem.streams.fetch_rounds",
        "            sought = state is None or state._position != offsets[row[0]]\n",
        "            sought = state is None\n",
        _ROUNDS + "an_answer_leaves_the_states_that_aiokafka_would_leave",
    ),
    (
        "rounds: records kept to itself",
        "cem.streams.fetch_rounds",
        "            if row[1] or row[-1]:",
        "            if row[1]:",
        _ROUNDS + "an_answer_leaves_the_states_that_aiokafka_would_leave",
    ),
    (
        "rounds: a broker that is asked already is asked again",
        "cem.streams.fetch_rounds",
        "            if node not in busy and tp not in fetched:\n",
        "            if tp not in fetched:\n",
        _ROUNDS + "what_is_to_be_asked_is_what_aiokafka_would_ask",
    ),
    (
        "linger: for ever after the first record",
        "cem.streams.fetch_linger",
        "            self._flowing.discard(node)\n",
        "",
        _STREAMS + "test_fetch_linger.py::test_a_fetch_after_records_lingers_and_one_after_nothing_does_not",
    ),
    (
        "at once: what would have been waited for besides is left open",
        "cem.streams.transport",
        "                _close(coros[1:])\n                raise\n",
        "                raise\n",
        _AT_ONCE + "a_delivery_that_fails_at_once_leaves_nothing_to_await",
    ),
    (
        "at once: a delivery that waits counts as done",
        "cem.streams.transport",
        "            if started.over:\n",
        "            if True:\n",
        _AT_ONCE + "a_delivery_that_must_wait_ends_when_the_flow_is_suspended",
    ),
    (
        "waves: everybody is given the first one's answers",
        "cem.stores.waves",
        "            begin, end = end, end + rider.replies\n",
        "            begin, end = 0, rider.replies\n",
        _WAVES + "what_is_asked_in_one_turn_is_written_once_and_answered_apart",
    ),
    (
        "waves: all go where the first one goes",
        "cem.stores.waves",
        "await self._find(rider.slot)",
        "await self._find(riders[0].slot)",
        _WAVES + "a_broken_connection_is_only_of_those_who_travelled_over_it",
    ),
    (
        "waves: whoever has gone is answered",
        "cem.stores.waves",
        "            if not rider.future.done():\n                rider.future.set_result",
        "            if True:\n                rider.future.set_result",
        _WAVES + "who_gives_up_leaves_the_others_alone",
    ),
    (
        "waves: a large save takes the small ones along",
        "cem.stores.waves",
        "        if len(payload) > ALONE_BYTES:\n",
        "        if False:\n",
        _WAVES + "what_is_large_travels_by_itself",
    ),
    (
        "connections: one that lay for long is trusted",
        "cem.stores.connections",
        "                    self._now_s() - since_s > IDLE_S\n",
        "                    False\n",
        "tests/unit/stores/test_idle_connections.py::test_what_was_idle_for_long_is_opened_anew_before_it_is_used",
    ),
    (
        "connections: as many as are asked for",
        "cem.stores.topology",
        "limit=CONNECTIONS)",
        "limit=10_000)",
        "tests/unit/stores/test_idle_connections.py::test_a_crowd_shares_the_connections_of_a_node",
    ),
    (
        "publisher of the API: a broken producer is kept",
        "cem.streams.record_publisher",
        "                self._producer, self._broken = None, False\n",
        "                self._broken = False\n",
        _STREAMS + "test_broken_producer.py::test_whoever_posts_is_told_and_the_next_producer_sends",
    ),
)
