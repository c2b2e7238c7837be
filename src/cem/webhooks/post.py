"""One request to a consumer: no redirect followed, no inner address reached, no answer read beyond its beginning."""

from __future__ import annotations

import asyncio
import email.utils
import errno
import socket
import time
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from cem.alerts.delivery.plan import Answer
from cem.alerts.delivery.targets import is_named, is_public, refused_url

__all__ = ["Poster"]

_BODY_BYTES: Final = 256
_PORTS: Final = {"http": 80, "https": 443}


class _Inner(OSError):
    """The name leads to an address that is not public."""


def _public_only(info: Any) -> socket.socket:
    """Return a socket for an address that was just resolved. Raises _Inner: what was public a moment ago may not be."""
    family, kind, proto, _, address = info
    if not is_public(str(address[0])):
        raise _Inner(
            errno.EACCES, f"{address[0]} is not a public address, and its host is not in CEM_WEBHOOK_ALLOW"
        )
    return socket.socket(family, kind, proto)


class Poster:
    """Posts to any consumer. Made and closed within a loop."""

    def __init__(self, allowed: Collection[str], *, timeout_s: float = 15.0, connect_s: float = 5.0) -> None:
        """Take the names that may lead anywhere, and how long an answer may take."""
        self._allowed = allowed
        self._timeout_s = timeout_s
        limits = aiohttp.ClientTimeout(total=timeout_s, sock_connect=connect_s)
        self._public, self._named = (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, ttl_dns_cache=10, socket_factory=factory, enable_cleanup_closed=False
                ),
                timeout=limits,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                skip_auto_headers=("Accept-Encoding",),
            )
            for factory in (_public_only, None)
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._public.close()
        await self._named.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return what came of it; never raises for what the consumer does."""
        began = time.monotonic()

        def took_ms() -> int:
            return round((time.monotonic() - began) * 1000)

        refused = refused_url(url, self._allowed)
        if refused is not None:
            return Answer(0, error=f"not sent, by the settings of the sender: {refused}")
        parts = urlsplit(url)
        named = is_named((parts.hostname or "").lower(), parts.port or _PORTS[parts.scheme], self._allowed)
        session = self._named if named else self._public
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await session.post(url, data=body, headers=headers, allow_redirects=False)
                try:
                    said = await response.content.read(_BODY_BYTES)
                finally:
                    # The rest of a long answer is worth nothing; a short one leaves the connection for the next message.
                    if response.content.at_eof():
                        response.release()
                    else:
                        response.close()
            return Answer(
                response.status,
                _retry_after_ms(response.headers.get("Retry-After", "")),
                body=_shown(said),
                took_ms=took_ms(),
            )
        except TimeoutError:
            return Answer(0, error=f"no answer within {self._timeout_s:g} s", took_ms=took_ms())
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(0, error=(str(error) or type(error).__name__)[:128], took_ms=took_ms())


def _retry_after_ms(text: str) -> int:
    """Return the wait that a Retry-After header asks for: seconds, or an instant; 0 for any other text."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), 86_400) * 1000
    try:
        at_s = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0
    return max(0, min(86_400_000, round((at_s - time.time()) * 1000)))


def _shown(said: bytes) -> str:
    text = said.decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in text)
