"""Starting and ending aiokafka's clients so that nothing of them is left: its own `start` and `stop` leave things behind.

A client that is thrown away while it is connected is closed by the collector of garbage, which may take the task that
reads its connection apart first: aiokafka then logs "cannot reuse already awaited coroutine".
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Coroutine
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

__all__ = ["start_client", "stop_consumer", "stop_producer"]

#: What is being ended: nothing else keeps these tasks when their caller is cancelled.
_ending: set[asyncio.Task[None]] = set()


async def start_client(client: AIOKafkaConsumer | AIOKafkaProducer | AIOKafkaAdminClient) -> None:
    """Start the client. Raises what its `start` raises; whoever is called off leaves no connection open.

    aiokafka forgets the connection over which it asks for the cluster when it is called off before the answer.
    """
    try:
        await client.start()
    except BaseException as error:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            connection = frame.f_locals.get("bootstrap_conn")
            if connection is not None:
                connection.close()
        raise


async def stop_producer(producer: AIOKafkaProducer, *, within_s: float) -> None:
    """Return when the producer is stopped and nothing of it is left running, after twice `within_s` at most.

    Whoever is cancelled meanwhile leaves that to a task of its own.
    """
    await _to_its_end(_stopped_producer(producer, within_s))


async def stop_consumer(consumer: AIOKafkaConsumer, *, within_s: float) -> None:
    """Return when the consumer is stopped and its connections are closed, after twice `within_s` at most.

    Whoever is cancelled meanwhile leaves that to a task of its own.
    """
    await _to_its_end(_stopped_consumer(consumer, within_s))


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    _ending.add(task)
    task.add_done_callback(_ending.discard)
    await asyncio.shield(task)


async def _stopped_producer(producer: AIOKafkaProducer, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await producer.stop()
    except (TimeoutError, KafkaError):
        # aiokafka is stuck in its own retries: take the connections away and let its tasks go.
        sender = producer._sender.sender_task
        if sender is not None:
            sender.cancel()
        # Its closing waits for all that is not acknowledged.
        waiting = producer._message_accumulator
        for batch in chain(*waiting._batches.values(), waiting._pending_batches):
            batch.future.cancel()
        with contextlib.suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(within_s):
                await producer.client.close()


async def _stopped_consumer(consumer: AIOKafkaConsumer, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await consumer.stop()
    except (TimeoutError, KafkaError, OSError, asyncio.CancelledError):
        # A fetch that rests after a failure is cancelled, which aiokafka passes on as if its caller were; connections
        # and the task that keeps up its metadata are then left as they are.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        with contextlib.suppress(TimeoutError, KafkaError, OSError):
            async with asyncio.timeout(within_s):
                await consumer._client.close()
