"""A lane while Redis or Kafka is away: it waits, says so, makes room for a rebalance, and is not taken for stuck."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import msgspec
import pytest

from cem.pipeline import LanePipeline
from cem.ports import JournalEntry, LaneStopped, Unavailable
from cem.stores import MemoryStore
from cem.streams import lane as lane_module
from cem.streams.checkpoints import CheckpointKeeper
from tests.builders.streams import TOPICS, ModelLog, NoPublisher, World, run, settle
from tests.faults.fold import SimStepper


class AbsentStore(MemoryStore):
    """A store that can be taken away."""

    away = False

    async def save(self, lane: int, save: Any) -> Any:
        if self.away:
            raise Unavailable("Redis is away")
        return await super().save(lane, save)


class JournalledLog(ModelLog):
    """The modelled log with the journal entries given."""

    entries: tuple[tuple[int, JournalEntry], ...] = ()
    end = 0

    async def journal(self, lane: int, first: int, stop: int | None = None, most: int | None = None) -> Any:
        return self.entries, self.end


def test_waiting_is_no_reason_to_break_however_long_it_lasts() -> None:
    """The two-thousandth try is made like the tenth: the pause between the tries stays at its longest."""

    async def scenario(world: World) -> None:
        lane = world.make_lane(0, world.lanes)
        pauses: list[float] = []

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lane_module.asyncio, "sleep", sleep)
            for attempt in (0, 10, 2_000):
                await lane.pause(attempt, Unavailable("Redis is away"))
        assert pauses == [0.05, 2.0, 2.0]

    run(scenario)


def test_a_lane_says_what_it_waits_for_until_it_has_it() -> None:
    """The reason stands while the next try is under way, too, so that the watchdog does not take the lane for stuck."""

    async def scenario(world: World) -> None:
        store = AbsentStore(1)
        world.store = store
        world.kafka.produce("a", "k", 1, 500_000)
        await world.assign(0)
        lane = world.lanes.lanes[0]
        store.away = True
        lane.put(world.batch("a", 0, 1), lambda: None)
        await settle()
        assert lane.waiting_for == "Redis is away"
        tried = asyncio.Event()
        go_on = asyncio.Event()
        save = store.save

        async def slow(number: int, change: Any) -> Any:
            tried.set()
            await go_on.wait()
            return await save(number, change)

        store.save = slow  # type: ignore[method-assign]
        await tried.wait()
        assert lane.waiting_for == "Redis is away"
        store.away = False
        go_on.set()
        await settle()
        assert lane.pipeline.position("a").next_offset == 1
        assert lane.waiting_for is None

    run(scenario)


def test_a_rebalance_does_not_wait_for_an_absent_store() -> None:
    """A lane that waits for Redis gives its batch up when it is held, and opens anew: the record counts once."""

    async def scenario(world: World) -> None:
        world.log = log = JournalledLog(world.kafka)
        store = AbsentStore(1)
        world.store = store
        world.kafka.produce("a", "k", 1, 500_000)
        await world.assign(0)
        lane = world.lanes.lanes[0]
        store.away = True
        lane.put(world.batch("a", 0, 1), lambda: None)
        await settle()
        await lane.hold(within_s=0.01)
        assert not lane.pipeline.is_open
        (announced,) = lane.pipeline._publisher.entries  # type: ignore[attr-defined]
        log.entries, log.end = ((0, announced),), 1
        store.away = False
        offsets = await world.assign(0)
        assert set(offsets) == set(lane.partitions.values())
        await settle()
        assert world.lanes.lanes[0] is lane
        assert lane.pipeline.is_open
        assert lane.pipeline.counts.records == 1
        assert lane.pipeline.position("a").next_offset == 1

    run(scenario)


def test_a_stopped_lane_wants_nothing() -> None:
    """Whatever made a person necessary, nothing more is fetched for the lane."""

    async def scenario(world: World) -> None:
        await world.assign(0)
        lane = world.lanes.lanes[0]
        tp = lane.partitions["a"]
        assert lane.wants(tp)
        lane.stopped = "somebody has to look"
        assert not lane.wants(tp)

    run(scenario)


def test_a_topic_forgiven_during_a_save_stays_forgiven() -> None:
    """Somebody lets a paused topic be read on while another topic's save is under way: the save does not undo it."""

    async def scenario(world: World) -> None:
        store = AbsentStore(1)
        world.store = store
        world.kafka.produce("a", "k", 1, 500_000)
        await world.assign(0)
        pipeline = world.lanes.lanes[0].pipeline
        pipeline._memory.header = msgspec.structs.replace(pipeline.header, rejects={"b": (100, 1, 0)})
        store.away = True
        world.lanes.submit(world.batch("a", 0, 1), lambda: None)
        await settle()
        pipeline.forgive("b")
        store.away = False
        await asyncio.sleep(0.1)
        assert pipeline.position("a").next_offset == 1
        assert pipeline.header.rejects == {}

    run(scenario)


class Files:
    """Checkpoint files whose store may be away, and that can be held up."""

    def __init__(self) -> None:
        self.away = False
        self.go_on = asyncio.Event()
        self.restored = 0

    async def write(self, lane: int) -> None:
        await self.go_on.wait()
        if self.away:
            raise Unavailable("Redis is away")

    async def restore(self, lane: int) -> list[str] | None:
        self.restored += 1
        if self.restored < 3:
            raise Unavailable("Redis is away")
        return []


