"""The sketch of distinct recipients against the set of cells and against the truth."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain.detectors.recipients import (
    CELLS,
    HOURS,
    age,
    aged,
    distinct_centi,
    hour_below,
    note_recipient,
)
from cem.domain.state.lines import Line, Velocity

HOUR0 = 480_000


def see(velocity: Velocity, recipient: str, hour: int) -> None:
    note_recipient(Line(velocity=velocity), recipient, hour)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 80), st.integers(0, 400)), max_size=300), st.randoms())
def test_any_order_is_the_same_and_equals_the_set_of_cells(
    drawn: list[tuple[int, int]], shuffled: random.Random
) -> None:
    """The bytes depend on the messages of the window only, not on the order in which they came."""
    forwards, backwards = Velocity(HOUR0), Velocity(HOUR0)
    for hour, recipient in drawn:
        see(forwards, f"r{recipient}", HOUR0 + hour)
    arrived = list(drawn)
    shuffled.shuffle(arrived)
    for hour, recipient in arrived:
        see(backwards, f"r{recipient}", HOUR0 + hour)
    assert (forwards.hour, forwards.cells) == (backwards.hour, backwards.cells)
    newest = HOUR0 + max((hour for hour, _ in drawn), default=0)
    for later in (0, 1, 5, 23, 24):
        cells = Velocity(newest + later)
        for hour, recipient in drawn:
            see(cells, f"r{recipient}", HOUR0 + hour)
        assert aged(forwards.cells, later) == cells.cells


def test_error_against_the_truth() -> None:
    """At 10, 60 and 300 recipients the estimate's bias stays near 1 % and its spread below 6.5 %."""
    rng = random.Random(7)
    for recipients in (10, 60, 300):
        errors = []
        for run in range(200):
            velocity = Velocity(HOUR0)
            for number in range(recipients):
                see(velocity, f"d{run * 1000 + number}", HOUR0 + rng.randrange(HOURS))
            age(velocity, max(velocity.hour, HOUR0 + HOURS - 1))
            errors.append(distinct_centi(velocity.cells) / 100 / recipients - 1)
        mean = sum(errors) / len(errors)
        spread = (sum((e - mean) ** 2 for e in errors) / len(errors)) ** 0.5
        assert abs(mean) < 0.012, recipients
        assert spread < 0.065, recipients


def test_few_recipients_take_few_bytes_and_many_never_more_than_cells() -> None:
    """Two bytes a recipient while they are few; at most one byte a cell."""
    velocity = Velocity(HOUR0)
    for number in range(6):
        see(velocity, f"r{number}", HOUR0)
    assert len(velocity.cells) == 12
    for number in range(5000):
        see(velocity, f"r{number}", HOUR0)
    assert len(velocity.cells) == CELLS
    assert distinct_centi(velocity.cells) > 100_000
    age(velocity, HOUR0 + 24)
    assert velocity.cells == b""


def test_hour_below_is_exact() -> None:
    """Without new messages, the estimate falls below the limit in that hour and not in the one before."""
    velocity = Velocity(HOUR0)
    for number in range(60):
        see(velocity, f"r{number}", HOUR0 + number // 3)
    for limit in (500, 1_500, 3_000, 5_000):
        hour = hour_below(velocity, limit)
        assert distinct_centi(aged(velocity.cells, hour - velocity.hour)) < limit
        if hour > velocity.hour:
            assert distinct_centi(aged(velocity.cells, hour - 1 - velocity.hour)) >= limit
