"""Ways to take a guard away from what surrounds the pipeline, each a small edit of the real source, and the test that notices.

The simulation steps the pipeline alone. Between it and Kafka and Redis stand the transport, the lanes, the agents and
the store's client, whose guards have unit tests of their own. Each is run here with its guard gone, and has to fail:

    python -m tests.faults.guards          # prints a line of JSON for each

Constants and function bodies are exchanged in place, in this process, so that whoever has imported them sees it.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import json
import sys
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

__all__ = ["GUARDS", "Guard", "swapped"]

_STREAMS = "tests/unit/streams/"
_TRAPS, _SEEKING = f"{_STREAMS}test_traps.py::test_trap_", f"{_STREAMS}test_seeking.py::test_"
_LANES, _TOGETHER = f"{_STREAMS}test_lanes.py::test_", f"{_STREAMS}test_together.py::test_"
_REFUSALS, _ROUNDS = f"{_STREAMS}test_refusals.py::test_", f"{_STREAMS}test_fetch_rounds.py::test_"
_ABSENT = f"{_STREAMS}test_absent_servers.py::test_"
_AT_ONCE = f"{_STREAMS}test_at_once.py::test_"
_WAVES = "tests/unit/stores/test_waves.py::test_"


class Guard(NamedTuple):
    """One guard: in which module it stands, what it is replaced by, and the test that must fail then."""

    name: str
    module: str
    old: str
    new: str
    test: str


GUARDS: tuple[Guard, ...] = tuple(
    Guard(*each)
    for each in (
        (
            "trap 1: seeking where Kafka's commit says",
            "cem.streams.transport",
            "        offsets = await self.lanes.assigned(assignment, self)\n",
            "        await self.lanes.assigned(assignment, self)\n        offsets = dict(self._committed_offset)\n",
            _TRAPS + "01_wherever_faust_seeks_it_seeks_to_the_lane",
        ),
        (
            "trap 2: the offset read last stays",
            "cem.streams.transport",
            "            self._read_offset[tp] = None\n",
            "",
            _TRAPS + "02_what_is_read_again_after_a_seek_back_is_not_dropped",
        ),
        (
            "trap 2: Faust notes the positions as read",
            "cem.streams.transport",
            "        await self.seek_to_committed()\n",
            "        await driver.Consumer.perform_seek(self)\n",
            _TRAPS + "02_a_seek_of_faust_drops_nothing_of_a_lane_opened_meanwhile",
        ),
        (
            "trap 3: what was never committed is not sought",
            "cem.streams.transport",
            "            await self._seek_to(offsets)\n        except",
            "            await self._seek_to({tp: offset for tp, offset in offsets.items() if offset})\n        except",
            _TRAPS + "03_a_partition_that_was_never_committed_is_sought_too",
        ),
        (
            "trap 4: what was fetched before a seek is handed over",
            "cem.streams.transport",
            " or epoch != self.epoch(tp):",
            ":",
            _SEEKING + "what_was_fetched_before_a_seek_is_dropped",
        ),
        (
            "trap 4: a fetch has the number of no seek",
            "cem.streams.consumer_thread",
            "            self._epochs[tp] = epochs[tp]\n",
            "",
            _SEEKING + "what_a_waiting_fetch_brings_after_a_seek_is_not_lost",
        ),
        (
            "trap 4: batches of earlier fetches are applied",
            "cem.streams.lane",
            "        if batch.epoch != consumer.epoch(tp):\n",
            "        if False:\n",
            _LANES + "a_batch_of_an_earlier_fetch_is_dropped",
        ),
        (
            "trap 4: records left out are passed by",
            "cem.streams.lane",
            "        if begins > position and not",
            "        if False and not",
            _LANES + "a_fetch_that_left_out_records_is_made_again",
        ),
        (
            "trap 4: a partition is fetched while it is sought",
            "cem.streams.transport",
            "tp in self._next and tp not in self._seeking and wants(tp)",
            "tp in self._next and wants(tp)",
            _SEEKING + "nothing_is_fetched_for_a_partition_that_is_being_sought",
        ),
        (
            "trap 4: the end of a first seek counts as that of the second",
            "cem.streams.transport",
            "[tp for tp, epoch in epochs.items() if epoch == self.epoch(tp)]",
            "epochs",
            _SEEKING + "a_partition_that_is_sought_twice_is_fetched_after_the_second",
        ),
        (
            "trap 4: a seek that failed takes a later one's place away",
            "cem.streams.transport",
            "                if epoch == self.epoch(tp):\n",
            "                if True:\n",
            _SEEKING + "a_seek_that_came_too_early_leaves_a_later_one_alone",
        ),
        (
            "trap 5: gaps hold the commit back",
            "cem.streams.transport",
            "        offset = max(acked)\n",
            "        offset = min(acked)\n",
            _TRAPS + "05_the_committed_offset_is_the_end_of_what_was_acknowledged",
        ),
        (
            "trap 6: acknowledged before it is applied",
            "cem.streams.lane",
            "        await self.pipeline.apply(batch.topic,",
            "        done()\n        await self.pipeline.apply(batch.topic,",
            _TRAPS + "06_a_batch_whose_step_breaks_is_not_acknowledged",
        ),
        (
            "trap 6: agents restarted in place",
            "cem.agents",
            "mode.CrashingSupervisor",
            "mode.OneForOneSupervisor",
            _TRAPS + "06_an_agent_that_breaks_is_not_restarted_in_place",
        ),
        (
            "trap 7: a rebalance does not count as fetching",
            "cem.streams.consumer_thread",
            "        self._rebalance.enter_context(self._ensure_consumer()._subscription.fetch_context())\n",
            "",
            _STREAMS + "test_rejoining.py::test_a_rejoin_is_tried_until_it_succeeds",
        ),
        (
            "trap 7: a partition is judged by its lane",
            "cem.streams.watchdog",
            "            by_lane = lane.opening",
            "            by_lane = True or lane.opening",
            _STREAMS + "test_standstill.py::test_trap_07_a_dead_partition_does_not_hide_behind_a_busy_one",
        ),
        (
            "trap 8: Faust's transactions",
            "cem.agents",
            "        web_enabled=False,\n",
            "        web_enabled=False,\n        processing_guarantee='exactly_once',\n",
            _TRAPS + "08_kafkas_transactions_are_off",
        ),
        (
            "trap 10: RoundRobin",
            "cem.agents",
            "        web_enabled=False,\n",
            "        web_enabled=False,\n        table_standby_replicas=0,\n",
            _TRAPS + "10_the_partitions_of_a_lane_stay_together",
        ),
        (
            "trap 10: a torn lane is taken",
            "cem.streams.lanes",
            "            if missing:\n",
            "            if False:\n",
            _LANES + "a_split_lane_is_refused",
        ),
        (
            "trap 11: a blocked worker keeps its lanes",
            "cem.agents",
            "broker_max_poll_interval=settings.max_poll_interval_s",
            "broker_max_poll_interval=1000.0",
            _TRAPS + "11_a_worker_that_does_not_poll_loses_its_lanes_within_a_minute",
        ),
        (
            "trap 12: a web server",
            "cem.agents",
            "web_enabled=False",
            "web_enabled=True",
            _TRAPS + "12_nothing_listens_and_nothing_is_made",
        ),
        (
            "trap 12: topics are made",
            "cem.agents",
            "topic_allow_declare=False",
            "topic_allow_declare=True",
            _TRAPS + "12_nothing_listens_and_nothing_is_made",
        ),
        (
            "trap 12: passwords in the open",
            "cem.streams.connection",
            "    _refuse_unsafe(settings, servers)\n",
            "",
            _STREAMS + "test_connection.py::test_a_password_never_crosses_a_network_in_the_open",
        ),
        (
            "trap 13: an offset that is gone is a damaged one",
            "cem.streams.transport",
            "_MISPLACED = (OffsetOutOfRangeError, NoOffsetForPartitionError)",
            "_MISPLACED = ()",
            _REFUSALS + "trap_13_an_offset_that_is_gone_has_the_lane_opened_again",
        ),
        (
            "trap 13: lost records are passed by",
            "cem.opening",
            "                if not self._accept_loss:\n",
            "                if False:\n",
            _REFUSALS + "trap_13_a_lane_whose_records_went_away_says_which",
        ),
        (
            "trap 14: the last record is not compared",
            "cem.opening",
            "        if looked_at:\n",
            "        if False:\n",
            _TRAPS + "14_a_log_that_was_cut_and_overwritten_stops_the_lane",
        ),
        (
            "trap 14: a log that lost its end",
            "cem.opening",
            "            elif known.next_offset > end:\n",
            "            elif False:\n",
            _TRAPS + "14_a_log_that_lost_its_end_stops_the_lane",
        ),
        (
            "trap 15: a stuck producer goes on",
            "cem.streams.stopping",
            "            sender.cancel()\n",
            "            pass\n",
            _STREAMS + "test_stopping.py::test_a_producer_that_does_not_stop_leaves_nothing_running",
        ),
        (
            "trap 16: a broken producer is used again",
            "cem.streams.publisher",
            "            self._discard(producer)\n            what",
            "            what",
            _TRAPS + "16_a_producer_that_lost_its_sequence_is_replaced",
        ),
        (
            "trap 17: acknowledgements outlive a seek",
            "cem.streams.transport",
            "            self._acked.pop(tp, None)\n",
            "",
            _TRAPS + "17_an_acknowledgement_after_a_seek_commits_nothing_old",
        ),
        (
            "trap 18: what others had of a failed fetch is lost",
            "cem.streams.transport",
            "        if again:\n",
            "        if False:\n",
            _REFUSALS + "trap_18_a_batch_that_cannot_be_unpacked_stops_its_lane_only",
        ),
        (
            "trap 18: a record too large is stepped over",
            "cem.streams.transport",
            "            at = self._next.pop(tp, None)\n",
            "            at = self._next.get(tp)\n",
            _REFUSALS + "trap_18_a_record_larger_than_a_fetch_is_not_passed_over",
        ),
        (
            "journal: a store from before it is read on",
            "cem.opening",
            "        if found is not None and not adopted and header.token not in history:\n",
            "        if False:\n",
            _ABSENT + "a_store_older_than_its_journal_stops_the_lane",
        ),
        (
            "journal: an empty store is begun anew",
            "cem.opening",
            "        if found is None and end:\n",
            "        if False:\n",
            _ABSENT + "an_empty_store_is_not_begun_anew_when_the_journal_was_cut",
        ),
        (
            "another cluster at the same address is not noticed",
            "cem.streams.watchdog",
            "            lane.open_again()\n",
            "            pass\n",
            _STREAMS + "test_standstill.py::test_a_cluster_that_came_to_the_same_address_is_noticed",
        ),
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
            _STREAMS
            + "test_fetch_linger.py::test_a_fetch_after_records_lingers_and_one_after_nothing_does_not",
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
)


@contextlib.contextmanager
def swapped(guard: Guard) -> Iterator[None]:
    """Have the guard's module do without it. Raises AssertionError if its source has nothing of the kind."""
    module = importlib.import_module(guard.module)
    source = inspect.getsource(module)
    assert guard.old in source, f"{guard.name}: {guard.module} no longer has {guard.old!r}"
    made = types.ModuleType(module.__name__)
    made.__dict__["__file__"] = module.__file__
    exec(compile(source.replace(guard.old, guard.new), f"<{guard.module} without>", "exec"), made.__dict__)
    undo: list[tuple[Any, str, Any]] = []
    _exchange(module, made, module.__name__, undo)
    assert undo, f"{guard.name}: nothing changed"
    try:
        yield
    finally:
        for owner, name, value in reversed(undo):
            setattr(owner, name, value)


