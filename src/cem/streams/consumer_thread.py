"""The thread that owns aiokafka's consumer: how it is made, and which partitions a failed fetch is about."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import Mapping
from typing import Any, cast

import aiokafka
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.errors import ConsumerStoppedError, IllegalStateError, TopicAuthorizationFailedError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.threads import QueuedMethod

from cem.streams.fetch_calm import use_calm
from cem.streams.fetch_codec import use_fast_fetches
from cem.streams.fetch_linger import use_linger
from cem.streams.fetch_rounds import use_rounds
from cem.streams.records import use_log_records

__all__ = ["FETCH_WAIT_MS", "ConsumerThread", "FetchFailed"]

#: Longest wait of the broker for new records; also bounds how old the known end of an idle partition is.
FETCH_WAIT_MS = 250


class FetchFailed(Exception):
    """What some partitions have next cannot be read, ever."""

    def __init__(self, error: Exception, partitions: set[TP]) -> None:
        super().__init__(f"{error!r} in {partitions}")
        self.error = error
        self.partitions = partitions


def _culprits(error: Exception, consumer: aiokafka.AIOKafkaConsumer) -> set[TP]:
    """Return the partitions that a failed fetch is about; aiokafka says so in a way of its own for each error."""
    found: set[Any] = set()
    for argument in error.args:
        if isinstance(argument, aiokafka.TopicPartition):
            found.add(argument)
        elif isinstance(argument, Mapping):  # offsets out of range
            found.update(argument)
        elif isinstance(error, TopicAuthorizationFailedError):
            topics = {argument} if isinstance(argument, str) else set(argument)
            found.update(tp for tp in consumer.assignment() if tp.topic in topics)
    # A batch that cannot be unpacked ends its iterator and stays where it is.
    for tp, result in list(consumer._fetcher._records.items()):
        records = getattr(result, "_partition_records", None)
        unpacking = getattr(records, "_records_iterator", None)
        if unpacking is not None and inspect.getgeneratorstate(unpacking) == inspect.GEN_CLOSED:
            found.add(tp)
    return {TP(tp.topic, tp.partition) for tp in found if isinstance(tp, aiokafka.TopicPartition)}


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread that owns aiokafka's consumer, made with our own connection options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Of each partition, the number of the seek that its fetches come after.
        self._epochs: dict[TP, int] = {}
        #: What counts as fetching from when partitions are taken away until the next ones are there.
        self._rebalance = contextlib.ExitStack()
        #: Whatever takes records from the fetcher now: nothing else keeps the task.
        self._fetching: asyncio.Task[Any] | None = None

    async def on_start(self) -> None:
        """Connect, and fetch in our own way from the first fetch on."""
        await super().on_start()
        fetcher = self._ensure_consumer()._fetcher
        use_calm(fetcher)
        use_rounds(fetcher)
        use_linger(fetcher, min(self.consumer.settings.linger_ms, FETCH_WAIT_MS))

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Have the partitions taken away; the wait for the next ones counts as fetching.

        aiokafka does not join the group again for a consumer that has not fetched for `max_poll_interval_s`, and Faust
        does not fetch before it has joined: after a rebalance in which Kafka was away for so long each would wait for
        the other, for ever.
        """
        self._rebalance.close()
        self._rebalance.enter_context(self._ensure_consumer()._subscription.fetch_context())
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Have the partitions taken over."""
        try:
            await super().on_partitions_assigned(assigned, generation_id)
        finally:
            self._rebalance.close()

    def polled(self) -> None:
        """Count as fetching that nothing could be taken: lanes that wait for a server are no reason to leave the group.

        Called from the thread of the lanes: whether that one goes round is what is asked.
        """
        if self._consumer is not None:
            self._consumer._subscription._last_fetch_ended = time.monotonic()

    async def getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109
        """Return what `_fetch_records` does, in this thread; without Faust's queue of calls, where each is waited for by three tasks."""
        consumer, promise = self._ensure_consumer(), self.parent_loop.create_future()
        call = QueuedMethod(
            promise,
            self._fetch_records,
            (consumer, active_partitions),
            {"timeout": timeout, "max_records": consumer._max_poll_records},
        )
        self.thread_loop.call_soon_threadsafe(self._begin, call)
        return await promise

    def _begin(self, call: QueuedMethod) -> None:
        self._fetching = self.thread_loop.create_task(self.method_queue._process_enqueued(call))

    async def seek_lanes(self, offsets: Mapping[TP, int], epochs: Mapping[TP, int]) -> None:
        """Fetch from `offsets` on; what is fetched from now on comes after the seeks of these numbers."""
        await self.call_thread(self._seek_lanes, self._ensure_consumer(), offsets, epochs)

    async def _seek_lanes(
        self, consumer: aiokafka.AIOKafkaConsumer, offsets: Mapping[TP, int], epochs: Mapping[TP, int]
    ) -> None:
        for tp, offset in offsets.items():
            consumer.seek(aiokafka.TopicPartition(tp.topic, tp.partition), offset)
            self._epochs[tp] = epochs[tp]

    async def _fetch_records(self, consumer: aiokafka.AIOKafkaConsumer, *args: Any, **kwargs: Any) -> Any:
        """Return (number of the seek, records) by partition. Raises FetchFailed for those that cannot be read.

        A fetch may wait here while a partition is sought, and then bring what follows the seek. Only this thread knows
        which it was; who dropped such records as fetched before the seek would lose them, for nothing fetches them
        again.
        """
        use_log_records(consumer._fetcher)
        try:
            fetched = await super()._fetch_records(consumer, *args, **kwargs)
            epochs = self._epochs
            return {tp: (epochs.get(TP(tp.topic, tp.partition), 0), found) for tp, found in fetched.items()}
        except (ConsumerStoppedError, IllegalStateError):
            raise
        except Exception as error:
            if found := _culprits(error, consumer):
                raise FetchFailed(error, found) from error
            raise

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = self.consumer
        settings, conf = consumer.settings, self.app.conf
        use_fast_fetches()
        # Faust's own assignor keeps the partitions of one number together; aiokafka's RoundRobin does not.
        self._assignor = cast(AbstractPartitionAssignor, self.app.assignor)
        return aiokafka.AIOKafkaConsumer(
            **consumer.options,
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=settings.worker_id or None,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            # An offset that Kafka no longer has must stop the lane, not skip to the next one that is there.
            auto_offset_reset="none",
            max_poll_records=settings.max_poll_records,
            max_poll_interval_ms=int(settings.max_poll_interval_s * 1000),
            session_timeout_ms=int(settings.session_timeout_s * 1000),
            rebalance_timeout_ms=int(settings.max_poll_interval_s * 1000),
            heartbeat_interval_ms=int(settings.session_timeout_s * 1000 / 5),
            request_timeout_ms=int(max(40.0, settings.session_timeout_s * 2) * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            check_crcs=True,
        )
