"""Bugs and traps of Faust and aiokafka that docs/traps.md numbers: what guards against each, where nothing else shows it."""

from __future__ import annotations

import asyncio
import sys
import tomllib
from pathlib import Path
from typing import Any, cast

import pytest
from aiokafka import ConsumerRecord, errors
from faust import App
from faust.assignor.partition_assignor import PartitionAssignor
from faust.types import TP
from faust.types.enums import ProcessingGuarantee
from hypothesis import given, settings
from hypothesis import strategies as st
from mode.supervisors import CrashingSupervisor

from cem.agents import make_app
from cem.cli.doctor.local import FLOORS
from cem.ports import Emission, LaneStopped, Unavailable
from cem.settings import Settings
from cem.streams.lanes import LaneSet
from cem.streams.publisher import KafkaPublisher
from cem.streams.topics import CUSTOMER_TOPICS
from cem.streams.transport import Batch, Consumer
from tests.builders.streams import World, run, settle

TP_A = TP("a", 0)
ROOT = Path(__file__).resolve().parents[3]


class Positions:
    """Lanes that stand at the offsets given."""

    def __init__(self, offsets: dict[TP, int]) -> None:
        self.offsets = offsets

    async def assigned(self, partitions: set[TP], consumer: Consumer) -> dict[TP, int]:
        return {tp: self.offsets[tp] for tp in partitions}


def consumer_at(offsets: dict[TP, int]) -> tuple[Consumer, list[dict[TP, int]]]:
    """Return a consumer that was assigned the partitions, and what it seeks."""
    consumer = Consumer.__new__(Consumer)
    consumer.lanes = Positions(offsets)  # type: ignore[misc, assignment]
    consumer._epochs, consumer._next, consumer._passed = {}, {}, {}
    consumer._seeking = set()
    consumer._acked, consumer._acked_index, consumer._committed_offset = {}, {}, {}
    consumer._read_offset = {}
    sought: list[dict[TP, int]] = []

    async def seek_to(wanted: dict[TP, int]) -> None:
        sought.append(dict(wanted))

    consumer._seek_to = seek_to  # type: ignore[method-assign]
    consumer.assignment = lambda: set(offsets)
    return consumer, sought


@pytest.fixture
def app(tmp_path: Path) -> App:
    """The worker's Faust app; nothing of it is started."""
    lanes = LaneSet(cast(Any, None), topics=(), on_crash=lambda error: None)
    return make_app(Settings(state_dir=tmp_path), lanes, {"bootstrap_servers": ["127.0.0.1:1"]})


@pytest.mark.parametrize("committed", [0, 3, 1_000])
def test_trap_01_wherever_faust_seeks_it_seeks_to_the_lane(committed: int) -> None:
    """Faust's seek after an assignment goes where the lane is, wherever Kafka's committed offset says."""
    consumer, sought = consumer_at({TP_A: 20})
    consumer._committed_offset = {TP_A: committed}
    assert asyncio.run(consumer.seek_to_committed()) == {TP_A: 20}
    assert sought == [{TP_A: 20}]


def test_trap_02_what_is_read_again_after_a_seek_back_is_not_dropped() -> None:
    """Faust drops what lies below the offset it read last, and all that came along: a seek takes that mark away."""
    consumer, _ = consumer_at({TP_A: 20})
    for offset in (10, 0):
        consumer._read_offset[TP_A] = 20
        asyncio.run(consumer.seek_lanes({TP_A: offset}))
        assert consumer._read_offset[TP_A] is None


@pytest.mark.parametrize("reopened_at", [0, 4])
def test_trap_02_a_seek_of_faust_drops_nothing_of_a_lane_opened_meanwhile(reopened_at: int) -> None:
    """While Faust's seek is under way a lane may open, and seek further back: that is where it is read from."""
    consumer, sought = consumer_at({TP_A: 20})
    seek_to = consumer._seek_to

    async def opened_meanwhile(wanted: dict[TP, int]) -> None:
        consumer._seek_to = seek_to  # type: ignore[method-assign]
        await seek_to(wanted)  # type: ignore[arg-type]
        await consumer.seek_lanes({TP_A: reopened_at})

    consumer._seek_to = opened_meanwhile  # type: ignore[method-assign]
    asyncio.run(consumer.perform_seek())
    assert sought == [{TP_A: 20}, {TP_A: reopened_at}]
    assert consumer._next == {TP_A: reopened_at}
    assert consumer._read_offset == {TP_A: None}
    assert consumer._committed_offset == {}


