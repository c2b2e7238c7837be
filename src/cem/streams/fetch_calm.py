"""Fetches of topics that are not there.

aiokafka asks for the leaders of partitions that have none as fast as the broker answers, and logs each time an error a
topic: hundreds of lines a second, and a core, until somebody makes the topic. Here it asks twice a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

__all__ = ["PAUSE_S", "use_calm"]

#: Between two questions for leaders that are not known.
PAUSE_S: Final = 0.5


class _Calm:
    """Takes the place of one fetcher's way of finding what to ask for."""

    def __init__(self, fetcher: Any, now_s: Callable[[], float]) -> None:
        self._usual = fetcher._get_actions_per_node
        self._now_s = now_s
        self._not_before_s = 0.0

    def actions(self, assignment: Any) -> Any:
        """Return what `Fetcher._get_actions_per_node` does, but seldom that leaders are to be asked for."""
        fetches, resets, pause_s, leaderless, resumed = self._usual(assignment)
        if leaderless:
            left_s = self._not_before_s - self._now_s()
            if left_s > 0:
                return fetches, resets, min(pause_s, left_s), False, resumed
            self._not_before_s = self._now_s() + PAUSE_S
        return fetches, resets, pause_s, leaderless, resumed


def use_calm(fetcher: Any, now_s: Callable[[], float] = time.monotonic) -> None:
    """Have aiokafka's `fetcher` ask so seldom from now on. `now_s`: monotonic seconds."""
    fetcher._get_actions_per_node = _Calm(fetcher, now_s).actions
