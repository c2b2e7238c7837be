"""A customer's features as a vector, with statistics that are learnt on the way and memory that is bounded.

A number becomes its z-score (mean and variance by Welford's method, clipped to 4) and eight *steps*, which are 1
from z > -1.5, -1, ... 2 on: with them a linear model draws any staircase. A text is a category: each of the first 60
of a column has a place of its own, later ones share eight by their hash. A column that was there before and is
missing has a mark. What is seen for the first time when predicting has no place yet and says nothing.

Columns, categories and places are limited; what finds no room is counted in `limits`, and the rest goes on.
"""

from __future__ import annotations

import math
import zlib
from array import array
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = ["MAX_COLUMNS", "MAX_PLACES", "Column", "Encoder", "Value"]

Value = float | int | bool | str | None

MAX_COLUMNS: Final = 256
MAX_PLACES: Final = 512
MAX_LEVELS: Final = 60
#: Beyond this many places a number gets its z-score only, so that wide tables keep all their columns.
_ROOMY: Final = 256
_SHARED: Final = 8
_STEPS: Final = 8
_CLIP: Final = 4.0
_LARGEST: Final = 1e15
_LONGEST: Final = 200
#: What follows a z-score in the vector when n steps are passed.
_ONES: Final = tuple(array("d", [1.0] * n) for n in range(_STEPS + 1))

Vector = npt.NDArray[np.float64]


class Column(msgspec.Struct):
    """What has been seen of one column. Places are positions in the vector, -1 = none."""

    #: Numbers: how many, their mean, and the sum of squared deviations.
    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    place: int = -1
    steps: bool = False
    #: Category to its place, and how often it was seen.
    levels: dict[str, int] = msgspec.field(default_factory=dict)
    seen: dict[str, int] = msgspec.field(default_factory=dict)
    #: First of the places shared by categories that came too late.
    shared: int = -1
    #: The place that marks that it is missing.
    missing: int = -1

    @property
    def numeric(self) -> bool:
        """Whether it has mostly held numbers."""
        return self.count > sum(self.seen.values())

    @property
    def deviation(self) -> float:
        """The numbers' standard deviation."""
        return math.sqrt(self.squares / self.count) if self.count else 0.0

    @property
    def mode(self) -> str | None:
        """The most frequent category; the first seen of equals."""
        return max(self.seen, key=lambda level: self.seen[level], default=None)


