"""What is read of a lane by its values' suffixes, whichever store keeps them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

from cem.domain.subjects import subject_of
from cem.stores.keys import CUSTOMER

__all__ = ["Scanning"]


class Scanning(ABC):
    """Customers and subjects of a lane, out of its values."""

    @abstractmethod
    def scan_values(self, lane: int, prefix: str = "") -> AsyncIterator[tuple[str, bytes]]:
        """Yield (suffix, value) of every value of the lane whose suffix begins so, each once, in no order."""

    async def scan_customers(self, lane: int) -> AsyncIterator[tuple[str, bytes]]:
        """Yield (customer_id, encoded hot state) of every customer of the lane, each once, in no order."""
        async for suffix, value in self.scan_values(lane, CUSTOMER):
            yield suffix[len(CUSTOMER) :], value

    async def scan_subjects(self, lane: int) -> AsyncIterator[tuple[str, bytes]]:
        """Yield (name, encoded state) of everything that the lane keeps a state of, each once, in no order."""
        async for suffix, value in self.scan_values(lane):
            subject = subject_of(suffix)
            if subject is not None:
                yield subject, value
