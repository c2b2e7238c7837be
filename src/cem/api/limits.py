"""What a request may be: how large, of what media type, and how long it may take to arrive."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cem.api.problems import Problem, problem_response

__all__ = ["MAX_BODY_BYTES", "RECEIVE_S", "LimitsMiddleware"]

MAX_BODY_BYTES: Final = 64 * 1024
RECEIVE_S: Final = 5.0
_MAX_QUERY_BYTES: Final = 32 * 1024
_CLOSE: Final = {"Connection": "close"}


class LimitsMiddleware:
    """Refuses what is too large as soon as that is known, and what arrives too slowly."""

    def __init__(
        self, app: ASGIApp, *, max_bytes: int = MAX_BODY_BYTES, receive_s: float = RECEIVE_S
    ) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.receive_s = receive_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if len(scope["query_string"]) > _MAX_QUERY_BYTES:
            problem = Problem("too-large", f"the query is longer than {_MAX_QUERY_BYTES} bytes", status=414)
            await problem_response(problem, scope)(scope, receive, send)
            return
        if scope["method"] in ("GET", "HEAD"):
            # Nothing reads a body here; h11 discards it within its own bounds.
            await self.app(scope, receive, send)
            return
        if _declared(scope) > self.max_bytes:
            problem = Problem("too-large", f"the body is larger than {self.max_bytes} bytes", headers=_CLOSE)
            await problem_response(problem, scope)(scope, receive, send)
            return
        if scope["method"] in ("POST", "PUT", "PATCH") and not _is_json(scope):
            problem = Problem(
                "unsupported-media-type", "send application/json", headers={"Accept": "application/json"}
            )
            await problem_response(problem, scope)(scope, receive, send)
            return
        await self.app(scope, self._bounded(receive), send)

    def _bounded(self, receive: Receive) -> Receive:
        """Return `receive` with the body counted, and with a deadline for all of it."""
        left = self.max_bytes
        until = asyncio.get_running_loop().time() + self.receive_s
        complete = False

        async def bounded() -> Message:
            nonlocal left, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, headers=_CLOSE) from None
            if message["type"] == "http.request":
                left -= len(message.get("body", b""))
                if left < 0:
                    raise HTTPException(413, headers=_CLOSE)
                complete = not message.get("more_body", False)
            return message

        return bounded


def _is_json(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"content-type":
            media: bytes = value.partition(b";")[0].strip().lower()
            return media == b"application/json" or (
                media.startswith(b"application/") and media.endswith(b"+json")
            )
    return False


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
