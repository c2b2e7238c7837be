"""What an evaluation found, in the shape that `cem evaluate --json` prints."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

__all__ = ["CurvePoint", "Metrics", "Report", "metrics"]

#: Name of a measure to its value.
Metrics = dict[str, float]


class CurvePoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """How good the model was over the first `rows` rows, and on the held-out ones after them."""

    rows: int
    prequential: Metrics
    holdout: Metrics = {}


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """One evaluation. What does not apply is left out."""

    model: str
    recipe: str
    #: Rows learnt and rows held out.
    rows: int
    #: Prequential, over all rows learnt.
    metrics: Metrics
    first_500: Metrics = {}
    #: `rows`, and the measures on the held-out rows after learning the others.
    holdout: Metrics = {}
    #: All rows, before any of them was learnt.
    zero_shot: Metrics = {}
    curve: list[CurvePoint] = []
    cost_us: dict[str, float] = {}
    #: Share of another domain's texts on which the model abstains.
    foreign_unknown_share: float | None = None

    def document(self, rejected: int) -> dict[str, object]:
        """Return it as plain data, with how many rows of the file could not be used."""
        plain: dict[str, object] = msgspec.to_builtins(self)
        head = {name: plain.pop(name) for name in ("model", "recipe", "rows")}
        return head | {"rejected": rejected} | plain


def metrics(found: Mapping[str, float | None]) -> Metrics:
    """Return what says something, rounded to six places."""
    return {
        name: round(value, 6) for name, value in found.items() if value is not None and math.isfinite(value)
    }
