"""One number for all states: equal for equal states, whatever order they are read in."""

from __future__ import annotations

import hashlib
import platform
from contextlib import suppress
from importlib import metadata

import msgspec

from cem.domain.customer import plain_bytes
from cem.domain.state_errors import StateError
from cem.domain.subjects import is_customer

__all__ = ["Digest", "Digester"]


class Digest(msgspec.Struct, frozen=True):
    """The digest, how many customers it covers, and the platform on which it is exact.

    It covers every other subject as well (identifiers, areas, lanes); `customers` counts customers only.
    """

    digest: str
    customers: int
    platform: str


class Digester:
    """Adds up the states' hashes; addition does not care about the order."""

    def __init__(self) -> None:
        self._sum = 0
        self._customers = 0

    def add(self, subject: str, state: bytes) -> None:
        """Take one subject's encoded state into account."""
        name = subject.encode()
        if is_customer(subject):
            # What deflating makes of equal states differs from one build of zlib to another; what is no customer at
            # all counts as it is.
            with suppress(StateError):
                state = plain_bytes(state)
        digest = hashlib.sha256(len(name).to_bytes(4, "big") + name + state).digest()
        self._sum = (self._sum + int.from_bytes(digest, "big")) % (1 << 256)
        self._customers += is_customer(subject)

    def result(self) -> Digest:
        """Return the digest of all that was added."""
        # Floating point is exact on one CPU family and numpy only, so the digest says on which it was made.
        where = f"{platform.machine()}, numpy {metadata.version('numpy')}"
        return Digest(f"{self._sum:064x}", self._customers, where)
