"""What telling avoids: an interval that may be looked at as often as one likes."""

from __future__ import annotations

import random
from math import sqrt

import pytest

from cem.alerts.interval import LEAST_PER_ARM, Arm, Difference, difference


def test_nothing_is_said_too_early() -> None:
    """Either arm too small: no interval rather than one that does not hold."""
    assert difference(Arm(10_000, 2_000), Arm(LEAST_PER_ARM - 1, 10)) is None
    assert difference(Arm(0, 0), Arm(0, 0)) is None
    assert difference(Arm(LEAST_PER_ARM, 0), Arm(LEAST_PER_ARM, 0)) is not None


def test_it_is_what_the_formula_gives() -> None:
    """By hand, at 20,000 observations: 3.07 standard deviations to each side, 1.57 times the fixed-sample interval."""
    found = difference(Arm(10_000, 1_800), Arm(10_000, 2_000))
    assert isinstance(found, Difference)
    sd = sqrt((0.18 * 0.82 + 0.2 * 0.8) / 10_000)
    assert found.estimate == pytest.approx(0.02)
    assert (found.high - found.low) / 2 / sd == pytest.approx(3.07, abs=0.01)
    assert found.helps
    assert not found.useless


def test_a_type_that_does_harm_is_known_as_useless() -> None:
    """More calls among those told."""
    found = difference(Arm(20_000, 4_400), Arm(20_000, 4_000))
    assert found is not None
    assert found.useless


@pytest.mark.parametrize(("told", "held"), [(Arm(100, 101), Arm(100, 1)), (Arm(100, 1), Arm(100, -1))])
def test_impossible_counts_are_refused(told: Arm, held: Arm) -> None:
    """More events than observations, or fewer than none."""
    with pytest.raises(ValueError, match="events among"):
        difference(told, held)


def test_looking_often_finds_nothing_where_nothing_is() -> None:
    """Of 100 runs without any effect, looked at every 100 observations, at most 5 say that there is one."""
    draw = random.Random(4)
    wrong = 0
    for _ in range(100):
        arms = [[0, 0], [0, 0]]
        for count in range(1, 5_001):
            arm = arms[draw.random() < 0.5]
            arm[0] += 1
            arm[1] += draw.random() < 0.2
            if count % 100 == 0:
                found = difference(Arm(*arms[0]), Arm(*arms[1]))
                if found is not None and (found.low > 0 or found.high < 0):
                    wrong += 1
                    break
    assert wrong <= 5
