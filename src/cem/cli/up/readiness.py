"""When the API is ready: `/readyz` answers 200."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import urlsplit

from cem.cli.errors import FAILED, Failure

__all__ = ["api_ready", "readyz"]

_EVERY_S: Final = 0.2
_ANSWER_S: Final = 2.0
_GIVE_UP_S: Final = 90.0


async def api_ready(url: str, failed: asyncio.Event) -> None:
    """Return when the API at `url` is ready, or `failed` is set. Raises Failure when it takes too long."""
    deadline_s = asyncio.get_running_loop().time() + _GIVE_UP_S
    last = "nobody listens"
    while not failed.is_set():
        try:
            async with asyncio.timeout(_ANSWER_S):
                status = await readyz(url)
            if status == 200:
                return
            last = f"/readyz says {status}"
        except (OSError, TimeoutError, ValueError) as error:
            last = str(error) or type(error).__name__
        if asyncio.get_running_loop().time() > deadline_s:
            raise Failure(f"the API at {url} is not ready after {_GIVE_UP_S:g} s ({last})", FAILED)
        await asyncio.sleep(_EVERY_S)


async def readyz(url: str) -> int:
    """Return the HTTP status of /readyz. Raises OSError, ValueError."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(f"GET /readyz HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        line = await reader.readline()
        return int(line.split()[1]) if line.startswith(b"HTTP/") and len(line.split()) > 1 else 0
    finally:
        writer.close()
