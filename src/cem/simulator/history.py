"""The days before the live part, as fast as they can be made."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cem.simulator.parameters import HOUR_MS
from cem.simulator.world import Produced, World

__all__ = ["steps"]

#: Events that one step should have at most, about, so that memory stays bounded however large the operator is.
_STEP_EVENTS = 50_000


def steps(
    world: World, until_ms: int, *, before: Callable[[int], None] = lambda to_ms: None
) -> Iterator[list[Produced]]:
    """Let the world live until `until_ms` (exclusive) and yield its events step by step, in the order of recording.

    before: hears to what time the world is going to be advanced.
    """
    end_ms = until_ms - 1
    per_day = max(1, 12 * world.parameters.customers)
    span_ms = max(HOUR_MS, min(24, 24 * _STEP_EVENTS // per_day) * HOUR_MS)
    start_ms = world.parameters.start_ms
    while world.now_ms < end_ms:
        to_ms = start_ms + ((world.now_ms + 1 - start_ms) // span_ms + 1) * span_ms - 1
        to_ms = min(to_ms, end_ms)
        before(to_ms)
        yield world.advance(to_ms)
