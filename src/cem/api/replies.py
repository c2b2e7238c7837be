"""How the routes that write records answer: with what was written, and a repeat with the same again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from cem.api.idempotency import Idempotent
from cem.api.problems import Problem
from cem.api.services import KeyValues
from cem.ports import LaneStopped, Unavailable

__all__ = ["later", "taken_once"]


def later(slug: str, detail: str) -> Problem:
    """Return the problem of what may be asked again in a second."""
    return Problem(slug, detail, headers={"Retry-After": "1"})


async def taken_once(
    keys: KeyValues, key: str | None, path: str, body: bytes, take: Callable[[], Awaitable[bytes]]
) -> Response:
    """Return 202 with the JSON that `take` returns; a repeat under `key` returns the same again. Raises Problem.

    A request with which `take` has a Problem may be sent again under its key.
    """
    if key is None:
        return _accepted(await take())
    idempotent = Idempotent(keys, key, path, body)
    try:
        stored = await idempotent.begin()
    except (Unavailable, LaneStopped):
        raise later("store-unavailable", "the idempotency key cannot be checked") from None
    if stored is not None:
        return _accepted(stored.body, stored.status, {"Idempotent-Replayed": "true"})
    try:
        data = await take()
    except Problem:
        await _quietly(idempotent.forget())
        raise
    await _quietly(idempotent.finish(202, data))
    return _accepted(data)


def _accepted(body: bytes, status: int = 202, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status_code=status, headers=headers, media_type="application/json")


async def _quietly(call: Awaitable[object]) -> None:
    """Await what only makes repeats cheaper: the event's id makes them harmless anyway."""
    try:
        await call
    except (Unavailable, LaneStopped):
        return
