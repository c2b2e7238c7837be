"""Asking again for as long as Kafka or Redis is merely away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from cem.ports import Refused, Unavailable

__all__ = ["Patience"]

T = TypeVar("T")


class Patience:
    """Makes a lane's calls of ports, retrying each in place, with `pause` between the tries."""

    def __init__(self, lane: int, pause: Callable[[int, Unavailable], Awaitable[None]]) -> None:
        self._lane = lane
        self._pause = pause

    async def __call__(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return what the call returns. Raises Refused when asking again cannot help."""
        attempt = 0
        while True:
            try:
                return await call()
            except Unavailable as reason:
                if not reason.retryable:
                    raise Refused(f"lane {self._lane}: {reason}") from reason
                await self._pause(attempt, reason)
                attempt += 1
