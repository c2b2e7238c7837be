"""Champion and challengers: the better recipe takes over, not too soon, and every change has its reason."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from cem.learning.champion import Champion, Contest
from cem.learning.churn import ChurnModel, ChurnScore
from cem.learning.contract import NOTHING_LEARNT, Model
from cem.learning.snapshot import Snapshot, SnapshotError, read_snapshot, write_snapshot
from tests.builders.tables import leaving

_SMALL = Contest(least=100, half_life=200, patience=50)


class Guesser:
    """A model that says what it was told to say; it learns nothing but a count."""

    name = "guess"

    def __init__(self, recipe: str, guess: float) -> None:
        self.recipe = recipe
        self.guess = guess
        self.version = NOTHING_LEARNT
        self.refusals: dict[str, int] = {}

    def predict_one(self, x: Any) -> float:
        return self.guess

    def predict_many(self, xs: Any) -> list[float]:
        return [self.guess for _ in xs]

    def learn_one(self, x: Any, y: float) -> bool:
        return not math.isnan(y)

    def snapshot(self) -> bytes:
        return write_snapshot(Snapshot(self.name, self.recipe, 1, self.version, {"guess": self.guess}, {}))

    def restore(self, data: bytes) -> None:
        self.guess = read_snapshot(data, model=self.name, layouts=(1,)).state["guess"]


def _contest(*guesses: float) -> Champion:
    models = [Guesser(f"says {guess:g}", guess) for guess in guesses]
    return Champion(models, lambda said, truth: (said - truth) ** 2, _SMALL)


def test_the_better_takes_over_and_says_why() -> None:
    """A challenger who is nearer to the truth becomes champion after the least examples and the patience, not before."""
    contest = _contest(1.0, 0.2)
    assert isinstance(contest, Model)
    dice = random.Random(1)
    reigns = []
    for _ in range(300):
        contest.learn_one(None, dice.gauss(0, 0.3))
        reigns.append(contest.recipe)
    assert reigns[98] == "says 1"
    assert reigns[-1] == "says 0.2"
    assert contest.predict_one(None) == 0.2
    change = next(each for each in contest.changes if each.champion == "says 0.2")
    assert change.examples >= _SMALL.least
    assert "says 0.2 lost" in change.why and "says 1" in change.why


def test_equals_do_not_take_turns() -> None:
    """Two recipes that differ by less than is worth having stay as they are for 5,000 examples."""
    contest = _contest(0.0, 0.001)
    dice = random.Random(2)
    for _ in range(5000):
        contest.learn_one(None, dice.gauss(0, 1))
    assert contest.recipe == "says 0"


def test_when_the_world_turns_the_champion_does() -> None:
    """The truth moves from one recipe's guess to the other's and back: two changes, and the drift is noted."""
    contest = _contest(0.0, 1.0)
    dice = random.Random(3)
    for at in range(3000):
        contest.learn_one(None, dice.gauss(1.0 if 1000 <= at < 2000 else 0.0, 0.3))
    crowns = [each.champion for each in contest.changes if "lost" in each.why]
    assert crowns == ["says 1", "says 0"]
    assert contest.drifts >= 2


def test_what_the_champion_refuses_counts_for_nobody() -> None:
    """A label that cannot be learnt changes no standing."""
    contest = _contest(0.0, 1.0)
    assert contest.learn_one(None, math.nan) is False
    assert contest.examples == 0
    assert all(each.examples == 0 for each in contest.standings)


def test_a_pin_holds() -> None:
    """A pinned recipe stays whatever it loses; without the pin quality decides again."""
    contest = _contest(0.0, 1.0)
    contest.pin("says 1")
    for _ in range(400):
        contest.learn_one(None, 0.0)
    assert contest.recipe == "says 1"
    contest.pin(None)
    for _ in range(100):
        contest.learn_one(None, 0.0)
    assert contest.recipe == "says 0"
    with pytest.raises(KeyError):
        contest.pin("nobody")


def test_a_restored_contest_goes_on_the_same() -> None:
    """Champion, standings, log and both churn models come back; going on gives the same bytes."""

    def made() -> Champion:
        models = [ChurnModel("bayes"), ChurnModel("bayes-trees")]
        return Champion(models, _surprise, _SMALL)

    whole = made()
    for number, (x, left, _) in enumerate(leaving(260, 3)):
        if number == 150:
            half = made()
            half.restore(whole.snapshot())
        if number >= 150:
            half.learn_one(x, left)
        whole.learn_one(x, left)
    assert half.snapshot() == whole.snapshot()
    assert half.standings == whole.standings


def test_a_foreign_snapshot_changes_nothing() -> None:
    """A contest of other recipes is refused."""
    contest = _contest(0.0, 1.0)
    with pytest.raises(SnapshotError):
        contest.restore(_contest(0.0, 2.0).snapshot())
    assert contest.predict_one(None) == 0.0


def test_a_contest_needs_different_recipes() -> None:
    """Nobody, or twice the same, is no contest."""
    for models in ([], [Guesser("a", 0.0), Guesser("a", 1.0)], [Guesser("a", 0.0), ChurnModel()]):
        with pytest.raises(ValueError, match="contest"):
            Champion(models, _surprise)


def _surprise(said: ChurnScore, truth: bool) -> float:
    return -math.log(said.probability if truth else 1 - said.probability)
