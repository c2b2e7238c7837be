"""The operator's sender, simulated: it reads whom to tell what on `cem.outreach`, for the world to deliver and to answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer

from cem.simulator.errands import Errand, errand_of
from cem.streams.tail import Bounds, follow_for_ever, tail_of
from cem.streams.topics import OUTREACH

__all__ = ["Messenger"]


class Messenger:
    """Follows `cem.outreach` from what is still there of it; the same message may be handed out twice."""

    def __init__(
        self,
        options: Mapping[str, Any],
        lanes: int,
        *,
        note: Callable[[str], None] = lambda message: None,
    ) -> None:
        """Take aiokafka's connection `options`; `note` hears when Kafka cannot be read, and when it can again."""
        self._options = dict(options)
        self._lanes = lanes
        self._note = note
        self._next: dict[int, int] = {}
        self._found: list[Errand] = []

    def take(self) -> list[Errand]:
        """Return what has been asked for since the last call."""
        found, self._found = self._found, []
        return found

    async def run(self) -> None:
        """Read until cancelled; while Kafka is away, try again."""
        await follow_for_ever(
            self._connected,
            self._follow,
            away=lambda said: self._note(
                f"{OUTREACH} cannot be read ({said}); nobody is told anything until it can"
            ),
            back=lambda: self._note("messages to customers are delivered again"),
        )

    async def _connected(self) -> AIOKafkaConsumer:
        consumer, _ = await tail_of(
            OUTREACH, self._lanes, self._options, from_=self._begins, reset="earliest"
        )
        return consumer

    def _begins(self, bounds: Bounds) -> dict[int, int]:
        at = self._next
        return {
            n: at.get(n, first) if at.get(n, first) <= end else first for n, (first, end) in bounds.items()
        }

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            batches = await consumer.getmany(timeout_ms=1000)
            for tp, records in batches.items():
                for record in records:
                    if (errand := errand_of(record)) is not None:
                        self._found.append(errand)
                if records:
                    self._next[tp.partition] = records[-1].offset + 1
