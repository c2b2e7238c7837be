"""What drives a prediction, in words: what would be said if one thing about the customer were as usual.

For each feature the score is taken once more with the feature's typical value (the mean, or the most frequent
category) in its place; the difference is its effect. It needs nothing of the model but its scores, so all recipes
explain themselves the same way. Cost: one prediction a feature, on demand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from cem.learning.tabular.encoder import Encoder, Value

__all__ = ["Driver", "drivers"]


class Driver(msgspec.Struct, frozen=True):
    """One feature's part in a prediction."""

    feature: str
    #: Difference that it makes to the score (log-odds, or points): above 0 it raises.
    effect: float
    #: For a person to read.
    words: str


def drivers(
    x: Mapping[str, Value], encoder: Encoder, score: Callable[[Mapping[str, Value]], float], most: int = 3
) -> list[Driver]:
    """Return at most `most` features of `x` by the size of their effect on `score`, the largest first."""
    here = score(x)
    found: list[Driver] = []
    for name, value in x.items():
        column = encoder.columns.get(name)
        if column is None or value is None:
            continue
        typical = encoder.typical(name)
        if typical is None or typical == value:
            continue
        effect = here - score({**x, name: typical})
        if effect:
            found.append(Driver(name, effect, _words(name, value, typical, column.deviation, effect)))
    found.sort(key=lambda each: (-abs(each.effect), each.feature))
    return found[:most]


def _words(name: str, value: Value, typical: Value, deviation: float, effect: float) -> str:
    does = "raises it" if effect > 0 else "lowers it"
    if isinstance(value, str) or isinstance(typical, str):
        return f"{name} is {value} (usually {_shown(typical)}): {does}"
    assert value is not None and typical is not None
    off = (value - typical) / deviation if deviation else 0.0
    far = "far " if abs(off) >= 2.0 else "a little " if abs(off) < 0.5 else ""
    side = "above" if value > typical else "below"
    return f"{name} is {_shown(value)}, {far}{side} the mean of {_shown(typical)}: {does}"


def _shown(value: Value) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
