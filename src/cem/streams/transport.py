"""Faust's aiokafka transport, taught to hand over whole partition batches and to start where the store says.

Plain Faust makes an event of every record, seeks to Kafka's committed offsets whenever it likes, and counts commits
by record. Here

* what a fetch brought for a partition is one event, a `Batch` (`Consumer._getmany`);
* every seek goes where the lanes say (`Consumer.seek_to_committed`, which Faust calls from `perform_seek`, after each
  assignment and after each stopped flow), and batches fetched before a seek are dropped by their epoch;
* the offset to commit is the end of the last batch acknowledged: batches of a partition are acknowledged in order,
  and the commit only serves the lag that other tools show;
* nothing is fetched for a partition whose lane still has batches to do, and while the worker is not behind it lingers
  between fetches, for small batches cost as much as large ones; the broker lingers for it (`fetch_linger.py`).
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, cast

import aiokafka
from aiokafka.errors import (
    IllegalStateError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.services import WaitResults

from cem.ports import LaneStopped, Record
from cem.settings import Settings
from cem.streams.at_once import Started
from cem.streams.consumer_thread import ConsumerThread, FetchFailed
from cem.streams.refusals import as_stop, from_kafka

__all__ = ["Batch", "Consumer", "Lanes", "Transport", "make_transport"]

logger = logging.getLogger(__name__)

#: Nothing is wrong with the partition's records, only with where they are read from: the log begins later, or the
#: partition was given to us anew under a fetch that was going on and has no position before it is sought.
_MISPLACED = (OffsetOutOfRangeError, NoOffsetForPartitionError)


class Batch:
    """Consecutive records of one partition, shaped like the single record that Faust expects.

    `offset` is the last record's: that is what an acknowledgement commits up to. `others` are batches of other
    partitions of the topic that the same fetch brought, where lanes are to begin together (see `Consumer._grouped`).
    """

    __slots__ = (
        "checksum",
        "epoch",
        "first",
        "headers",
        "key",
        "offset",
        "others",
        "partition",
        "records",
        "serialized_key_size",
        "serialized_value_size",
        "timestamp",
        "timestamp_type",
        "topic",
        "value",
    )

    def __init__(self, records: Sequence[Record], first: int, epoch: int) -> None:
        last = cast(Any, records[-1])
        self.topic: str = last.topic
        self.partition: int = last.partition
        self.offset: int = last.offset
        self.timestamp: int = last.timestamp
        self.timestamp_type: int = last.timestamp_type
        self.headers = ()
        self.key = None
        #: Faust passes the value through its codec; ours is the batch itself.
        self.value = self
        self.checksum = None
        self.serialized_key_size = 0
        self.serialized_value_size = 0
        #: Where the fetch began: nothing between here and the first record was left out by us.
        self.first = first
        self.epoch = epoch
        self.records = records
        self.others: list[Batch] = []


class Lanes(Protocol):
    """What the transport asks of the lanes."""

    async def assigned(self, partitions: set[TP], consumer: Consumer) -> Mapping[TP, int]:
        """Take over the partitions of an assignment and return where each is to be read from."""

    def wants(self, tp: TP) -> bool:
        """Tell whether the lane can take another batch of the partition now."""

    def unreadable(self, tp: TP, reason: LaneStopped) -> None:
        """Take note that the partition's next records cannot be had, and why."""

    def misplaced(self, tp: TP) -> None:
        """Take note that the partition has no such offset as it is read from, or is read from nowhere yet."""

    def all_read(self) -> bool:
        """Tell whether, as far as known, nothing is left to read (so that lingering is free)."""


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer with batches, lanes' positions and lingering."""

    lanes: ClassVar[Lanes]
    linger_s: ClassVar[float]
    options: ClassVar[Mapping[str, Any]]
    settings: ClassVar[Settings]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._epochs: dict[TP, int] = {}
        self._next: dict[TP, int] = {}
        #: Partitions whose seek is not known to be done.
        self._seeking: set[TP] = set()
        #: Where the fetch stands of partitions that had no records left: behind what is no record (see `read_to`).
        self._passed: dict[TP, int] = {}
        self._fetched_at = 0.0
        self._handed_over_at = time.monotonic()

    # -- fetching ----------------------------------------------------------------------------------------------

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109
        wants = self.lanes.wants
        wanted = {
            tp for tp in active_partitions or () if tp in self._next and tp not in self._seeking and wants(tp)
        }
        if self.lanes.all_read():
            pause = self._fetched_at + self.linger_s - time.monotonic()
            if pause > 0:
                await asyncio.sleep(pause)
        if not wanted:
            # An empty set means "all" to aiokafka.
            cast(ConsumerThread, self._thread).polled()
            await asyncio.sleep(0.002)
            return {}
        epochs = {tp: self._epochs.get(tp, 0) for tp in wanted}
        # Data of a partition that was busy a moment ago lies in the fetcher, and nothing announces it again.
        busy = len(wanted) < len(active_partitions or ())
        try:
            fetched = await super()._getmany(wanted, 0.01 if busy else timeout)
        except FetchFailed as failed:
            await self._refused(failed, wanted)
            return {}
        self._fetched_at = time.monotonic()
        batches = {}
        for tp, (epoch, records) in fetched.items():
            tp = TP(tp.topic, tp.partition)
            first = self._next.get(tp)
            if not records or first is None or epoch != self.epoch(tp):
                continue  # fetched before the last seek: it comes again
            batches[tp] = Batch(records, first, epoch)
            self._next[tp] = records[-1].offset + 1
            self._handed_over_at = self._fetched_at
        states = self._fetch_states()
        for tp in wanted:
            if tp not in batches and tp not in self._seeking and self._epochs.get(tp, 0) == epochs[tp]:
                state = states.get(tp)
                self._passed[tp] = 0 if state is None else state._position or 0
        return {tp: [batch] for tp, batch in self._grouped(batches).items()}

    def _grouped(self, batches: dict[TP, Batch]) -> dict[TP, Batch]:
        """Return the batches that Faust is to hand over; while no lane is behind, one a topic, which has the others.

        Faust hands one batch after the other to an agent, one in a turn of the event loop. Were each lane to begin as
        its batch comes, the first would ask Kafka for its journal entry alone, the others when that is answered, and so
        through save and acknowledgement: two to three times the requests, wake-ups and turns for the same batches.
        Lanes that are behind are not to wait for Kafka and Redis all at the same time.
        """
        if len(batches) < 2 or not self.lanes.all_read():
            return batches
        heads: dict[str, Batch] = {}
        handed_over: dict[TP, Batch] = {}
        for tp, batch in batches.items():
            head = heads.setdefault(tp.topic, batch)
            if head is batch:
                handed_over[tp] = batch
            else:
                head.others.append(batch)
        return handed_over

    async def _refused(self, failed: FetchFailed, wanted: set[TP]) -> None:
        """Stop or reopen the lanes of the partitions that failed; let the others lose nothing by it.

        What had been taken for the others went with the error: they are read again from where they were.
        """
        again = {
            tp: at for tp in wanted - failed.partitions if (at := self._next.get(tp)) is not None
            and self._fetch_position(tp) != at
        }  # fmt: skip
        for tp in failed.partitions:
            at = self._next.pop(tp, None)
            if isinstance(failed.error, _MISPLACED):
                self.lanes.misplaced(tp)
            else:
                what = f"lane {tp.partition}: {tp.topic}[{tp.partition}] cannot be read from offset {at}"
                reason = from_kafka(failed.error, what)
                self.lanes.unreadable(tp, as_stop(reason))
        if again:
            try:
                await self._seek_to(again)
            except IllegalStateError as error:
                logger.info("not sought, the assignment is changing: %s", error)

    def coming(self, tp: TP, within_s: float) -> bool:
        """Tell whether records of the partition wait in the fetcher, and any have been handed over lately."""
        consumer = cast(ConsumerThread, self._thread)._consumer
        if consumer is None or time.monotonic() - self._handed_over_at > within_s:
            return False
        return aiokafka.TopicPartition(tp.topic, tp.partition) in consumer._fetcher._records

    def _fetch_states(self) -> Mapping[TP, Any]:
        """Return aiokafka's state of each partition; none while the assignment is changing."""
        try:
            # As a tuple, Faust's partition is aiokafka's; its methods would look a state up four times.
            states: Mapping[TP, Any] = self._thread._consumer._subscription.subscription.assignment._tp_state
            return states
        except AttributeError:  # no consumer, subscription or assignment
            return {}

    def _fetch_position(self, tp: TP) -> int:
        state = self._fetch_states().get(tp)
        return 0 if state is None else state._position or 0

    def read_to(self, tp: TP, position: int) -> int:
        """Return how far the partition has been read by a lane that applied everything before `position`.

        That is further than `position` where no records follow but offsets do: markers of transactions, and what
        compaction took.
        """
        following = self._next.get(tp)
        if following is None or position < following:
            return position
        return max(position, self._passed.get(tp, 0))

    # -- positions ---------------------------------------------------------------------------------------------

    async def perform_seek(self) -> None:
        """Seek every assigned partition to its lane's position, and do nothing else.

        Faust goes on to note the positions as the offsets that it read last, below which it drops what comes. By then
        a lane may have been opened, and sought further back: its first batches would be dropped, and with them those
        of other lanes that came along.
        """
        await self.seek_to_committed()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek every assigned partition to its lane's position; called by Faust wherever it would use Kafka's."""
        assignment = {TP(tp.topic, tp.partition) for tp in self.assignment()}
        offsets = await self.lanes.assigned(assignment, self)
        await self.seek_lanes(offsets)
        return offsets

    async def seek_lanes(self, offsets: Mapping[TP, int]) -> None:
        """Fetch from `offsets` on; whatever was fetched before is dropped.

        While partitions are being taken away nothing can be sought: then nothing is handed over either, until the
        next assignment, which seeks again.
        """
        if not offsets:
            return
        for tp, offset in offsets.items():
            self._epochs[tp] = self.epoch(tp) + 1
            # At once: a fetch that is under way may bring what follows the seek before we hear that it is done.
            self._next[tp] = offset
            self._passed.pop(tp, None)
            self._acked.pop(tp, None)
            self._acked_index.pop(tp, None)
            self._committed_offset.pop(tp, None)
            # Faust drops what lies before its own idea of a position, with all that comes along; epochs are for that.
            self._read_offset[tp] = None
        self._seeking.update(offsets)
        epochs = {tp: self.epoch(tp) for tp in offsets}
        try:
            await self._seek_to(offsets)
        except IllegalStateError as error:
            logger.info("not sought, the assignment is changing: %s", error)
            for tp, epoch in epochs.items():
                if epoch == self.epoch(tp):
                    self._next.pop(tp, None)
        # Not those that have been sought again meanwhile. Whoever is cancelled here is followed by another seek.
        self._seeking.difference_update([tp for tp, epoch in epochs.items() if epoch == self.epoch(tp)])

    async def _seek_to(self, offsets: Mapping[TP, int]) -> None:
        """Have the fetch of each partition go on at its offset, as of the partition's last seek."""
        await cast(ConsumerThread, self._thread).seek_lanes(offsets, {tp: self.epoch(tp) for tp in offsets})

    def epoch(self, tp: TP) -> int:
        """Return the number of the last seek of the partition."""
        return self._epochs.get(tp, 0)

    def known_end(self, tp: TP) -> tuple[int | None, int]:
        """Return the partition's end offset as last heard from the broker, and when it was asked (wall, ms)."""
        # Noted by `fetch_rounds`; in one piece, for another thread notes it.
        known: tuple[int | None, int] = getattr(self._fetch_states().get(tp), "known_end", (None, 0))
        return known

    async def sleep(self, n: Any) -> None:
        """Sleep as Faust does; where it only gives way to others, as before each fetch, without a task and a timer."""
        await (super().sleep(n) if n else asyncio.sleep(0))

    async def verify_all_partitions_active(self) -> None:
        """Do nothing: Faust only logs partitions that stand still; `cem.streams.watchdog` acts."""

    async def wait_first(self, *coros: Any, timeout: Any = None) -> WaitResults:  # noqa: ASYNC109
        """Wait for the first of them, as Faust does; without a task for any if the first one is over at once.

        Nothing else runs meanwhile, so whoever is stopped, or has its flow suspended, finds that out before or after.
        """
        first = coros[0]
        if (
            timeout is None
            and inspect.iscoroutine(first)
            and not (self._stopped.is_set() or self._crashed.is_set())
        ):
            try:
                started = Started(first)
            except BaseException:
                _close(coros[1:])
                raise
            if started.over:
                _close(coros[1:])
                return WaitResults([first], [started.result], False)
            coros = (started, *coros[1:])
        return await super().wait_first(*coros, timeout=timeout)

    # -- what is committed -------------------------------------------------------------------------------------

    def acknowledge(self, batch: Batch) -> None:
        """Count a batch that came along with another as done, as Faust does for the one it handed over."""
        tp = TP(batch.topic, batch.partition)
        index = self._acked_index[tp]
        if batch.offset not in index:
            index.add(batch.offset)
            self._acked[tp].append(batch.offset)
            self._n_acked += 1

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: a batch's offset jumps over those of its other records."""

    def _new_offset(self, tp: TP) -> int | None:
        acked = self._acked[tp]
        if not acked:
            return None
        offset = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return int(offset) + 1


def _close(awaitables: Sequence[Any]) -> None:
    """Close those that are coroutines: nobody will await them."""
    for awaitable in awaitables:
        if inspect.iscoroutine(awaitable):
            awaitable.close()


class Transport(driver.Transport):  # type: ignore[misc]
    """Faust's transport with our consumer."""

    Consumer: ClassVar[type[Consumer]]


def make_transport(app: Any, lanes: Lanes, settings: Settings, options: Mapping[str, Any]) -> Transport:
    """Return a transport for `app` whose consumer reads for `lanes`."""

    class LaneConsumer(Consumer):
        pass

    LaneConsumer.lanes = lanes
    LaneConsumer.linger_s = settings.linger_ms / 1000
    LaneConsumer.options = dict(options)
    LaneConsumer.settings = settings

    class LaneTransport(Transport):
        pass

    LaneTransport.Consumer = LaneConsumer
    return LaneTransport(app.conf.broker, app, loop=None)