def _exchange(owner: Any, made: Any, module: str, undo: list[tuple[Any, str, Any]]) -> None:
    """Give functions of `owner` the code that they have in `made`, and its constants their values there."""
    for name, new in list(vars(made).items()):
        old = vars(owner).get(name)
        if isinstance(old, types.FunctionType) and isinstance(new, types.FunctionType):
            if old.__module__ == module and old.__code__ != new.__code__:
                undo.append((old, "__code__", old.__code__))
                old.__code__ = new.__code__
        elif isinstance(old, type) and isinstance(new, type) and old.__module__ == module:
            _exchange(old, new, module, undo)
        elif isinstance(old, tuple) and old != new:
            undo.append((owner, name, old))
            setattr(owner, name, new)


def _outcome(test: str) -> int:
    """Return pytest's exit code of the test: 0 passed, 1 failed."""
    # What a broken guard leaves lying about would otherwise end the run at the next collection of garbage.
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:unraisableexception"]
    with contextlib.redirect_stdout(io.StringIO()):
        return int(pytest.main([*options, test]))


def main() -> None:
    """Print, for each guard, how its test ends with it and without it."""
    with_them: dict[str, int] = {}
    for guard in GUARDS:
        if guard.test not in with_them:
            with_them[guard.test] = _outcome(guard.test)
        with swapped(guard):
            without = _outcome(guard.test)
        line = {"name": guard.name, "with": with_them[guard.test], "without": without}
        print(json.dumps(line), file=sys.stdout, flush=True)


if __name__ == "__main__":
    main()
