"""A line that writes to very many within hours: d recipients in 24 hours, half of them in the last three.

A tier is reached at d >= factor x (level + offset) with at least `share_3h` of d in the last 3 clock hours: a worm or a
SIM box works in hours, a popular person all day. Lines younger than `age_days`, whose level nobody knows, need
`young_minimum`. d and the level are those of `recipients`. Unit: recipients. Windows: 24 and 3 clock hours. Equals: the
estimates from the cells of all messages in them. Order-free.
"""

from __future__ import annotations

from cem.domain.detectors.recipients import CELLS, HOURS, age, distinct_centi, see
from cem.domain.state.lines import Velocity
from cem.domain.thresholds import BurstPolicy

__all__ = ["burst_factor", "note_recipient_of"]

_LATELY = 3


def note_recipient_of(velocity: Velocity | None, recipient: str, hour: int) -> Velocity:
    """Fold a message of that hour (since the epoch); the level learns each day that is over."""
    if velocity is None:
        velocity = Velocity(hour, day=hour // 24)
    elif hour // 24 > velocity.day:
        age(velocity, max(velocity.hour, velocity.day * 24 + 23))
        level_centi = velocity.level_centi
        day_centi = min(distinct_centi(velocity.cells), 3 * level_centi + 500)
        velocity.level_centi = level_centi + (day_centi - level_centi) // 10
        velocity.day = hour // 24
    see(velocity, recipient, hour)
    return velocity


def burst_factor(velocity: Velocity, age_days: float, policy: BurstPolicy) -> float:
    """Return how often the line's recipients of 24 hours hold its level and the offset; 0 for what is no burst."""
    cells = velocity.cells
    found = distinct_centi(cells) / 100
    usual = velocity.level_centi / 100 + policy.offset
    if found < policy.notice_factor * usual or (age_days < policy.age_days and found < policy.young_minimum):
        return 0.0
    left = cells if len(cells) == CELLS else cells[1::2]
    lately = sum(1 for hours in left if hours > HOURS - _LATELY)
    return found / usual if lately >= policy.share_3h * found else 0.0
