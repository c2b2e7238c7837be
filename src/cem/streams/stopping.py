"""Ending an aiokafka producer in bounded time: its own `stop` waits for an absent Kafka for ever."""

from __future__ import annotations

import asyncio
import contextlib

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

__all__ = ["stop_producer"]


async def stop_producer(producer: AIOKafkaProducer, *, within_s: float) -> None:
    """Return when the producer is stopped and nothing of it is left running, after twice `within_s` at most."""
    try:
        async with asyncio.timeout(within_s):
            await producer.stop()
    except (TimeoutError, KafkaError):
        # aiokafka is stuck in its own retries: take the connections away and let its tasks go.
        sender = producer._sender.sender_task
        if sender is not None:
            sender.cancel()
        with contextlib.suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(within_s):
                await producer.client.close()
