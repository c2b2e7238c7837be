"""A line that writes to very many within hours: d recipients in 24 hours, half of them in the last three.

A tier is reached at d >= factor x (level + offset) with at least `share_3h` of d in the last 3 clock hours: a worm or a
SIM box works in hours, a popular person all day. Lines younger than `age_days`, whose level nobody knows, need
`young_minimum`. d and the level are those of `recipients`. Unit: recipients. Windows: 24 and 3 clock hours. Equals: the
estimates from the cells of all messages in them. Order-free.
"""

from __future__ import annotations

from cem.domain.detectors.recipients import CELLS, HOURS, distinct_centi
from cem.domain.state.lines import Velocity
from cem.domain.thresholds import BurstPolicy

__all__ = ["burst_factor"]

_LATELY = 3
#: Hours left of what is older.
_EARLIER = bytes(range(HOURS - _LATELY + 1))


def burst_factor(velocity: Velocity, age_days: float, policy: BurstPolicy) -> float:
    """Return how often the line's recipients of 24 hours hold its level and the offset; 0 for what is no burst."""
    cells = velocity.cells
    found = distinct_centi(cells) / 100
    usual = velocity.level_centi / 100 + policy.offset
    if found < policy.notice_factor * usual or (age_days < policy.age_days and found < policy.young_minimum):
        return 0.0
    left = cells if len(cells) == CELLS else cells[1::2]
    lately = len(left.translate(None, _EARLIER))
    return found / usual if lately >= policy.share_3h * found else 0.0
