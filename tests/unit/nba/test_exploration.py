"""Exploration: the logged probability is the one with which the action is put first."""

from __future__ import annotations

from collections import Counter

import pytest

from cem.nba import decide, draw_of
from cem.nba.exploration import prior_samples
from tests.builders.nba import action, context, decided, names, small_policy

THOMPSON = "exploration: {method: thompson, samples: 32}\n"


def policy(method: str = THOMPSON):
    return small_policy(
        action("a", accepted=5, declined=5)
        + action("b", accepted=4, declined=6)
        + action("c", accepted=1, declined=9),
        method,
    )


def test_without_exploration_the_best_has_probability_one() -> None:
    """And the others none: the log does not claim a chance that there was not."""
    assert [a.probability for a in decided(policy("")).ranked] == [1.0, 0.0, 0.0, 0.0]


def test_thompson_probabilities_are_the_frequencies_over_all_draws() -> None:
    """Every row of samples is drawn alike; the shares of wins are the logged probabilities, and sum to exactly 1."""
    p = policy()
    wins: Counter[str] = Counter()
    for row in range(32):
        decision = decide(context(), p.catalogue, p.params, (row + 0.5) / 32)
        wins[names(decision)[0]] += 1
        logged = {a.action: a.probability for a in decision.ranked}
        assert sum(logged.values()) == 1.0
    assert {name: n / 32 for name, n in wins.items()} == {k: v for k, v in logged.items() if v}
    assert len(wins) >= 2


def test_the_draw_is_a_hash_of_the_decision_id() -> None:
    """The same id draws the same, other ids evenly."""
    draws = [draw_of(f"c{i}.x") for i in range(4000)]
    assert draw_of("c1.x") == draws[1]
    assert all(0 <= d < 1 for d in draws)
    assert sum(draws) / len(draws) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("a", "b"), [(9, 1), (0.5, 0.5), (2, 98), (500, 500)])
def test_the_samples_of_a_prior_have_its_mean(a: float, b: float) -> None:
    """Even quantiles of Beta(a, b), in an order of the action's own."""
    samples = prior_samples("x", a, b, 256)
    assert sum(samples) / 256 == pytest.approx(a / (a + b), abs=0.01)
    assert all(0 < s < 1 for s in samples)
    assert sorted(samples) == sorted(prior_samples("y", a, b, 256))
    assert samples != prior_samples("y", a, b, 256)
