"""What a day's messages say for a rise."""

from __future__ import annotations

from itertools import pairwise
from math import exp, lgamma, log

import pytest

from cem.domain.detectors.sms_evidence import LEAST, Shape, evidence_for, messages_for
from cem.domain.state.habits import NEVER

_SHAPE = Shape(0.2, 3.0, (3.0, 6.0), 1.0)


def _log_chance(n: int, mean: float, k: float) -> float:
    """Return the logarithm of a negative binomial chance."""
    return lgamma(n + k) - lgamma(k) - lgamma(n + 1) + k * log(k / (k + mean)) + n * log(mean / (k + mean))


@pytest.mark.parametrize("usual", [0.1, 0.7, 4.0, 60.0])
def test_evidence_is_the_ratio_of_two_negative_binomial_chances(usual: float) -> None:
    """Until it reaches its cap or begins to fall, a row is the log-likelihood ratio at a mean within 1 % of the asked one."""
    usual = exp(round(50 * log(usual)) / 50)
    for times, row in zip(_SHAPE.times, evidence_for(_SHAPE, 2.5).of(usual), strict=True):
        risen = max(times * usual, usual + (times - 1) * _SHAPE.least)
        for n, value in enumerate(row):
            ratio = _log_chance(n, risen, _SHAPE.risen_k) - _log_chance(n, usual, _SHAPE.usual_k)
            assert value == pytest.approx(max(LEAST, min(2.5, ratio)), abs=1e-9)


@pytest.mark.parametrize("usual", [0.01, 0.1, 1.0, 9.0, 200.0])
def test_more_messages_never_say_less(usual: float) -> None:
    """A row does not fall, and ends at the cap or where it would."""
    for row in evidence_for(_SHAPE, 2.5).of(usual):
        assert all(a <= b for a, b in pairwise(row))
        assert row[0] < 0 < row[-1] <= 2.5


def test_the_messages_for_what_is_missing_are_the_least_that_reach_it() -> None:
    """One message less does not, and what is beyond the row is never reached."""
    row, _ = evidence_for(_SHAPE, 2.5).of(2.0)
    n = messages_for(row, 1.0)
    assert row[n - 1] < 1.0 <= row[n]
    assert messages_for(row, 2.6) == NEVER