class Encoder:
    """Turns mappings of features into vectors; place 0 is always 1."""

    def __init__(self, *, steps: bool = True) -> None:
        """Know no column yet. steps: whether numbers get steps beside their z-score."""
        self.columns: dict[str, Column] = {}
        self.size = 1
        self.with_steps = steps
        self.limits: dict[str, int] = {}
        self._marks = 0
        self._zeros: dict[int, array[float]] = {}

    def observe(self, x: Mapping[str, Value]) -> None:
        """Learn the columns' statistics from `x`, and give places to what is new."""
        columns = self.columns
        found = 0
        number: float
        for name, value in x.items():
            column = columns.get(name)
            if type(value) is float:
                number = value
            elif isinstance(value, str):
                if value:
                    found += 1
                    self._observe_level(name, column, value)
                continue
            elif value is None:
                continue
            elif isinstance(value, int | float):
                number = value
            else:
                self._hit("type")  # type: ignore[unreachable]
                continue
            if not -_LARGEST <= number <= _LARGEST:
                self._hit("not_finite" if number != number or abs(number) == math.inf else "too_large")
                continue
            found += 1
            if column is None and (column := self._new_column(name)) is None:
                continue
            column.count += 1
            delta = number - column.mean
            column.mean += delta / column.count
            column.squares += delta * (number - column.mean)
            if column.place < 0 and column.squares > 0.0:
                self._place_number(column)
        if found < len(columns):
            self._observe_missing(x)

    def encode(self, x: Mapping[str, Value], width: int) -> Vector:
        """Return the vector of `x`, at least as long as `width`."""
        width = max(width, self.size)
        zeros = self._zeros.get(width)
        if zeros is None:
            self._zeros.clear()
            zeros = self._zeros[width] = array("d", bytes(8 * width))
        v = zeros[:]
        v[0] = 1.0
        found = 0
        number: float
        columns = self.columns
        for name, value in x.items():
            column = columns.get(name)
            if column is None:
                continue
            if type(value) is float:
                number = value
            elif isinstance(value, str):
                if value:
                    found += 1
                    place = column.levels.get(value if len(value) <= _LONGEST else value[:_LONGEST])
                    if place is not None:
                        v[place] = 1.0
                    elif column.shared >= 0:
                        v[
                            column.shared + zlib.crc32(value[:_LONGEST].encode("utf-8", "replace")) % _SHARED
                        ] = 1.0
                continue
            elif isinstance(value, int | float):
                number = value
            else:
                continue
            if not -_LARGEST <= number <= _LARGEST:
                continue
            found += 1
            place = column.place
            if place < 0:
                continue
            z = (number - column.mean) / math.sqrt(column.squares / column.count)
            if z > _CLIP:
                z = _CLIP
            elif z < -_CLIP:
                z = -_CLIP
            v[place] = z
            if column.steps and z > -1.5:
                passed = math.ceil((z + 1.5) * 2.0)
                if passed > _STEPS:
                    passed = _STEPS
                v[place + 1 : place + 1 + passed] = _ONES[passed]
        if self._marks and found < len(columns):
            for name, column in columns.items():
                if column.missing >= 0 and not _holds(x.get(name)):
                    v[column.missing] = 1.0
        return np.frombuffer(v)

    def typical(self, name: str) -> Value:
        """Return what is usual in the column: its mean, or its most frequent category."""
        column = self.columns[name]
        return column.mean if column.numeric else column.mode

    def splits(self) -> list[tuple[bool, list[int]]]:
        """Return by which places trees may ask of each column: (whether z-scores, places)."""
        found: list[tuple[bool, list[int]]] = []
        for column in self.columns.values():
            if column.place >= 0:
                found.append((True, [column.place]))
            marks = list(column.levels.values())
            if column.shared >= 0:
                marks += range(column.shared, column.shared + _SHARED)
            if column.missing >= 0:
                marks.append(column.missing)
            if marks:
                found.append((False, marks))
        return found

    def state(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "columns": {name: msgspec.to_builtins(column) for name, column in self.columns.items()},
            "size": self.size,
            "steps": self.with_steps,
            "limits": dict(self.limits),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Encoder:
        """Return the encoder whose `state` it is. Raises msgspec.ValidationError or KeyError for anything else."""
        made = cls(steps=bool(state["steps"]))
        made.columns = msgspec.convert(state["columns"], dict[str, Column])
        made.size = msgspec.convert(state["size"], int)
        made.limits = msgspec.convert(state["limits"], dict[str, int])
        made._marks = sum(column.missing >= 0 for column in made.columns.values())
        return made

    def _new_column(self, name: str) -> Column | None:
        if len(self.columns) >= MAX_COLUMNS or not _is_text(name):
            self._hit("columns")
            return None
        column = self.columns[name] = Column()
        return column

    def _take(self, places: int) -> int:
        if self.size + places > MAX_PLACES:
            self._hit("places")
            return -1
        self.size += places
        return self.size - places

    def _place_number(self, column: Column) -> None:
        column.steps = self.with_steps and self.size + 1 + _STEPS <= _ROOMY
        column.place = self._take(1 + _STEPS if column.steps else 1)

    def _observe_level(self, name: str, column: Column | None, value: str) -> None:
        value = value[:_LONGEST]
        if column is None and (column := self._new_column(name)) is None:
            return
        if value in column.seen:
            column.seen[value] += 1
        elif not _is_text(value):
            self._hit("text")
        elif len(column.seen) < MAX_LEVELS:
            column.seen[value] = 1
            if (place := self._take(1)) >= 0:
                column.levels[value] = place
        else:
            self._hit("categories")
            if column.shared < 0:
                column.shared = self._take(_SHARED)

    def _observe_missing(self, x: Mapping[str, Value]) -> None:
        for name, column in self.columns.items():
            if column.missing < 0 and self.size < _ROOMY and not _holds(x.get(name)):
                column.missing = self._take(1)
                self._marks += 1

    def _hit(self, limit: str) -> None:
        self.limits[limit] = self.limits.get(limit, 0) + 1


def _holds(value: Value) -> bool:
    """Return whether there is a value at all."""
    if isinstance(value, str):
        return bool(value)
    return isinstance(value, int | float) and -_LARGEST <= value <= _LARGEST


def _is_text(text: str) -> bool:
    """Return whether it can be written down: no half of a surrogate pair, and no longer than a name should be."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return len(text) <= _LONGEST
