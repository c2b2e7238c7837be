"""Awaiting what nearly always ends at its first step, without a task for it.

Faust waits for each message's delivery beside three events: four tasks, which take three turns of the loop. A delivery
that finds room in the agent's queue, as batches do, never waits. With a step of its own it is over before the next
batch of the same fetch has its turn, so that lanes start side by side.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any

__all__ = ["Started"]


class Started:
    """A coroutine of which the first step has been made; awaitable if `over` is False. No other task may have stepped it."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Make the first step. Raises what it raises."""
        self._coroutine = coroutine
        self._waits_for: Any = None
        self.over = False
        self.result: Any = None
        try:
            self._waits_for = coroutine.send(None)
        except StopIteration as end:
            self.over, self.result = True, end.value

    def __await__(self) -> Generator[Any, Any, Any]:
        """Make the other steps, in the task that awaits."""
        if self.over:
            return self.result
        coroutine, waits_for = self._coroutine, self._waits_for
        try:
            while True:
                try:
                    sent = yield waits_for
                except GeneratorExit:
                    coroutine.close()
                    raise
                except BaseException as error:
                    waits_for = coroutine.throw(error)
                else:
                    waits_for = coroutine.send(sent)
        except StopIteration as end:
            return end.value
