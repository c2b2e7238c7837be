"""The shape of a conversation's mood: where it stands, where it goes, where it turned. Arithmetic only.

Each utterance has a mood and a weight: short ones say little, so each counts by its words, up to a sentence.

- level: the mean, later utterances counting more (half as much for each three utterances back);
- trend: the slope of the weighted least-squares line, per utterance;
- turning point: the utterance from which on the mean differs most from the mean before (one change point by least
  squares: Hawkins, Testing a Sequence of Observations for a Shift in Location, JASA 72, 1977), if by enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

__all__ = ["MoodShape", "shape_of", "weight_of"]

_HALF_LIFE: Final = 3.0
#: Words from which on an utterance counts whole.
_WHOLE: Final = 8
#: Means before and after a turning point differ by this much at least.
_TURN: Final = 0.35


class MoodShape(msgspec.Struct, frozen=True):
    """Level, trend per utterance, index of the first utterance after the turn (None: no turn), and its size."""

    level: float
    trend: float
    turned_at: int | None
    turned_by: float


def weight_of(words: int) -> float:
    """Return what an utterance of so many words counts, up to 1."""
    return min(_WHOLE, max(1, words)) / _WHOLE


def shape_of(moods: Sequence[float], weights: Sequence[float]) -> MoodShape:
    """Return the shape of the moods (-1 to 1) in order; there is at least one."""
    recent = [weight * 0.5 ** ((len(moods) - 1 - at) / _HALF_LIFE) for at, weight in enumerate(weights)]
    turned_at, turned_by = _turn(moods, weights)
    return MoodShape(_mean(moods, recent), _slope(moods, weights), turned_at, turned_by)


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)


def _slope(values: Sequence[float], weights: Sequence[float]) -> float:
    places = range(len(values))
    place, value = _mean(places, weights), _mean(values, weights)
    spread = sum(w * (x - place) ** 2 for x, w in zip(places, weights, strict=True))
    if spread == 0:
        return 0.0
    return (
        sum(w * (x - place) * (y - value) for x, y, w in zip(places, values, weights, strict=True)) / spread
    )


def _turn(values: Sequence[float], weights: Sequence[float]) -> tuple[int | None, float]:
    best: tuple[float, int | None, float] = (0.0, None, 0.0)
    for at in range(1, len(values)):
        before, after = sum(weights[:at]), sum(weights[at:])
        step = _mean(values[at:], weights[at:]) - _mean(values[:at], weights[:at])
        gain = before * after / (before + after) * step * step
        if abs(step) >= _TURN and gain > best[0]:
            best = (gain, at, step)
    return best[1], best[2]
