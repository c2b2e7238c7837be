"""The thread that owns aiokafka's consumer: how it is made, and which partitions a failed fetch is about."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

import aiokafka
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.errors import ConsumerStoppedError, IllegalStateError, TopicAuthorizationFailedError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

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

    async def _fetch_records(self, consumer: aiokafka.AIOKafkaConsumer, *args: Any, **kwargs: Any) -> Any:
        """Return what the fetcher has. Raises FetchFailed where partitions can be named that cannot be read."""
        use_log_records(consumer._fetcher)
        try:
            return await super()._fetch_records(consumer, *args, **kwargs)
        except (ConsumerStoppedError, IllegalStateError):
            raise
        except Exception as error:
            if found := _culprits(error, consumer):
                raise FetchFailed(error, found) from error
            raise

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = self.consumer
        settings, conf = consumer.settings, self.app.conf
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
