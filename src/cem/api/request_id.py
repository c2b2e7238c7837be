"""Every answer carries a Request-Id and is not to be stored; the id is in every log line and record about it."""

from __future__ import annotations

import re
import secrets
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["RequestIdMiddleware", "identified", "traceparent_of"]

_NO_STORE: Final = (b"cache-control", b"no-store")
_GIVEN: Final = re.compile(rb"[A-Za-z0-9_.-]{8,64}").fullmatch
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}").fullmatch


class RequestIdMiddleware:
    """Takes the caller's Request-Id if it is one, else draws one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        extra = identified(scope)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await self.app(scope, receive, send_with_id)


def identified(scope: Scope) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    """Return the headers that every answer has; the request's id is in the scope's state from now on."""
    given = b""
    for name, value in scope["headers"]:
        if name == b"request-id":
            given = value
    request_id = given if given and _GIVEN(given) else secrets.token_hex(8).encode()
    scope.setdefault("state", {})["request_id"] = request_id.decode()
    return (b"request-id", request_id), _NO_STORE


def traceparent_of(scope: Scope) -> str | None:
    """Return the caller's W3C trace context, if it sent a valid one."""
    for name, value in scope["headers"]:
        if name == b"traceparent" and _TRACEPARENT(value):
            return bytes(value).decode()
    return None
