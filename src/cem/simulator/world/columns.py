"""A table of named numpy columns that can grow, and be written as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["Columns", "Packed"]


class Packed(msgspec.Struct, frozen=True):
    """One column as plain data."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


class Columns:
    """Rows of numbers, one attribute a column. A subclass lists its columns as name -> (dtype, default, width)."""

    COLUMNS: ClassVar[Mapping[str, tuple[str, float, int]]]

    def __init__(self) -> None:
        self.rows = 0
        for name, (dtype, _, width) in self.COLUMNS.items():
            setattr(self, name, np.zeros((0, width) if width > 1 else 0, dtype=dtype))

    def grow(self, rows: int) -> int:
        """Add rows of defaults; return the number of the first of them."""
        first = self.rows
        self.rows += rows
        for name, (dtype, default, width) in self.COLUMNS.items():
            column: NDArray[Any] = getattr(self, name)
            new = np.full((rows, width) if width > 1 else rows, default, dtype=dtype)
            setattr(self, name, np.concatenate([column, new]))
        return first

    def pack(self) -> dict[str, Packed]:
        """Return every column as plain data."""
        return {name: pack_array(getattr(self, name)) for name in self.COLUMNS}

    def unpack(self, packed: Mapping[str, Packed]) -> None:
        """Take over what `pack` returned."""
        for name in self.COLUMNS:
            setattr(self, name, unpack_array(packed[name]))
        self.rows = len(getattr(self, next(iter(self.COLUMNS))))


def pack_array(array: NDArray[Any]) -> Packed:
    """Return the array as plain data."""
    return Packed(array.dtype.str, array.shape, array.tobytes())


def unpack_array(packed: Packed) -> NDArray[Any]:
    """Return the array again; its own copy, to be written to."""
    return np.frombuffer(packed.data, dtype=packed.dtype).reshape(packed.shape).copy()