def test_trap_03_a_partition_that_was_never_committed_is_sought_too() -> None:
    """aiokafka leaves partitions without a committed offset where they were; ours are all sought, to 0 as well."""
    consumer, sought = consumer_at({TP_A: 0, TP("b", 0): 5})
    asyncio.run(consumer.seek_to_committed())
    assert sought == [{TP_A: 0, TP("b", 0): 5}]
    assert consumer._next == {TP_A: 0, TP("b", 0): 5}


def test_trap_05_the_committed_offset_is_the_end_of_what_was_acknowledged() -> None:
    """Batches are acknowledged by their last offset: the commit is that of the last one, and no gap holds it back."""
    consumer, _ = consumer_at({TP_A: 0})
    consumer._acked, consumer._acked_index = {TP_A: [9, 24]}, {TP_A: {9, 24}}
    assert consumer._new_offset(TP_A) == 25
    assert consumer._new_offset(TP_A) is None
    asyncio.run(consumer._add_gap(TP_A, 10, 24))
    assert consumer._acked[TP_A] == []


def test_trap_06_a_batch_whose_step_breaks_is_not_acknowledged() -> None:
    """A bug in the step ends the worker, and the batch is neither acknowledged nor passed."""

    async def scenario(world: World) -> None:
        world.kafka.produce("a", "k", 1, 500_000)
        await world.assign(0)
        lane = world.lanes.lanes[0]

        def broken(*_: object) -> Any:
            raise ZeroDivisionError

        lane.pipeline._stepper.step = broken  # type: ignore[method-assign]
        done: list[int] = []
        lane.put(world.batch("a", 0, 1), lambda: done.append(1))
        await settle()
        assert done == []
        assert isinstance(world.crashes[-1], ZeroDivisionError)
        assert (await world.store.open_lane(0)).header is None

    run(scenario)


def test_trap_06_an_agent_that_breaks_is_not_restarted_in_place(app: App) -> None:
    """Faust would restart an agent behind the batch that broke it: here the worker ends with it."""
    assert app.conf.agent_supervisor is CrashingSupervisor


def test_trap_08_kafkas_transactions_are_off(app: App) -> None:
    """Faust's "exactly once" crashes and doubles: the journal is what makes each record count once."""
    assert app.conf.processing_guarantee is ProcessingGuarantee.AT_LEAST_ONCE


def test_trap_09_faust_is_new_enough_to_rebalance() -> None:
    """Before 0.15.3 each rebalance failed without a package that nobody names; the floor is declared and checked."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    floor = next(entry for entry in declared if entry.startswith("faust-streaming"))
    assert tuple(int(part) for part in floor.split(">=")[1].split(",")[0].split(".")) >= (0, 15, 3)
    assert "faust-streaming" in FLOORS


def test_trap_10_the_partitions_of_a_lane_stay_together(app: App) -> None:
    """Faust's own assignor is in use: without standby tables it would be RoundRobin, which tears lanes apart."""
    assert app.conf.table_standby_replicas > 0
    assert type(app.assignor).__module__ == "faust.assignor.partition_assignor"


class Cluster:
    """A cluster of which only the numbers of partitions are known."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(self._partitions))


@given(partitions=st.integers(1, 48), members=st.lists(st.integers(1, 9), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_trap_10_no_rebalance_tears_a_lane(partitions: int, members: list[int]) -> None:
    """Workers come and go; each time every partition has one owner, and a lane's partitions have the same."""
    app = make_app(
        Settings(), LaneSet(lambda number, lanes: None, topics=CUSTOMER_TOPICS, on_crash=print), {}
    )  # type: ignore[arg-type, return-value]
    assignors: dict[str, PartitionAssignor] = {}
    everything = {TP(topic, number) for topic in CUSTOMER_TOPICS for number in range(partitions)}
    for count in members:
        assignors = {
            f"w{n}": assignors.get(f"w{n}")
            or PartitionAssignor(app, replicas=app.conf.table_standby_replicas)
            for n in range(count)
        }
        metadata = {name: assignor.metadata(set(CUSTOMER_TOPICS)) for name, assignor in assignors.items()}
        owners: dict[int, set[str]] = {}
        owned: list[TP] = []
        for name, assignment in assignors["w0"].assign(Cluster(partitions), metadata).items():
            assignors[name].on_assignment(assignment)
            for topic, numbers in assignment.assignment:
                owned += [TP(topic, number) for number in numbers]
                for number in numbers:
                    owners.setdefault(number, set()).add(name)
        assert len(owned) == len(everything) == len(set(owned))
        assert all(len(names) == 1 for names in owners.values())


