"""Idempotency keys: the same request sent again is answered again, not done again. Kept for 24 hours."""

from __future__ import annotations

import hashlib
import re
from typing import Final

import msgspec

from cem.api.problems import FieldError, Problem
from cem.api.services import KeyValues

__all__ = ["TTL_MS", "Idempotent", "Stored", "key_of"]

TTL_MS: Final = 24 * 3_600_000
#: An unfinished request holds its key no longer than this: its process may have died.
_RUNNING_MS: Final = 30_000
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}").fullmatch


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a request: a digest of it, and its answer once there is one (status 0: still running)."""

    digest: str
    status: int = 0
    body: bytes = b""


def key_of(header: str | None) -> str | None:
    """Return the key in an Idempotency-Key header. Raises Problem if it is none."""
    if header is None:
        return None
    key = header.strip()
    if len(key) > 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if _KEY(key) is None:
        raise Problem(
            "invalid-request",
            "Idempotency-Key: 1 to 255 visible ASCII characters",
            errors=(FieldError("1 to 255 visible ASCII characters", "#/Idempotency-Key", "header"),),
        )
    return key


class Idempotent:
    """One request under a key."""

    def __init__(self, keys: KeyValues, key: str, path: str, body: bytes) -> None:
        self._keys = keys
        self.digest = hashlib.sha256(path.encode() + b"\0" + body).hexdigest()
        self.name = "cem:api:idempotency:" + hashlib.sha256(f"{path}\0{key}".encode()).hexdigest()

    async def begin(self) -> Stored | None:
        """Return the earlier answer, or None if this request is the first. Raises Problem (409, 422)."""
        running = msgspec.msgpack.encode(Stored(self.digest))
        if await self._keys.set_raw(self.name, running, ttl_ms=_RUNNING_MS, only_new=True):
            return None
        data = await self._keys.get_raw(self.name)
        if data is None:
            return None
        stored = msgspec.msgpack.decode(data, type=Stored)
        if stored.digest != self.digest:
            raise Problem("idempotency-key-reused", "this key was sent with another body or path before")
        if stored.status == 0:
            raise Problem(
                "idempotency-in-progress",
                "a request with this key is still running",
                headers={"Retry-After": "1"},
            )
        return stored

    async def finish(self, status: int, body: bytes) -> None:
        """Keep the answer for repeats."""
        stored = msgspec.msgpack.encode(Stored(self.digest, status, body))
        await self._keys.set_raw(self.name, stored, ttl_ms=TTL_MS)

    async def forget(self) -> None:
        """Let the request be done again: it failed for a reason that may pass."""
        await self._keys.set_raw(self.name, msgspec.msgpack.encode(Stored(self.digest)), ttl_ms=1)
