"""A line that writes to very many within hours: d recipients in the last six clock hours, where its day has few.

A tier is reached at d >= factor x (level + offset), and `minimum`: a worm or a SIM box works in hours, a popular person
all day. Six hours tell both a fast and a slow burst from a long day, whatever came before in it. Lines younger than
`age_days`, whose level nobody knows, need `young_minimum`. d and the level are those of `recipients`: the level is that of
whole days, and moves by a tenth, once per active day (UTC), towards the day's last number, which counts as at most
3 x level + 5, so that an episode teaches little. Unit: recipients. Windows: `hours` clock hours, and 24 for the level.
Equals: the estimates from the cells of all messages in them. Order-free.
"""

from __future__ import annotations

from cem.domain.detectors.recipients import CELLS, HOURS, distinct_centi, occupied_centi
from cem.domain.state.lines import Velocity
from cem.domain.thresholds import VelocityPolicy

__all__ = ["lately_centi", "limit_centi", "looks_like_many"]

#: Hours left of what is older than so many hours, by hours.
_EARLIER = tuple(bytes(range(HOURS - hours + 1)) for hours in range(HOURS + 1))


def limit_centi(velocity: Velocity, policy: VelocityPolicy, factor: float) -> int:
    """Return the number of distinct recipients, in hundredths, from which a tier is reached."""
    return max(policy.minimum * 100, round(factor * (velocity.level_centi + policy.offset * 100)))


def looks_like_many(velocity: Velocity, policy: VelocityPolicy) -> bool:
    """Return whether the whole day's recipients reach the notice threshold: if not, six hours' cannot."""
    return distinct_centi(velocity.cells) >= limit_centi(velocity, policy, policy.notice_factor)


def lately_centi(velocity: Velocity, age_days: int, policy: VelocityPolicy) -> int:
    """Return the line's recipients of the last `hours`, in hundredths, if they are a burst; 0 if they are none."""
    cells = velocity.cells
    left = cells if len(cells) == CELLS else cells[1::2]
    found_centi = occupied_centi(len(left.translate(None, _EARLIER[policy.hours])))
    if found_centi < limit_centi(velocity, policy, policy.notice_factor):
        return 0
    if age_days < policy.age_days and found_centi < 100 * policy.young_minimum:
        return 0
    return found_centi