def test_a_checkpoint_that_cannot_be_written_is_left_for_later() -> None:
    """An absent store costs a checkpoint, not the worker; other lanes go on instead of waiting for their turn."""

    async def main() -> None:
        files = Files()
        files.away = True
        clock = itertools.count(0, 100)
        keeper = CheckpointKeeper(files, every_s=1, now_s=lambda: float(next(clock)))
        assert not keeper.due(0)
        assert not keeper.due(1)
        assert keeper.due(0)
        writing = asyncio.create_task(keeper.write(0))
        await settle()
        assert not keeper.due(1)
        files.go_on.set()
        await writing
        assert keeper.due(1)

    asyncio.run(main())


def test_a_restoration_is_tried_until_it_is_through() -> None:
    """A store that goes away while a checkpoint is taken back makes the lane wait."""

    async def scenario(world: World) -> None:
        files = Files()
        lane = world.make_lane(0, world.lanes)
        await lane._restore(CheckpointKeeper(files, every_s=0))
        assert files.restored == 3

    run(scenario)


def pipeline_on(world: World, log: JournalledLog, *, rebuild: bool) -> LanePipeline[Any, Any]:
    async def pause(attempt: int, reason: Unavailable) -> None:
        raise reason

    return LanePipeline(
        0, store=world.store, publisher=NoPublisher(), log=log, stepper=SimStepper(), topics=TOPICS, owner="me",
        new_token=lambda: "mine", pause=pause, rebuild=rebuild,
    )  # fmt: skip


def entry_of(token: str, previous: str, first: int) -> JournalEntry:
    return JournalEntry(0, "other", token, previous, "a", first, first + 1, 1_000, cluster_id="c")


@pytest.mark.parametrize("rebuild", [False, True])
def test_an_empty_store_is_not_begun_anew_when_the_journal_was_cut(rebuild: bool) -> None:
    """A lane with a past does not begin at nothing because the journal no longer tells it, `--rebuild` or not."""

    async def scenario(world: World) -> None:
        log = JournalledLog(world.kafka)
        log.entries, log.end = ((7, entry_of("t7", "t6", 7)),), 8
        pipeline = pipeline_on(world, log, rebuild=rebuild)
        with pytest.raises(LaneStopped, match="the store is empty"):
            await pipeline.open()
        log.entries = ()
        with pytest.raises(LaneStopped, match="the store is empty"):
            await pipeline.open()
        assert not pipeline.is_open

    run(scenario)


def test_an_owner_that_died_before_the_lanes_first_save_is_followed() -> None:
    """The first entry of a lane without its save needs nobody's decision: the save is made again."""

    async def scenario(world: World) -> None:
        world.kafka.produce("a", "k", 1, 500_000)
        log = JournalledLog(world.kafka)
        log.entries, log.end = ((0, entry_of("t0", "", 0)),), 1
        pipeline = pipeline_on(world, log, rebuild=False)
        await pipeline.open()
        assert pipeline.header.token == "t0"
        assert pipeline.position("a").next_offset == 1

    run(scenario)


def test_a_lane_that_cannot_follow_its_journal_is_closed() -> None:
    """When the records of an entry are gone, nothing of the lane is kept in memory."""

    class CutLog(JournalledLog):
        async def read(self, topic: str, partition: int, first: int, stop: int) -> Any:
            raise LaneStopped("the records are gone")

    async def scenario(world: World) -> None:
        log = CutLog(world.kafka)
        log.entries, log.end = ((0, entry_of("t0", "", 0)),), 1
        pipeline = pipeline_on(world, log, rebuild=True)
        with pytest.raises(LaneStopped, match="records are gone"):
            await pipeline.open()
        assert not pipeline.is_open

    run(scenario)


def test_a_store_older_than_its_journal_stops_the_lane() -> None:
    """A store that lost more than the journal still tells cannot be brought forward: the lane stops and says so."""

    async def scenario(world: World) -> None:
        world.log = log = JournalledLog(world.kafka)
        world.kafka.produce("a", "k", 1, 500_000)
        await world.assign(0)
        lane = world.lanes.lanes[0]
        lane.put(world.batch("a", 0, 1), lambda: None)
        await settle()
        log.entries, log.end = ((7, entry_of("t7", "t6", 7)),), 8
        lane.open_again()
        await settle()
        assert "the store is older than the journal's retention" in (lane.stopped or "")

    run(scenario)


def test_a_lane_whose_journal_names_rules_of_others_opens_once_they_are_known() -> None:
    """What stopped it is looked for anew, also past a Redis that is away for a moment; without news it stays stopped."""

    async def scenario(world: World) -> None:
        answers: list[bool | Unavailable] = [Unavailable("Redis is away"), True]

        asked = asyncio.Event()

        async def refresh() -> bool:
            answer = answers.pop(0)
            if not answers:
                asked.set()
            if isinstance(answer, Unavailable):
                raise answer
            world.log.stopped = None if answer else world.log.stopped
            return answer

        for news, is_open in ((answers, True), ([False], False)):
            answers[:] = news
            world.log.stopped = "the journal has saves made under rules that are not to be found"
            lane = world.make_lane(0, world.lanes)
            lane._refresh_rules = refresh
            lane.start(world.consumer)  # type: ignore[arg-type]
            await asked.wait()
            asked.clear()
            await settle()
            assert (lane.pipeline.is_open, lane.stopped is None) == (is_open, is_open)
            await lane.close(0.1)

    run(scenario)
