"""Tests that are coroutines: each runs in a loop of its own."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["in_loop", "until"]


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Return a test that runs the coroutine to its end."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


async def until(condition: Callable[[], bool], *, within_s: float = 20.0) -> None:
    """Return once the condition holds. Raises TimeoutError if it does not come about."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - anything may make it true
            await asyncio.sleep(0.005)
