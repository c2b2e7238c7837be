"""Messages in bulk: one array a property, one element a message."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from cem.simulator.draws import Ints
from cem.simulator.world.columns import Packed, pack_array, unpack_array

__all__ = ["Messages", "Unrated"]


class Messages(msgspec.Struct):
    """Rated messages, one element a message, sorted by arrival. Times in seconds of the world's clock (0 = start)."""

    arrival: Ints
    time: Ints
    line: Ints
    recipient: NDArray[np.uint64]
    destination: Ints
    segments: Ints
    covered: NDArray[np.bool_]
    charge: Ints

    @classmethod
    def none(cls) -> Messages:
        """Return no messages."""
        empty = np.zeros(0, dtype=np.int64)
        return cls(empty, empty, empty, empty.astype(np.uint64), empty, empty, empty.astype(np.bool_), empty)

    def part(self, which: slice | NDArray[np.int64]) -> Messages:
        """Return these elements."""
        return Messages(*(getattr(self, name)[which] for name in self.__struct_fields__))

    def followed_by(self, later: Messages) -> Messages:
        """Return both, sorted by arrival; ties stay in the order in which they were made."""
        both = Messages(
            *(np.concatenate([getattr(self, n), getattr(later, n)]) for n in self.__struct_fields__)
        )
        return both.part(np.argsort(both.arrival, kind="stable"))

    def pack(self) -> dict[str, Packed]:
        """Return them as plain data."""
        return {name: pack_array(getattr(self, name)) for name in self.__struct_fields__}

    @classmethod
    def unpack(cls, packed: dict[str, Packed]) -> Messages:
        """Return what `pack` was called on."""
        return cls(*(unpack_array(packed[name]) for name in cls.__struct_fields__))


class Unrated(msgspec.Struct):
    """Messages of conversations that run over midnight: they are rated with the day, and the cycle, they fall into."""

    line: Ints
    time: Ints
    recipient: NDArray[np.uint64]
    destination: Ints
    price: Ints

    @classmethod
    def none(cls) -> Unrated:
        """Return no messages."""
        empty = np.zeros(0, dtype=np.int64)
        return cls(empty, empty, empty.astype(np.uint64), empty, empty)

    def pack(self) -> dict[str, Packed]:
        """Return them as plain data."""
        return {name: pack_array(getattr(self, name)) for name in self.__struct_fields__}

    @classmethod
    def unpack(cls, packed: dict[str, Packed]) -> Unrated:
        """Return what `pack` was called on."""
        return cls(*(unpack_array(packed[name]) for name in cls.__struct_fields__))
