"""Serving the API: uvicorn with the deadlines that it lacks, on loopback unless an API key is set."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from cem.api.protocol import PatientProtocol
from cem.settings import Settings, SettingsError, is_loopback

__all__ = ["check_exposure", "listen", "serve"]

_BACKLOG: Final = 1024
#: When (s) after it began to listen a process has made what it keeps.
_SETTLED_S: Final = 10.0


class _Server(uvicorn.Server):
    """uvicorn's server, ended by SIGTERM or SIGINT as a command that has done its work.

    uvicorn raises the signal again after its shutdown, so that the process would seem to have been killed.
    """

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Whoever listens to a stream would otherwise be waited for until the stop is forced.
        self._on_stop()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


def check_exposure(settings: Settings) -> None:
    """Return if it is safe to listen. Raises SettingsError for an address beyond loopback without an API key."""
    if settings.api_key_hash or is_loopback(settings.api_host):
        return
    raise SettingsError(
        f"CEM_API_HOST: {settings.api_host} is not a loopback address, and no API key is set; "
        "make one with `cem api hash-key` and set CEM_API_KEY_HASH"
    )


def listen(settings: Settings) -> socket.socket:
    """Return a listening socket. Raises SettingsError when it must not, OSError when it cannot be had."""
    check_exposure(settings)
    host = settings.api_host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Said to be TCP, or asyncio leaves Nagle's algorithm on: 40 ms an answer.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, settings.api_port))
        # From now on who connects waits for the start to be over, and is not refused.
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


async def serve(
    app: ASGIApp,
    settings: Settings,
    sock: socket.socket | None = None,
    *,
    on_stop: Callable[[], None] = lambda: None,
) -> None:
    """Serve `app` on `sock` (default: `listen(settings)`) until the process is told to stop. Raises what `listen` does.

    `on_stop` is called when it is told so, before answers under way are waited for.
    """
    sock = sock or listen(settings)
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=max(1, int(settings.shutdown_s)),
    )
    _keep()
    # What only the first requests and looks make (connections, modules, metrics) stays as well.
    settled = asyncio.get_running_loop().call_later(_SETTLED_S, _keep)
    try:
        await _Server(config, on_stop).serve(sockets=[sock])
    finally:
        settled.cancel()
        sock.close()


def _keep() -> None:
    """Have the collector of garbage pass by what there is now.

    Walking through what stays would hold up every request meanwhile, for 12 to 16 ms of CPU.
    """
    gc.collect()
    gc.freeze()
