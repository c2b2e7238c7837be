"""Populations in buckets: ranks, members that leave, bounds."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from hypothesis import given
from hypothesis import strategies as st

from cem.domain.quantiles import (
    BUCKETS_MOST,
    MEMBERS_LEAST,
    RELATIVE_ERROR,
    Population,
    add_bucket,
    bucket_of,
    merged,
    moved_score,
    score,
    take_bucket,
)

VALUES = st.lists(st.floats(0.01, 1e9), min_size=MEMBERS_LEAST, max_size=60)


def population_of(values: list[float]) -> Population:
    """Return the population of these values."""
    population = Population()
    for value in values:
        add_bucket(population, bucket_of(value))
    return population


def fifth(below: int, up_to: int, members: int) -> int:
    """Return the fifth in which the middle of ranks `below` .. `up_to` is."""
    return min(5, 1 + 5 * (below + up_to) // (2 * members))


@given(VALUES, st.data())
def test_a_score_is_that_of_a_value_within_the_stated_error(values: list[float], data: st.DataObject) -> None:
    """The score lies between the exact ones of a value 10 % lower and of one 10 % higher."""
    population = population_of(values)
    value = data.draw(st.sampled_from(values))
    ordered, members = sorted(values), len(values)
    share = 1 + 2.2 * RELATIVE_ERROR
    lowest = bisect_left(ordered, value / share)
    highest = bisect_right(ordered, value * share)
    found = score(population, bucket_of(value))
    assert fifth(lowest, lowest, members) <= found <= fifth(highest, highest, members)


@given(VALUES, VALUES)
def test_who_left_is_as_if_he_had_never_come(stay: list[float], go: list[float]) -> None:
    """In whatever order members come and go, the population is that of those who stayed."""
    population = population_of([*go, *stay])
    for value in reversed(go):
        take_bucket(population, bucket_of(value))
    assert population == population_of(stay)


@given(VALUES, VALUES)
def test_populations_add_up(one: list[float], other: list[float]) -> None:
    """Two populations put together are the population of all their members."""
    assert merged(population_of(one), population_of(other)) == population_of([*one, *other])


BUCKETS = st.integers(0, 12)


@given(
    st.lists(BUCKETS, max_size=30),
    st.none() | BUCKETS,
    BUCKETS,
    st.sampled_from([0, BUCKETS_MOST - 2, BUCKETS_MOST + 5]),
)
def test_who_moves_is_one_who_leaves_comes_and_is_scored(
    members: list[int], left: int | None, came: int, others: int
) -> None:
    """Bucket for bucket and in the same order, also where the lowest buckets are put together."""
    moved, stepped = Population(), Population()
    for population in (moved, stepped):
        for bucket in (*members, *range(-others, 0)):
            add_bucket(population, bucket)
    if left is not None:
        take_bucket(stepped, left)
    add_bucket(stepped, came)
    assert moved_score(moved, left, came) == score(stepped, came)
    assert moved == stepped
    assert [*moved.counts.items()] == [*stepped.counts.items()]


def test_equal_values_have_the_middle_score_and_few_members_none() -> None:
    """Where all are alike everybody is in the middle fifth; below the least number of members nobody is scored."""
    assert score(population_of([7.0] * MEMBERS_LEAST), bucket_of(7.0)) == 3
    assert score(population_of([7.0] * (MEMBERS_LEAST - 1)), bucket_of(7.0)) == 0


def test_a_hundred_different_members_fall_into_equal_fifths() -> None:
    """Twenty of a hundred have each score."""
    values = [1.2**n for n in range(100)]
    population = population_of(values)
    scores = [score(population, bucket_of(value)) for value in values]
    assert scores == [1 + n // 20 for n in range(100)]


def test_the_number_of_buckets_is_bounded_and_the_lowest_give_way() -> None:
    """More than that are put together from below; members of the lowest still leave, and ranks above stay exact."""
    population = Population()
    buckets = range(BUCKETS_MOST + 50)
    for bucket in buckets:
        add_bucket(population, bucket)
    assert len(population.counts) == BUCKETS_MOST
    assert population.counts[50] == 51
    assert score(population, BUCKETS_MOST + 49) == 5
    for bucket in buckets:
        take_bucket(population, bucket)
    assert (population.counts, population.members) == ({}, 0)


def test_who_never_came_cannot_leave() -> None:
    """Taking out an unknown member changes nothing."""
    population = population_of([5.0])
    take_bucket(population, bucket_of(50.0))
    assert population == population_of([5.0])
