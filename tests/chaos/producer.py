"""Writes a load in the background while faults happen, and tries again for as long as the broker is away."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from cem.ports import Unavailable
from cem.streams.producer import EventProducer
from tests.chaos.load import Load
from tests.servers.child import wait_until

__all__ = ["BackgroundProducer"]


class BackgroundProducer:
    """A thread that writes `load`. As a context manager it stops at the end, when everything begun is in the log."""

    def __init__(
        self,
        load: Load,
        options: Mapping[str, Any],
        *,
        rate: float = 2_000.0,
        chunk: int = 200,
        total: int | None = None,
        give_up_s: float = 120.0,
    ) -> None:
        """Take aiokafka's connection `options`; nothing is written before `start`.

        rate: records a second at most; 0: as many as it can.
        chunk: records that are acknowledged together.
        total: how many to write; None: until it is stopped.
        give_up_s: how long the broker may be away once a stop is wanted.
        """
        self.load = load
        self.rate = rate
        self.total = total
        #: Records written and acknowledged, copies included.
        self.written = 0
        #: How often a chunk had to be written again because its outcome was unknown.
        self.retries = 0
        self._options = dict(options)
        self._chunk = chunk
        self._give_up_s = give_up_s
        self._stop_wanted = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="chaos-producer", daemon=True)

    def start(self) -> Self:
        """Begin to write."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Return when what was begun is acknowledged. Raises what ended the thread."""
        self._stop_wanted.set()
        self.join()

    def join(self) -> None:
        """Return when `total` records are acknowledged. Raises what ended the thread."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    @property
    def running(self) -> bool:
        """Whether it still writes."""
        return self._thread.is_alive()

    def wait_written(self, count: int, within_s: float = 60.0) -> None:
        """Return when at least `count` records are acknowledged."""
        wait_until(
            lambda: self.written >= count or not self.running,
            timeout_s=within_s,
            what=f"{count} records written",
        )
        assert self.written >= count or self._failure is None, self._failure

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.stop()
        else:
            self._give_up_s = 0.0
            self._stop_wanted.set()
            self._thread.join(30)

    def _run(self) -> None:
        try:
            asyncio.run(self._write())
        except BaseException as error:
            self._failure = error

    async def _write(self) -> None:
        producer: EventProducer | None = None
        began = time.monotonic()
        try:
            while not self._stop_wanted.is_set() and (self.total is None or self.written < self.total):
                count = self._chunk if self.total is None else min(self._chunk, self.total - self.written)
                made = self.load.next_many(count)
                stopped_at: float | None = None
                while True:
                    try:
                        if producer is None:
                            producer = EventProducer(self._options, deadline_s=5.0)
                            await producer.start()
                        await producer.publish(record for _, record in made)
                        break
                    except Unavailable:
                        # Whether the log has them is not known: the same ids once more.
                        self.retries += 1
                        producer = await self._discard(producer)
                        if self._stop_wanted.is_set():
                            stopped_at = stopped_at or time.monotonic()
                            if time.monotonic() - stopped_at > self._give_up_s:
                                raise
                        await asyncio.sleep(0.2)
                self.load.acknowledge(made)
                self.written += len(made)
                if self.rate:
                    # A broker that was away is not made up for: the backlog would measure the producer.
                    ahead_s = self.written / self.rate - (time.monotonic() - began)
                    if ahead_s > 0:
                        await asyncio.sleep(ahead_s)
                    elif ahead_s < -1:
                        began = time.monotonic() - self.written / self.rate
        finally:
            await self._discard(producer)

    async def _discard(self, producer: EventProducer | None) -> None:
        if producer is not None:
            await producer.stop()
