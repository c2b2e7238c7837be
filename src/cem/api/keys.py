"""API keys: kept as a scrypt hash, compared in constant time, and asked for on every path but the probes.

scrypt is slow on purpose, so a key that was right is remembered by a keyed digest of this process, and a wrong one
costs at most one scrypt, in a thread, one at a time.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from cem.api.problems import Problem, problem_response

__all__ = ["BadHashError", "KeyCheck", "KeyMiddleware", "hash_key", "key_of"]

_N: Final = 2**14
_R: Final = 8
_P: Final = 1
_LENGTH: Final = 32
_MAX_KEY: Final = 512
_REMEMBERED: Final = 1024
#: Paths that answer anybody: an orchestrator's probes, and the pages that explain problems.
_OPEN: Final = ("/livez", "/readyz")
_OPEN_UNDER: Final = "/problems/"


class BadHashError(ValueError):
    """The setting is no hash of a key."""


def hash_key(key: str, *, salt: bytes | None = None) -> str:
    """Return the hash of `key` to put into CEM_API_KEY_HASH: scrypt$n$r$p$salt$digest."""
    salt = salt or secrets.token_bytes(16)
    digest = hashlib.scrypt(key.encode(), salt=salt, n=_N, r=_R, p=_P, dklen=_LENGTH)
    return f"scrypt${_N}${_R}${_P}${_text(salt)}${_text(digest)}"


class KeyCheck:
    """Tells whether a key is the one of a hash."""

    def __init__(self, stored: str) -> None:
        """Take `hash_key`'s text. Raises BadHashError."""
        try:
            name, n, r, p, salt, digest = stored.split("$")
            self._n, self._r, self._p = int(n), int(r), int(p)
            self._salt, self._digest = base64.urlsafe_b64decode(salt), base64.urlsafe_b64decode(digest)
            if name != "scrypt" or len(self._digest) != _LENGTH or self._n > 2**20:
                raise ValueError(name)
        except ValueError:
            raise BadHashError(
                "CEM_API_KEY_HASH is no hash of a key: make one with cem api hash-key"
            ) from None
        self._pepper = secrets.token_bytes(32)
        self._right: bytes | None = None
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._one = asyncio.Lock()

    def remembers(self, key: bytes) -> bool:
        """Return whether `key` is the right one and was found to be before, which takes microseconds."""
        right = self._right
        if right is None or len(key) > _MAX_KEY:
            return False
        return hmac.compare_digest(hmac.digest(self._pepper, key, "sha256"), right)

    async def accepts(self, key: bytes) -> bool:
        """Return whether `key` is the right one."""
        if not key or len(key) > _MAX_KEY:
            return False
        if self.remembers(key):
            return True
        short = hmac.digest(self._pepper, key, "sha256")
        if short in self._wrong:
            return False
        async with self._one:
            digest = await asyncio.to_thread(
                hashlib.scrypt, key, salt=self._salt, n=self._n, r=self._r, p=self._p, dklen=_LENGTH
            )
        if hmac.compare_digest(digest, self._digest):
            self._right = short
            return True
        self._wrong[short] = None
        if len(self._wrong) > _REMEMBERED:
            self._wrong.popitem(last=False)
        return False


class KeyMiddleware:
    """Answers 401 to requests without the key."""

    def __init__(self, app: ASGIApp, *, check: KeyCheck) -> None:
        self.app = app
        self.check = check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_open(scope) and not await self.check.accepts(key_of(scope)):
            problem = Problem(
                "unauthorised",
                "the API key is missing or wrong",
                headers={"WWW-Authenticate": 'Bearer realm="cem"'},
            )
            await problem_response(problem, scope)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _is_open(scope: Scope) -> bool:
    path: str = scope["path"]
    if path in _OPEN:
        return not scope["query_string"]
    return path.startswith(_OPEN_UNDER)


def key_of(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            return bytes(value)
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return bytes(value[7:].strip())
    return b""


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()
