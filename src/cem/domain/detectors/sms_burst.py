"""A line that writes to very many within hours: d recipients in 24 hours, half of them in the last three.

A tier is reached at d >= factor x (level + offset) with at least `share_3h` of d in the last 3 clock hours: a worm or a
SIM box works in hours, a popular person all day. Lines younger than `age_days`, whose level nobody knows, need
`young_minimum`. d and the level are those of `recipients`: the level moves by a tenth, once per active day (UTC),
towards the day's last d, which counts as at most 3 x level + 5, so that an episode teaches little. Unit: recipients.
Windows: 24 and 3 clock hours. Equals: the estimates from the cells of all messages in them. Order-free.
"""

from __future__ import annotations

from cem.domain.detectors.recipients import CELLS, HOURS, distinct_centi
from cem.domain.state.lines import Velocity
from cem.domain.thresholds import VelocityPolicy

__all__ = ["burst_factor", "limit_centi"]

_LATELY = 3
#: Hours left of what is older.
_EARLIER = bytes(range(HOURS - _LATELY + 1))


def limit_centi(velocity: Velocity, policy: VelocityPolicy, factor: float) -> int:
    """Return the number of distinct recipients, in hundredths, from which a tier is reached."""
    return max(policy.minimum * 100, round(factor * (velocity.level_centi + policy.offset * 100)))


def burst_factor(velocity: Velocity, age_days: int, policy: VelocityPolicy) -> float:
    """Return how often the line's recipients of 24 hours hold its level and the offset; 0 for what is no burst."""
    cells = velocity.cells
    found_centi = distinct_centi(cells)
    if found_centi < limit_centi(velocity, policy, policy.notice_factor):
        return 0.0
    if age_days < policy.age_days and found_centi < 100 * policy.young_minimum:
        return 0.0
    left = cells if len(cells) == CELLS else cells[1::2]
    lately = len(left.translate(None, _EARLIER))
    if 100 * lately < policy.share_3h * found_centi:
        return 0.0
    return found_centi / (velocity.level_centi + 100 * policy.offset)
