"""The process that sends webhooks, and what its commands write and read."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from cem.alerts.delivery.endpoint import EndPoint
from cem.alerts.delivery.signing import key_check
from cem.alerts.delivery.targets import allowed_names
from cem.bootstrap.objects import set_object
from cem.bootstrap.parts import Parts, open_parts
from cem.ports import Unavailable
from cem.settings import Settings, SettingsError
from cem.stores.webhook_states import WebhookStates
from cem.streams.alert_feed import AlertFeed
from cem.streams.control_feed import ControlFeed
from cem.streams.metrics_server import serve_metrics
from cem.webhooks.file import differences, read_file
from cem.webhooks.means import Means
from cem.webhooks.metrics import WebhookMetrics
from cem.webhooks.post import Poster
from cem.webhooks.service import PREFIXES, WebhookService
from cem.whole_file import write_new

__all__ = ["KeyFile", "key_of_webhooks", "make_key", "registered_webhooks", "run_webhooks"]

_log = logging.getLogger(__name__)

_SHORTEST = 32
_PAUSE_S = 1.0


def key_of_webhooks(settings: Settings) -> bytes | None:
    """Return the key that end points' secrets are made of, None if there is no such file. Raises SettingsError."""
    path = settings.webhook_key
    try:
        key = path.read_bytes().strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"CEM_WEBHOOK_KEY_FILE: {path} cannot be read: {error.strerror}") from None
    if len(key) < _SHORTEST:
        raise SettingsError(
            f"CEM_WEBHOOK_KEY_FILE: {path} has {len(key)} characters; a key has at least {_SHORTEST}"
        )
    return key


class KeyFile:
    """The key as its file has it now: made or replaced while a sender runs, it is taken up."""

    def __init__(self, settings: Settings) -> None:
        """Read the file, if there is one. Raises SettingsError."""
        self._settings = settings
        self._seen = self._version()
        self._key = key_of_webhooks(settings)

    def key(self) -> bytes | None:
        """Return the key, None if there is no such file; that of before if the file cannot be used."""
        seen = self._version()
        if seen != self._seen:
            self._seen = seen
            try:
                self._key = key_of_webhooks(self._settings)
            except SettingsError as error:
                _log.warning("%s; the key of before holds", error)
        return self._key

    def _version(self) -> tuple[int, ...]:
        """Return what tells one content of the file from another; empty if there is no file."""
        try:
            found = self._settings.webhook_key.stat()
        except OSError:
            return ()
        return found.st_ino, found.st_mtime_ns, found.st_size


def make_key(settings: Settings) -> tuple[bytes, bool]:
    """Return the key, and whether it was made just now: in a file that only its owner reads."""
    key = key_of_webhooks(settings)
    if key is not None:
        return key, False
    path: Path = settings.webhook_key
    path.parent.mkdir(parents=True, exist_ok=True)
    made = secrets.token_urlsafe(48).encode()
    if not write_new(path, made + b"\n"):
        key = key_of_webhooks(settings)
        assert key is not None
        return key, False
    return made, True


async def registered_webhooks(parts: Parts, settings: Settings) -> WebhookService:
    """Return the end points as the log has them now. Raises Unavailable."""
    service = WebhookService()
    await ControlFeed(parts.options, parts.log, settings.partitions, PREFIXES, service.take).read_once()
    return service


async def run_webhooks(settings: Settings, *, on_ready: Callable[[], None] = lambda: None) -> None:
    """Send webhooks until told to stop. Raises SettingsError."""
    key_file = KeyFile(settings)
    key = key_file.key()
    allowed = allowed_names(settings.webhook_allow)
    wanted = None
    if settings.webhooks_file is not None:
        wanted = read_file(settings.webhooks_file, allowed, None if key is None else key_check(key))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    metrics = WebhookMetrics()
    service = WebhookService()
    async with open_parts(settings) as parts, _poster(allowed) as poster:
        source = AlertFeed(parts.options, parts.log, settings.partitions)
        control = ControlFeed(parts.options, parts.log, settings.partitions, PREFIXES, service.take)

        async def register(point: EndPoint) -> None:
            await set_object(parts.publisher, point.record, source="cem/webhooks")

        means = Means(
            source=source,
            log=parts.log,
            states=WebhookStates(parts.store),
            publisher=parts.publisher,
            poster=poster,
            clock=parts.clock,
            key=key_file.key,
            environ=os.environ,
            register=register,
            metrics=metrics,
        )

        async def serve() -> None:
            await control.complete.wait()
            for record in [] if wanted is None else differences(wanted, {p.name: p for p in service.points}):
                await _patiently(partial(set_object, parts.publisher, record, source="cem/webhooks"))
            service.start(means)
            on_ready()

        close_port = _metrics_port(settings, metrics)
        tasks = [asyncio.ensure_future(run()) for run in (source.run, control.run, *parts.background, serve)]
        stopping = asyncio.create_task(stop.wait())
        try:
            # `serve` returns, the others do not: one that ends otherwise ends the process.
            pending: set[asyncio.Future[Any]] = {*tasks, stopping}
            while not stop.is_set():
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            await service.stop()
            for task in (*tasks, stopping):
                task.cancel()
            await asyncio.gather(*tasks, stopping, return_exceptions=True)
            await asyncio.to_thread(close_port)


@contextlib.asynccontextmanager
async def _poster(allowed: tuple[str, ...]) -> AsyncIterator[Poster]:
    poster = Poster(allowed)
    try:
        yield poster
    finally:
        await poster.close()


def _metrics_port(settings: Settings, metrics: WebhookMetrics) -> Callable[[], None]:
    if not settings.metrics_port:
        return lambda: None
    return serve_metrics(metrics.registry, host=settings.metrics_host, port=settings.metrics_port)


async def _patiently(call: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await call()
        except Unavailable:
            await asyncio.sleep(_PAUSE_S)
        else:
            return
