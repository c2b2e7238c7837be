"""Publishing single records from an event loop that has other things to do: librdkafka packs and sends in C.

aiokafka spends more of an API process on a decision's record than the decision costs: with as many partitions as lanes
hardly two records share a batch, and each batch is packed, framed and read back in Python. Here a record is handed over
in a call of some microseconds, other threads do the rest without holding up the loop, and what was acknowledged is
collected with the next record, or by looking every four milliseconds while something is awaited.

Idempotent, acknowledged by all in-sync replicas, never without a deadline. For processes that own no lanes: a lane's
publisher (`cem.streams.publisher`) takes care of its journal as well.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from aiokafka.errors import for_code
from confluent_kafka import KafkaError, KafkaException, Producer

from cem.ports import Emission, LaneStopped, Unavailable
from cem.streams.refusals import from_kafka
from cem.streams.topics import MAX_OUTPUT_BYTES

__all__ = ["RecordPublisher"]

_log = logging.getLogger(__name__)

#: How often acknowledgements are looked for (s): at once after the last one, and when none has come for a while.
_SOON_S: Final = 0.004
_LATER_S: Final = 0.02
_SOON_FOR_S: Final = 0.1
_STOP_S: Final = 2.0


class RecordPublisher:
    """Publishes and waits for the acknowledgement of all in-sync replicas. To be used by one event loop."""

    def __init__(
        self,
        options: Mapping[str, Any],
        *,
        deadline_s: float = 10.0,
        max_request_bytes: int = MAX_OUTPUT_BYTES,
    ) -> None:
        """Take librdkafka's connection `options`; connects at the first use.

        deadline_s: longest wait for an acknowledgement.
        """
        self._options = {
            **options,
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 0,
            "delivery.timeout.ms": int(deadline_s * 1000),
            "message.max.bytes": max_request_bytes,
            "error_cb": self._noted,
        }
        self._deadline_s = deadline_s
        self._producer: Producer | None = None
        #: The producer has met an error after which it sends nothing any more.
        self._broken = False
        self._awaited = 0
        self._looking: asyncio.TimerHandle | None = None
        #: The loop's time of the last acknowledgement, or of the first record that waits for one.
        self._heard_s = 0.0
        #: Why the broker cannot be reached or refuses us, as far as is known: what times out does not say.
        self._trouble: KafkaError | None = None

    async def publish(self, emissions: Sequence[Emission]) -> None:
        """Return when all in-sync replicas have all of `emissions`. Raises Unavailable, LaneStopped; then some may be there."""
        if not emissions:
            await self._connected(self._producer or self._started())
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left = len(emissions)

        def delivered(error: KafkaException | None) -> None:
            nonlocal left
            left -= 1
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            elif not left:
                future.set_result(None)

        for e in emissions:
            self._hand_over(e, delivered)
        try:
            await future
        except KafkaException as error:
            raise self._unacknowledged(error, len(emissions), emissions[0].topic) from error

    def post(self, emission: Emission, done: Callable[[Unavailable | LaneStopped | None], None]) -> None:
        """Hand one record over; later, or at once, `done` is told None when all in-sync replicas have it, or why not."""

        def delivered(error: KafkaException | None) -> None:
            done(None if error is None else self._unacknowledged(error, 1, emission.topic))

        try:
            self._hand_over(emission, delivered)
        except (Unavailable, LaneStopped) as error:
            done(error)
            return
        if self._producer is not None:
            # What was acknowledged meanwhile need not wait for the next look.
            self._take_in(self._producer)

    async def stop(self) -> None:
        """Close the connection; gives up what is unacknowledged after two seconds."""
        producer, self._producer = self._producer, None
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        if producer is not None:
            until = asyncio.get_running_loop().time() + _STOP_S
            while self._awaited and asyncio.get_running_loop().time() < until:
                self._take_in(producer)
                await asyncio.sleep(_SOON_S)
            if self._awaited:
                producer.purge()
                self._take_in(producer)

    def _hand_over(self, e: Emission, delivered: Callable[[KafkaException | None], None]) -> None:
        """Have the producer send the record; `delivered` is told what became of it. Raises Unavailable, LaneStopped."""
        producer = self._producer or self._started()
        placed = {} if e.partition is None else {"partition": e.partition}
        try:
            producer.produce(
                e.topic,
                value=e.value,
                key=e.key,
                headers=list(e.headers),
                on_delivery=partial(self._delivered, delivered),
                **placed,
            )
        except BufferError:
            delivered(KafkaException(None))
            return
        except KafkaException as error:
            if error.args[0].code() == KafkaError._FATAL:
                self._broken = True
                self._look_soon()
            delivered(error)
            return
        if not self._awaited:
            self._heard_s = asyncio.get_running_loop().time()
        self._awaited += 1
        self._look_soon()

    def _look_soon(self) -> None:
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(_SOON_S, self._look)

    def _started(self) -> Producer:
        self._trouble = None
        try:
            self._producer = Producer(self._options, logger=_log)
        except KafkaException as error:
            raise self._reason(error, "Kafka cannot be reached for publishing") from error
        return self._producer

    async def _connected(self, producer: Producer) -> None:
        try:
            await asyncio.to_thread(producer.list_topics, timeout=self._deadline_s)
        except KafkaException as error:
            raise self._reason(error, "Kafka cannot be reached for publishing") from error

    def _look(self) -> None:
        """Take in what was acknowledged, and look again while something is awaited."""
        self._looking = None
        producer = self._producer
        if producer is None:
            return
        before = self._awaited
        self._take_in(producer)
        if self._broken:
            # What waits in it is given back as failed, here or at the next look; then there will be a new one.
            producer.purge()
            self._take_in(producer)
            if not self._awaited:
                self._producer, self._broken = None, False
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        if self._awaited != before:
            self._heard_s = now_s
        if self._awaited:
            soon = now_s - self._heard_s < _SOON_FOR_S
            self._looking = loop.call_later(_SOON_S if soon else _LATER_S, self._look)

    def _take_in(self, producer: Producer) -> None:
        """Tell what was acknowledged or refused. An error after which a producer sends nothing is raised here alone."""
        try:
            producer.poll(0)
        except KafkaException as exception:
            error: KafkaError = exception.args[0]
            self._noted(error)
            if error.fatal():
                self._broken = True
                self._look_soon()

    def _delivered(
        self, told: Callable[[KafkaException | None], None], error: KafkaError | None, message: object
    ) -> None:
        # In the loop's own thread: librdkafka calls back from within `poll`.
        self._awaited -= 1
        if error is None:
            self._trouble = None
            told(None)
        else:
            told(KafkaException(error))

    def _noted(self, error: KafkaError) -> None:
        self._trouble = error

    def _unacknowledged(self, error: KafkaException, records: int, topic: str) -> Unavailable | LaneStopped:
        return self._reason(error, f"Kafka has not acknowledged {records} record(s) for {topic}")

    def _reason(self, exception: KafkaException, what: str) -> Unavailable | LaneStopped:
        """Return what the error means to who wanted to publish."""
        error: KafkaError | None = exception.args[0]
        if error is None:
            return Unavailable(f"{what}: too many records wait already")
        if error.code() < 0 and self._trouble is not None:
            error = self._trouble
        if error.code() == KafkaError._AUTHENTICATION:
            said = f"{what}: {error.str()} (check CEM_KAFKA_USERNAME and CEM_KAFKA_PASSWORD)"
            return Unavailable(said, retryable=False)
        if error.code() > 0:
            return from_kafka(for_code(error.code())(error.str()), what)
        return Unavailable(f"{what}: {error.str()}")
