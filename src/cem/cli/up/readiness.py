"""When the API is up: `/livez` answers 200 as soon as it listens, `/readyz` once all that it needs is there."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import urlsplit

from cem.cli.errors import FAILED, Failure

__all__ = ["answers", "status_of"]

_EVERY_S: Final = 0.2
_ANSWER_S: Final = 2.0
_GIVE_UP_S: Final = 90.0


async def answers(url: str, path: str, failed: asyncio.Event) -> None:
    """Return when the API at `url` answers 200 to `path`, or `failed` is set. Raises Failure when it takes too long."""
    deadline_s = asyncio.get_running_loop().time() + _GIVE_UP_S
    last = "nobody listens"
    while not failed.is_set():
        try:
            async with asyncio.timeout(_ANSWER_S):
                status = await status_of(url, path)
            if status == 200:
                return
            last = f"{path} says {status}"
        except (OSError, TimeoutError, ValueError) as error:
            last = str(error) or type(error).__name__
        if asyncio.get_running_loop().time() > deadline_s:
            raise Failure(f"the API at {url} is not ready after {_GIVE_UP_S:g} s ({last})", FAILED)
        await asyncio.sleep(_EVERY_S)


async def status_of(url: str, path: str) -> int:
    """Return the HTTP status of `path`. Raises OSError, ValueError."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        line = await reader.readline()
        return int(line.split()[1]) if line.startswith(b"HTTP/") and len(line.split()) > 1 else 0
    finally:
        writer.close()
