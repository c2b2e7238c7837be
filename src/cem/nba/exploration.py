"""Which action is put first when what is believed of it is uncertain, and with what probability.

`none`: every propensity is the mean of its prior, the best action is first with probability 1.

`thompson`: of each prior a fixed table of `samples` values at its even quantiles is shuffled by a hash of the action's
name. The draw picks one row of all tables, and the propensities of that row rank the actions. As every row is equally
likely, the probability that an action is first is the share of rows in which it wins: a count, so it is exact, and the
counts of all actions sum to 1.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from cem.nba.arbitration import Candidate

__all__ = ["draw_of", "explore", "prior_samples"]

_GRID: Final = 512


def draw_of(decision_id: str) -> float:
    """Return the decision's draw in [0, 1): a hash of its id, so that a replay draws the same."""
    digest = hashlib.blake2b(decision_id.encode(), digest_size=8, person=b"cem-draw").digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


def explore(
    candidates: Sequence[Candidate],
    samples: int,
    draw: float,
    first_of: Callable[[Sequence[Candidate]], int],
) -> tuple[list[Candidate], list[float]]:
    """Return the candidates at the drawn row's propensities, and each one's probability of being first.

    `first_of` says which of the candidates would be put first.
    """
    tables = [
        prior_samples(c.action.action, c.action.accepted, c.action.declined, samples) for c in candidates
    ]
    wins = [0] * len(candidates)
    chosen = min(int(draw * samples), samples - 1)
    drawn: list[Candidate] = []
    for row in range(samples):
        at = [c.at(table[row]) for c, table in zip(candidates, tables, strict=True)]
        if row == chosen:
            drawn = at
        wins[first_of(at)] += 1
    return drawn, [w / samples for w in wins]


@lru_cache(maxsize=1024)
def prior_samples(action: str, accepted: float, declined: float, samples: int) -> tuple[float, ...]:
    """Return `samples` values of Beta(accepted, declined) at even quantiles, in an order that the action's name sets."""
    step = 1 / _GRID
    points = [(i + 0.5) * step for i in range(_GRID)]
    logs = [(accepted - 1) * math.log(x) + (declined - 1) * math.log1p(-x) for x in points]
    top = max(logs)
    mass = [math.exp(v - top) for v in logs]
    total = math.fsum(mass)
    values: list[float] = []
    below, i = 0.0, 0
    for k in range(samples):
        target = (k + 0.5) / samples * total
        while i < _GRID - 1 and below + mass[i] < target:
            below += mass[i]
            i += 1
        inside = min(1.0, (target - below) / mass[i]) if mass[i] > 0 else 0.5
        # Rounded, so that another machine's last bit of exp() does not make another sample.
        values.append(round(min(max((i + inside) * step, 1e-6), 1 - 1e-6), 9))
    order = sorted(
        range(samples), key=lambda k: hashlib.blake2b(f"{action}/{k}".encode(), digest_size=8).digest()
    )
    return tuple(values[k] for k in order)
