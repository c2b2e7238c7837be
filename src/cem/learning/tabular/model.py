"""What all models of tables share of the contract: refusals, version, becoming bytes and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy.typing as npt

from cem.learning.contract import NOTHING_LEARNT
from cem.learning.snapshot import Snapshot, SnapshotError, read_snapshot, write_snapshot

__all__ = ["State", "TabularModel", "truth_of"]

_LAYOUT: Final = 1

State = tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]


class TabularModel(ABC):
    """A model whose parts are plain data and arrays."""

    name: ClassVar[str]

    def __init__(self, recipe: str) -> None:
        self.recipe = recipe
        self.version = NOTHING_LEARNT
        #: Examples learnt.
        self.learnt = 0
        self._refusals: dict[str, int] = {}

    @property
    def refusals(self) -> Mapping[str, int]:
        """How many examples were not learnt, by reason."""
        return self._refusals

    @property
    @abstractmethod
    def limits(self) -> Mapping[str, int]:
        """How often a feature was not learnt, by the limit that it hit ("categories", "columns", "not_finite" ...)."""

    def snapshot(self) -> bytes:
        """Return all of the model as data: equal models give equal bytes."""
        parts, arrays = self._state()
        state = {"learnt": self.learnt, "refusals": dict(self._refusals), **parts}
        return write_snapshot(Snapshot(self.name, self.recipe, _LAYOUT, self.version, state, arrays))

    def restore(self, data: bytes) -> None:
        """Become the model in `data`. Raises SnapshotError and changes nothing when that cannot be."""
        found = read_snapshot(data, model=self.name, layouts=(_LAYOUT,), recipe=self.recipe)
        try:
            learnt = int(found.state["learnt"])
            refusals = {str(reason): int(count) for reason, count in found.state["refusals"].items()}
            self._become(found.state, found.arrays)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise SnapshotError(
                f"this snapshot of {self.name} lacks a part or holds a wrong one: {error}"
            ) from None
        self.learnt, self._refusals, self.version = learnt, refusals, found.version

    def _refuse(self, reason: str) -> bool:
        self._refusals[reason] = self._refusals.get(reason, 0) + 1
        return False

    @abstractmethod
    def _state(self) -> State:
        """Return what was learnt."""

    @abstractmethod
    def _become(self, state: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over what was learnt; raise KeyError, TypeError or ValueError before anything has changed."""


def truth_of(y: object) -> bool | None:
    """Return the truth that a label states, None if it states none: True, False, 1 and 0 do."""
    if isinstance(y, bool | int | float) and y in (0, 1):
        return bool(y)
    return None
