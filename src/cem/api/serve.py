"""Serving the API: uvicorn with the deadlines that it lacks, on loopback unless an API key is set."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, cast

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from cem.api.plain_requests import PlainCycle, Plainly, plain_head, scope_of
from cem.settings import Settings, SettingsError

__all__ = ["HEAD_S", "check_exposure", "listen", "serve"]

#: A connection that has not sent a whole request head within so long is closed.
HEAD_S: Final = 5.0
_BACKLOG: Final = 1024
#: When (s) after it began to listen a process has made what it keeps.
_SETTLED_S: Final = 10.0


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, but nobody holds a connection by saying nothing, or one byte a second.

    Plain requests (`cem.api.plain_requests`) for paths of which `plainly` is true are not read by h11.
    """

    def __init__(self, *args: Any, plainly: Plainly | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: asyncio.TimerHandle | None = None
        self._plainly = plainly
        #: What all plain requests of the connection have in common.
        self._common: dict[str, Any] = {}
        #: The newest plain request and its answer.
        self._plain: PlainCycle | None = None
        #: What came while a plain request was being answered.
        self._early = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._waiting = self.loop.call_later(HEAD_S, self._too_slow)
        self._common = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": "GET",
            "root_path": "",
        }

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._plainly is not None:
            if self._plain is not None and not self._plain.response_complete:
                self._early += data
                self.flow.pause_reading()
                return
            if self._is_between_requests() and (found := plain_head(data, self._plainly)) is not None:
                self._answer_plainly(*found)
                return
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            # Part of a head: all of it must come in time. (With nothing of it, uvicorn's keep-alive timer runs.)
            if self._waiting is None and self.conn.trailing_data[0]:
                self._waiting = self.loop.call_later(HEAD_S, self._too_slow)
        else:
            self._stop_waiting()

    def _is_between_requests(self) -> bool:
        conn = self.conn
        return conn.their_state is h11.IDLE is conn.our_state and not conn.trailing_data[0]

    def _answer_plainly(self, path: bytes, query: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        self._stop_waiting()
        self._unset_keepalive_if_required()
        scope = scope_of(path, query, headers, self._common, self.app_state)
        cycle = PlainCycle(
            scope,
            self.transport,
            self.flow,
            self.server_state.default_headers,
            self._plainly_answered,
            self.logger,
        )
        self._plain = cycle
        self.cycle = cast(RequestResponseCycle, cycle)
        task = self.loop.create_task(cycle.run(self.app))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _plainly_answered(self) -> None:
        self.on_response_complete()
        if self._early and not self.transport.is_closing():
            early, self._early = self._early, b""
            self.data_received(early)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _too_slow(self) -> None:
        self._waiting = None
        if not self.transport.is_closing():
            self.transport.close()


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


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
    plainly: Plainly | None = None,
) -> None:
    """Serve `app` on `sock` (default: `listen(settings)`) until the process is told to stop. Raises what `listen` does.

    `on_stop` is called when it is told so, before answers under way are waited for. Of paths of which `plainly` is true
    plain requests are read and answered without h11: their answers must be whole, no streams.
    """
    sock = sock or listen(settings)
    config = uvicorn.Config(
        app,
        http=cast(type[asyncio.Protocol], partial(PatientProtocol, plainly=plainly)),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=max(1, int(settings.shutdown_s)),
        h11_max_incomplete_event_size=64 * 1024,
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
