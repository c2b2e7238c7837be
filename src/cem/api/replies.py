"""What the routes that write records answer with, and how they treat what only makes repeats cheaper."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.responses import Response

from cem.api.problems import Problem
from cem.ports import LaneStopped, Unavailable

__all__ = ["encoded_answer", "later", "quietly"]


def later(slug: str, detail: str) -> Problem:
    """Return the problem of what may be asked again in a second."""
    return Problem(slug, detail, headers={"Retry-After": "1"})


def encoded_answer(status: int, body: bytes, headers: dict[str, str]) -> Response:
    """Return an answer of encoded JSON."""
    return Response(body, status_code=status, headers=headers, media_type="application/json")


async def quietly(call: Awaitable[object]) -> None:
    """Await what only makes repeats cheaper: the event's id makes them harmless anyway."""
    try:
        await call
    except (Unavailable, LaneStopped):
        return
