"""All end points of this process: made, changed and ended as `cem.control` says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

from cem.alerts.delivery.endpoint import EndPoint, end_point
from cem.domain.events import ControlWebhookRegistered, ControlWebhookReplayed
from cem.ports import Unavailable
from cem.streams.control_feed import Setting
from cem.webhooks.means import Means
from cem.webhooks.sender import EndPointSender

__all__ = ["PREFIXES", "WEBHOOK", "WebhookService"]

_log = logging.getLogger(__name__)

#: Of the keys of end points on `cem.control`.
WEBHOOK = "webhook:"
#: Of the keys of `cem.control` that the service follows.
PREFIXES = (WEBHOOK, "replay:")


class WebhookService:
    """One sender an end point. `take` is called with each record; senders run from `start` on."""

    def __init__(self) -> None:
        self._points: dict[str, EndPoint] = {}
        self._replays: dict[str, Setting] = {}
        self._senders: dict[str, tuple[EndPointSender, asyncio.Task[None]]] = {}
        self._means: Means | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def points(self) -> list[EndPoint]:
        """The end points that are not gone."""
        return [point for point in self._points.values() if point.record.active]

    def last_number(self, name: str) -> int:
        """Return the number of the secret that an end point of that name had last; 0 if there was none."""
        point = self._points.get(name)
        return 0 if point is None else point.record.secret_number

    def take(self, key: str, setting: Setting) -> None:
        """Do what a record says: at once, or when senders run."""
        event = setting.event
        if isinstance(event, ControlWebhookReplayed):
            self._replays[event.webhook_id] = setting
            running = self._senders.get(event.webhook_id)
            if running is not None:
                running[0].again(setting)
        elif isinstance(event, ControlWebhookRegistered):
            name = event.webhook_id
            point = end_point(event, setting.timestamp_ms, self._points.get(name))
            self._points[name] = point
            if self._means is not None:
                self._apply(point, self._means)

    def start(self, means: Means) -> None:
        """Begin to send, as the records taken so far say."""
        self._means = means
        for point in self._points.values():
            self._apply(point, means)

    async def stop(self) -> None:
        """End all senders; each keeps what it has done."""
        tasks = [task for _, task in self._senders.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._ending, return_exceptions=True)
        self._senders.clear()

    def _apply(self, point: EndPoint, means: Means) -> None:
        running = self._senders.get(point.name)
        if not point.record.active:
            if running is not None:
                del self._senders[point.name]
                running[1].cancel()
                self._later(self._forget(point.name, running[1], means))
            return
        if running is not None:
            running[0].change(point)
            return
        sender = EndPointSender(point, means)
        replay = self._replays.get(point.name)
        if replay is not None:
            sender.again(replay)
        task = asyncio.create_task(sender.run())
        task.add_done_callback(self._ended(point.name))
        self._senders[point.name] = (sender, task)

    def _ended(self, name: str) -> Callable[[asyncio.Task[None]], None]:
        def note(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and task.exception() is not None:
                _log.error("the sender to %s has ended", name, exc_info=task.exception())

        return note

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _forget(self, name: str, sender: asyncio.Task[None], means: Means) -> None:
        await asyncio.gather(sender, return_exceptions=True)
        try:
            await means.states.forget(name)
        except Unavailable as error:
            _log.warning("what was kept of %s stays in the store: %s", name, error)