def test_trap_11_a_worker_that_does_not_poll_loses_its_lanes_within_a_minute(app: App) -> None:
    """Faust would leave the lanes of a blocked worker with it for a quarter of an hour."""
    assert app.conf.broker_max_poll_interval <= 60.0


def test_trap_11_a_blocked_loop_ends_the_process(tmp_path: Path) -> None:
    """A step that blocks does not keep its lanes: stacks are printed and the process leaves with 70."""
    program = (
        "import asyncio, time\n"
        "from cem.streams.watchdog import LoopWatchdog\n"
        "async def main():\n"
        "    asyncio.create_task(LoopWatchdog(0.4).run())\n"
        "    await asyncio.sleep(0.2)\n"
        "    time.sleep(60)\n"
        "asyncio.run(main())\n"
    )

    async def outcome() -> tuple[int | None, bytes]:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stderr=asyncio.subprocess.PIPE
        )
        _, said = await child.communicate()
        return child.returncode, said

    code, said = asyncio.run(outcome())
    assert code == 70
    assert b"has not come round" in said
    assert b"time.sleep" in said or b"<string>" in said


def test_trap_12_nothing_listens_and_nothing_is_made(app: App) -> None:
    """Faust's web server and its making of topics are off."""
    assert app.conf.web_enabled is False
    assert app.conf.topic_allow_declare is False


def test_trap_14_a_log_that_was_cut_and_overwritten_stops_the_lane() -> None:
    """The record at the position is not the one that was applied: reading on would skip what took its place."""

    async def scenario(world: World) -> None:
        lane = await world.lane_that_applied_one(stamped_ms=500_000)
        world.show_journal_of(lane)
        world.kafka.inputs["a"].clear()
        world.kafka.produce("a", "k", 2, 500_000)
        lane.open_again()
        await settle()
        assert "a[0] offset 0 holds another record" in (lane.stopped or "")

    run(scenario)


def test_trap_14_a_log_that_lost_its_end_stops_the_lane() -> None:
    """A log that ends before the position has lost what was acknowledged."""

    async def scenario(world: World) -> None:
        lane = await world.lane_that_applied_one(stamped_ms=500_000)
        world.show_journal_of(lane)
        world.kafka.inputs["a"].clear()
        lane.open_again()
        await settle()
        assert "ends at offset 0, but 1 had been read" in (lane.stopped or "")

    run(scenario)


class OutOfSequence:
    """aiokafka's producer after it has met an out-of-order sequence: each batch fails, for ever."""

    def __init__(self) -> None:
        self.stopped = False

    async def send(self, *_: Any, **__: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        future.set_exception(errors.OutOfOrderSequenceNumber())
        return future

    async def stop(self) -> None:
        self.stopped = True


def test_trap_16_a_producer_that_lost_its_sequence_is_replaced() -> None:
    """An out-of-order sequence stays with its producer: it is thrown away, and the next try has a new one."""

    async def main() -> None:
        publisher = KafkaPublisher({})
        broken = OutOfSequence()
        publisher._producer = broken  # type: ignore[assignment]
        with pytest.raises(Unavailable) as failed:
            await publisher.publish([Emission("cem.alerts", b"k", b"v", ())])
        assert failed.value.retryable
        assert publisher._producer is None
        await publisher.stop()
        assert broken.stopped

    asyncio.run(main())


def test_trap_17_an_acknowledgement_after_a_seek_commits_nothing_old() -> None:
    """What was acknowledged before a partition was sought is forgotten: the commit never decides where to read."""
    consumer, _ = consumer_at({TP_A: 5})
    consumer._acked, consumer._acked_index = {TP_A: [40]}, {TP_A: {40}}
    asyncio.run(consumer.seek_to_committed())
    assert TP_A not in consumer._acked
    assert consumer._next[TP_A] == 5


def test_trap_04_a_batch_says_where_its_fetch_began() -> None:
    """A batch carries the epoch of its seek and its first offset, so that what was fetched before is told apart."""
    record = ConsumerRecord("a", 0, 12, 1, 0, b"k", b"v", None, 1, 1, ())
    batch = Batch([record], 10, 3)
    assert (batch.first, batch.offset, batch.epoch) == (10, 12, 3)


def test_a_stopped_lane_is_said_once() -> None:
    """The first reason for which a lane stops is the one that is kept."""

    async def scenario(world: World) -> None:
        await world.assign(0, 1)
        lane = world.lanes.lanes[0]
        lane.stop(LaneStopped("first"))
        lane.stop(LaneStopped("second"))
        assert lane.stopped == "first"

    run(scenario)
