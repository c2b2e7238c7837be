"""What a run says about the ceiling that its hidden world sets for the models."""

from __future__ import annotations

import math

from cem.simulator.world import World

__all__ = ["oracle_sentence"]


def oracle_sentence(world: World) -> str | None:
    """Return how well leaving is foreseen by one who knows the hidden hazards; None while nobody can say."""
    found = world.oracle.area(world.people.left, world.people.dismissed, world.day)
    if found is None:
        return None
    area, examples, positives = found
    error = _standard_error(area, positives, examples - positives)
    return (
        f"an oracle that knows the hidden hazards foresees leaving within 30 days with AUC {area:.3f} +- {error:.3f} "
        f"({positives:,} of {examples:,} examples left)"
    )


def _standard_error(area: float, positives: int, negatives: int) -> float:
    """Return the standard error of an area under the ROC curve (Hanley and McNeil, Radiology 143, 1982)."""
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    variance = area * (1 - area) + (positives - 1) * (q1 - area**2) + (negatives - 1) * (q2 - area**2)
    return math.sqrt(max(0.0, variance) / (positives * negatives))
