"""Where a value stands in a population that changes all the time: counts in buckets, from which members can also leave.

A bucket of a positive value x is `ceil(log(x) / log(gamma))` with `gamma = (1 + a) / (1 - a)`: every value of a bucket
is within the relative error a of its middle, so ranks are exact up to values that differ by less than 2a. This is
DDSketch (Masson, Rim and Lee, PVLDB 12(12), 2019): counts of two sketches add up, a value that was added can be taken
out again, and equal populations give equal counts in any order. When there are more than `BUCKETS_MOST` buckets the
lowest are put together, as there; a value below them is counted in the lowest.
"""

from __future__ import annotations

from math import ceil, log
from typing import Final

import msgspec

__all__ = [
    "BUCKETS_MOST",
    "RELATIVE_ERROR",
    "Population",
    "add_bucket",
    "bucket_of",
    "merged",
    "moved_score",
    "score",
    "take_bucket",
]

#: The a of the formula.
RELATIVE_ERROR: Final = 0.05
_LOG_GAMMA: Final = log((1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR))
#: At 5 % these cover 51 doublings of a value.
BUCKETS_MOST: Final = 512
#: Of fewer members nobody is above or below the others.
MEMBERS_LEAST: Final = 10


class Population(msgspec.Struct, array_like=True, gc=False):
    """How many members have a value in each bucket."""

    #: Bucket to members, never 0.
    counts: dict[int, int] = {}
    members: int = 0
    #: No bucket is below this one; None until some had to be put together.
    least: int | None = None


def bucket_of(value: float) -> int:
    """Return the bucket of a positive value."""
    return ceil(log(value) / _LOG_GAMMA)


def add_bucket(population: Population, bucket: int) -> None:
    """Let a member with a value of this bucket come in."""
    bucket = _within(population, bucket)
    counts = population.counts
    counts[bucket] = counts.get(bucket, 0) + 1
    population.members += 1
    if len(counts) > BUCKETS_MOST:
        _collapse(population)


def take_bucket(population: Population, bucket: int) -> None:
    """Let a member that came in with this bucket go; one that never came in changes nothing."""
    bucket = _within(population, bucket)
    counts = population.counts
    left = counts.get(bucket, 0) - 1
    if left < 0:
        return
    if left:
        counts[bucket] = left
    else:
        del counts[bucket]
    population.members -= 1


def score(population: Population, bucket: int) -> int:
    """Return the fifth of the population, 1 (lowest) to 5, in which a member of this bucket is; 0 = too few members.

    By the middle of the ranks that members of the bucket share, so that equal values have equal scores.
    """
    members = population.members
    if members < MEMBERS_LEAST:
        return 0
    bucket = _within(population, bucket)
    below = sum([count for other, count in population.counts.items() if other < bucket])
    # In halves, to stay with whole numbers.
    middle = 2 * below + population.counts.get(bucket, 0)
    return min(5, 1 + 5 * middle // (2 * members))


def moved_score(population: Population, left: int | None, came: int) -> int:
    """Let a member go from the bucket `left` (None: he is new) to `came`, and return his score there.

    All that `take_bucket`, `add_bucket` and `score` do one after the other, in one call.
    """
    counts, least = population.counts, population.least
    if least is not None:
        came = came if came > least else least
        left = left if left is None or left > least else least
    if left is not None:
        rest = counts.get(left, 0) - 1
        if rest >= 0:
            if rest:
                counts[left] = rest
            else:
                del counts[left]
            population.members -= 1
    here = counts[came] = counts.get(came, 0) + 1
    members = population.members = population.members + 1
    if len(counts) > BUCKETS_MOST:
        _collapse(population)
        return score(population, came)
    if members < MEMBERS_LEAST:
        return 0
    below = sum([count for other, count in counts.items() if other < came])
    return min(5, 1 + 5 * (2 * below + here) // (2 * members))


def merged(one: Population, other: Population) -> Population:
    """Return the population of the members of both."""
    whole = Population(dict(one.counts), one.members, one.least)
    if other.least is not None and (whole.least is None or other.least > whole.least):
        whole.least = other.least
    whole.counts = {}
    for population in (one, other):
        for bucket, count in population.counts.items():
            place = _within(whole, bucket)
            whole.counts[place] = whole.counts.get(place, 0) + count
    whole.members = one.members + other.members
    while len(whole.counts) > BUCKETS_MOST:
        _collapse(whole)
    return whole


def _within(population: Population, bucket: int) -> int:
    least = population.least
    return bucket if least is None or bucket > least else least


def _collapse(population: Population) -> None:
    """Put the two lowest buckets together."""
    counts = population.counts
    lowest, second = sorted(counts)[:2]
    counts[second] += counts.pop(lowest)
    population.least = second
