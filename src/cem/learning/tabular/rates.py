"""What share of the latest examples was positive, over three half-lives: the base rate as the stream sees it drift."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cem.learning.tabular.numbers import logit

__all__ = ["HALF_LIVES", "BaseRates"]

#: In examples.
HALF_LIVES: Final = (20, 100, 500)
_STEPS: Final = tuple(1.0 - 0.5 ** (1.0 / half_life) for half_life in HALF_LIVES)
_START: Final = 0.1
_LEAST: Final = 0.005


class BaseRates:
    """Shares of positives that fade at different rates."""

    def __init__(self) -> None:
        self._shares = [_START] * len(HALF_LIVES)

    def features(self) -> dict[str, float]:
        """Return their log-odds by name."""
        return {
            f"last {half_life}": logit(min(1.0 - _LEAST, max(_LEAST, share)))
            for half_life, share in zip(HALF_LIVES, self._shares, strict=True)
        }

    def learn(self, positive: bool) -> None:
        """Learn the latest label."""
        label = 1.0 if positive else 0.0
        self._shares = [
            share + (label - share) * step for share, step in zip(self._shares, _STEPS, strict=True)
        ]

    def state(self) -> list[float]:
        """Return all of it as plain data."""
        return list(self._shares)

    @classmethod
    def from_state(cls, state: Any) -> BaseRates:
        """Return the rates whose `state` it is. Raises ValueError for anything else."""
        made = cls()
        made._shares = msgspec.convert(state, list[float])
        if len(made._shares) != len(HALF_LIVES):
            raise ValueError("the base rates are of other half-lives")
        return made
