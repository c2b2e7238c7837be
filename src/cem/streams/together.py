"""Lanes that begin at the same moment with what one fetch brought them.

Faust hands one batch after the other to its agents, one in a turn of the event loop. Were each lane to begin as its
batch comes, the first would ask Kafka for its journal entry alone, the others together when that is answered, and so
through save and acknowledgement: two to three times as many requests, wake-ups and turns for the same batches, and
each lane's code would run when the processor has forgotten it. Lanes that begin together share one request to Kafka
and one to Redis.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Together"]


class Together:
    """The batches of one fetch: whoever waits for them begins when all have come.

    One that Faust drops, as it does in the midst of a rebalance, never comes: whoever waits has to look by the clock.
    """

    __slots__ = ("_arrived", "_begin", "awaited")

    def __init__(self, awaited: int = 0) -> None:
        """Await so many batches; `awaited` may be set until the first arrives."""
        self.awaited = awaited
        self._arrived = 0
        self._begin: list[Callable[[], None]] = []

    def arrived(self, begin: Callable[[], None] | None) -> None:
        """Note that one more has come, and who is to begin with it; nobody where it is not wanted any more."""
        self._arrived += 1
        if begin is not None:
            self._begin.append(begin)
        if self._arrived >= self.awaited:
            waiting, self._begin = self._begin, []
            for call in waiting:
                call()
