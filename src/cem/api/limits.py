"""What a request may be: how large, of what media type, and how long it may take to arrive."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cem.api.problems import Problem, problem_response

__all__ = ["MAX_BODY_BYTES", "MAX_QUERY_BYTES", "RECEIVE_S", "LimitsMiddleware", "require_json"]

MAX_BODY_BYTES: Final = 64 * 1024
RECEIVE_S: Final = 5.0
MAX_QUERY_BYTES: Final = 32 * 1024
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
        if len(scope["query_string"]) > MAX_QUERY_BYTES:
            problem = Problem("too-large", f"the query is longer than {MAX_QUERY_BYTES} bytes", status=414)
            await problem_response(problem, scope)(scope, receive, send)
            return
        if scope["method"] in ("GET", "HEAD"):
            # Nothing reads a body here; the server discards it within its own bounds.
            await self.app(scope, receive, send)
            return
        if _declared(scope) > self.max_bytes:
            problem = Problem("too-large", f"the body is larger than {self.max_bytes} bytes", headers=_CLOSE)
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


async def require_json(request: Request) -> None:
    """Return if the request says that its body is JSON. Raises Problem (415).

    Of a route, not of all requests: a method that a path does not have is refused as that, whatever it sends.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        raise Problem(
            "unsupported-media-type", "send application/json", headers={"Accept": "application/json"}
        )


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
