"""Fetches that linger at the broker while records flow.

aiokafka asks again as soon as a fetch has been taken, and Kafka answers with the first record. While the worker lingers
before it takes that answer, nothing is asked for: what comes meanwhile waits for the fetch after it, and so twice. Here
the fetch that follows one with records waits at the broker instead, until there is more than a little or the linger is
over. One that follows a fetch without records ends with the first record, as always.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["LINGER_BYTES", "use_linger"]

#: With so much to hand over Kafka does not linger.
LINGER_BYTES: Final = 65_536


class _Lingering:
    """Takes the place of one fetcher's way of making a fetch."""

    def __init__(self, fetcher: Any, linger_ms: int) -> None:
        self._fetch = fetcher._proc_fetch_request
        self._linger_ms = linger_ms
        #: Brokers whose last answer brought records.
        self._flowing: set[int] = set()

    async def fetch(self, assignment: Any, node: int, request: Any) -> bool:
        """Make the fetch, let it linger if records flow, and return whether it brought any."""
        if node in self._flowing:
            request._max_wait_ms, request._min_bytes = self._linger_ms, LINGER_BYTES
            # Whatever ends this one, the next waits for its first record only, unless this one brings some.
            self._flowing.discard(node)
        found = bool(await self._fetch(assignment, node, request))
        if found:
            self._flowing.add(node)
        return found


def use_linger(fetcher: Any, linger_ms: int) -> None:
    """Have aiokafka's `fetcher` linger at the broker for so long from now on; 0 leaves it as it is."""
    if linger_ms > 0:
        fetcher._proc_fetch_request = _Lingering(fetcher, linger_ms).fetch
