"""One worker process: the Faust app, its lanes' timers and its watchdogs, from start to an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable
from typing import cast

import faust

from cem.ports import LaneStopped, Log, Refused
from cem.settings import Settings
from cem.streams.lanes import LaneSet
from cem.streams.refusals import from_kafka, is_refusal
from cem.streams.watchdog import LoopWatchdog, leave_after, watch_lanes

__all__ = ["WorkerFailed", "run_worker"]

logger = logging.getLogger(__name__)


class WorkerFailed(Exception):
    """The worker could not go on; the message is for the person who runs it.

    `refused` is True where Kafka or Redis refuses us until that person changes a setting or a right.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


async def run_worker(
    app: faust.App,
    lanes: LaneSet,
    log: Log,
    settings: Settings,
    *,
    closers: list[Callable[[], Awaitable[None]]],
    background: list[Awaitable[None]],
) -> None:
    """Run until SIGTERM or SIGINT; returns after an orderly stop. Raises WorkerFailed when something broke.

    `closers` are awaited at the end, `background` runs beside. A stop that takes longer than `shutdown_s` is forced:
    aiokafka alone would wait for a dead Kafka for ever. The process has to end after this.
    """
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    failure: list[BaseException] = []

    def crashed(error: BaseException) -> None:
        failure.append(error)
        stopping.set()

    def ended(task: asyncio.Future[None]) -> None:
        if task.cancelled():
            # By us, when the worker stops; otherwise it came out of a library, and what the task did is not done any more.
            if not cast("asyncio.Task[None]", task).cancelling():
                crashed(asyncio.CancelledError("a task of the worker ended by itself"))
        elif (error := task.exception()) is not None:
            crashed(error)

    lanes.on_crash = crashed
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    watchdog = LoopWatchdog(settings.stuck_after_s)
    tasks = [
        asyncio.ensure_future(work)
        for work in (
            watchdog.run(),
            lanes.tick(settings.tick_every_ms),
            watch_lanes(lanes, log, settings.stuck_after_s),
            *background,
        )
    ]
    for task in tasks:
        task.add_done_callback(ended)
    starting = asyncio.ensure_future(app.start())
    stop_wanted = asyncio.ensure_future(stopping.wait())
    app_ended: asyncio.Future[None] | None = None
    try:
        await asyncio.wait({starting, stop_wanted}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            app_ended = asyncio.ensure_future(app.wait_until_stopped())
            await asyncio.wait({app_ended, stop_wanted}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # Never called off: Python itself waits for threads that wait for a dead server.
        leave_after(
            settings.shutdown_s, "the stop took too long", 1 if failure or not stopping.is_set() else 0
        )
        logger.info("stopping")
        await lanes.close(settings.shutdown_s / 3)
        for task in (*tasks, starting, stop_wanted, *([app_ended] if app_ended else [])):
            task.cancel()
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await asyncio.wait_for(app.stop(), settings.shutdown_s / 3)
        for close in closers:
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await asyncio.wait_for(close(), settings.shutdown_s / 6)
    if failure:
        raise _failed(failure[0])
    if not stopping.is_set():
        reason = app.crash_reason
        raise _failed(reason) if reason else WorkerFailed("the stream ended by itself")


def _failed(error: BaseException) -> WorkerFailed:
    """Return the failure that says in one sentence what ended the worker."""
    if is_refusal(error):
        return WorkerFailed(str(from_kafka(error, "Kafka refuses this worker")), refused=True)
    if isinstance(error, LaneStopped):
        return WorkerFailed(str(error), refused=isinstance(error, Refused))
    return WorkerFailed(f"{type(error).__name__}: {error}")
