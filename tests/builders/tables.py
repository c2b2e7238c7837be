"""Tables of customers that do not exist, with a known way of leaving."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

__all__ = ["Features", "leaving", "staircase"]

Features = dict[str, float | int | bool | str | None]


def leaving(rows: int, seed: int = 1) -> Iterator[tuple[Features, bool, float]]:
    """Yield features, whether he left, and the true chance: by contract, tenure, calls and spending of his."""
    dice = random.Random(seed)
    for _ in range(rows):
        contract = dice.choice(("monthly", "yearly", "two years"))
        tenure = dice.uniform(0, 72)
        calls = dice.choice((0, 0, 0, 1, 1, 2, 3, 5))
        spent = dice.lognormvariate(3, 0.6)
        score = -1.2 + {"monthly": 1.0, "yearly": -0.5, "two years": -1.5}[contract]
        score += -0.03 * tenure + 0.45 * calls
        chance = 1 / (1 + math.exp(-score))
        features: Features = {
            "contract": contract,
            "tenure": tenure,
            "calls": float(calls),
            "spent": spent,
            "area": f"area {dice.randrange(12)}",
        }
        if dice.random() < 0.1:
            del features["spent"]
        yield features, dice.random() < chance, chance


def staircase(rows: int, seed: int = 1) -> Iterator[tuple[Features, bool]]:
    """Yield rows where only two numbers together say anything: he leaves if exactly one of them is high."""
    dice = random.Random(seed)
    for _ in range(rows):
        features: Features = {name: dice.gauss(0, 1) for name in ("a", "b", "c", "d")}
        odd = (float(features["a"] or 0) > 0) != (float(features["b"] or 0) > 0)
        yield features, dice.random() < (0.8 if odd else 0.1)
