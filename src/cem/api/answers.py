"""What many routes do alike: wait for the store within bounds, and answer with JSON."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

import msgspec
from starlette.responses import Response

from cem.api.problems import Problem
from cem.ports import LaneStopped, Unavailable

__all__ = ["in_time", "json_answer"]

_log = logging.getLogger(__name__)

_encode: Final = msgspec.json.Encoder().encode
#: Longest wait for the store where no fallback can answer.
_READ_S: Final = 2.0

T = TypeVar("T")


async def in_time(call: Awaitable[T]) -> T:
    """Return what the store answers. Raises Problem (503) when it does not."""
    try:
        async with asyncio.timeout(_READ_S):
            return await call
    except (Unavailable, LaneStopped, OSError, TimeoutError) as error:
        _log.warning("the store cannot be read: %s", str(error) or type(error).__name__)
        raise Problem(
            "store-unavailable", "the customers' state cannot be read now", headers={"Retry-After": "1"}
        ) from None


def json_answer(content: Any) -> Response:
    """Return a 200 answer with `content` as JSON."""
    return Response(_encode(content), media_type="application/json")
