"""The propensity model: a distribution per action and channel, ramps, logged probabilities."""

from __future__ import annotations

import math
import random

import pytest

from cem.learning.contract import Model
from cem.learning.propensity import RECIPES, Offer, PropensityModel
from cem.learning.snapshot import digest


def _offers(rows: int, seed: int = 1) -> list[tuple[Offer, bool]]:
    """Two groups of two actions: those of "save" are taken by 40 %, those of "sell" by 5 %; the young take more."""
    dice = random.Random(seed)
    found = []
    for _ in range(rows):
        group = dice.choice(("save", "sell"))
        young = dice.random() < 0.5
        chance = {"save": 0.4, "sell": 0.05}[group] * (1.5 if young else 0.7)
        offer = Offer(
            {"age": dice.gauss(25 if young else 60, 5)},
            action=f"{group} {dice.choice('ab')}",
            channel=dice.choice(("call", "sms")),
            group=group,
        )
        found.append((offer, dice.random() < chance))
    return found


def _taught(recipe: str = "tracking", rows: int = 800) -> PropensityModel:
    model = PropensityModel(recipe)
    for offer, accepted in _offers(rows):
        model.learn_one(offer, accepted)
    return model


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_tells_actions_and_customers_apart(recipe: str) -> None:
    """The young take more than the old, and what saves is taken more than what sells."""
    model = _taught(recipe)
    assert isinstance(model, Model)

    def chance(group: str, age: float) -> float:
        return model.predict_one(Offer({"age": age}, f"{group} a", "call", group)).probability

    assert chance("save", 25) > chance("save", 60) > chance("sell", 60)
    assert chance("save", 25) == pytest.approx(0.6, abs=0.2)
    assert chance("sell", 60) < 0.15


def test_a_new_action_starts_at_its_group_and_ramps() -> None:
    """Never tried, it is near its group's level and wide; after 60 outcomes it is nearer its own, and narrower."""
    model = _taught()
    new = {group: Offer({"age": 40.0}, f"{group} new", "call", group) for group in ("save", "sell")}
    save, sell = model.predict_one(new["save"]), model.predict_one(new["sell"])
    known = model.predict_one(Offer({"age": 40.0}, "save a", "call", "save"))
    assert save.probability > 2 * sell.probability
    assert (save.evidence, save.ramp) == (0, 0.0)
    assert save.deviation > known.deviation
    for number in range(60):
        model.learn_one(new["save"], number % 20 == 0)
    after = model.predict_one(new["save"])
    assert after.probability < save.probability
    assert after.deviation < save.deviation
    assert after.evidence == 60 and 0.5 < after.ramp < 1.0


def test_a_group_lends_evidence_that_fades() -> None:
    """A new action's word counts like its group's first outcomes; its own replace them, and more never count less."""
    model = PropensityModel("bayes")
    new = Offer({}, "save new", "call", "save")
    assert model.evidence(new) == 0
    counted = []
    for n in range(200):
        if n < 100:
            model.learn_one(Offer({}, "save a", "call", "save"), n % 2)
        else:
            model.learn_one(new, 1)
        counted.append(model.evidence(new))
    assert counted[:100] == [min(30, n + 1) for n in range(100)]
    assert counted[99:] == sorted(counted[99:]) and counted[149] == 50 + 15
    assert counted[-1] == 110
    assert model.evidence(Offer({}, "sell new", "call", "sell")) == 0
    assert model.evidence(Offer({}, "save new", "call")) == 100
    again = PropensityModel("bayes")
    again.restore(model.snapshot())
    assert again.evidence(new) == 110


def test_quantiles_are_a_distribution() -> None:
    """Quantiles rise, and the 5 % and 95 % ones lie on either side of the chance."""
    said = _taught(rows=100).predict_one(Offer({"age": 40.0}, "save a", "call", "save"))
    low, middle, high = (said.quantile(p) for p in (0.05, 0.5, 0.95))
    assert 0 < low < middle < high < 1
    with pytest.raises(ValueError, match="between"):
        said.quantile(1.0)


def test_logged_probabilities_undo_who_was_chosen() -> None:
    """Shown mostly to those who accept, at logged chances: the model learns the mean of all, not of those shown."""
    dice = random.Random(4)
    plain, logged = PropensityModel("bayes"), PropensityModel("bayes")
    for _ in range(4000):
        keen = dice.random() < 0.5
        shown = 0.8 if keen else 0.2
        if dice.random() < shown:
            accepted = dice.random() < (0.6 if keen else 0.2)
            plain.learn_one(Offer({}, "a"), accepted)
            logged.learn_one(Offer({}, "a", probability=shown), accepted)
    mean = logged.predict_one(Offer({}, "a")).quantile(0.5)
    assert mean == pytest.approx(0.4, abs=0.06)
    assert plain.predict_one(Offer({}, "a")).quantile(0.5) > 0.47


def test_it_follows_a_base_rate_that_moves() -> None:
    """When acceptance falls from one half to a twentieth, 300 outcomes later the model says so."""
    dice = random.Random(6)
    model = PropensityModel()
    for at in range(1300):
        model.learn_one(Offer({"age": dice.gauss(40, 9)}), dice.random() < (0.5 if at < 1000 else 0.05))
    assert model.predict_one(Offer({"age": 40.0})).probability < 0.15


@pytest.mark.parametrize("probability", [-0.1, 1.5, math.nan, math.inf])
def test_a_logged_probability_that_is_none_is_refused(probability: float) -> None:
    """Nothing changes but the count."""
    model = _taught(rows=50)
    assert model.learn_one(Offer({"age": 40.0}, "a", probability=probability), True) is False
    assert model.refusals["probability"] == 1
    assert model.learnt == 50


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_restored_model_goes_on_bit_for_bit(recipe: str) -> None:
    """Snapshot, restore and go on equals going on without."""
    rows = _offers(500, 3)
    whole = PropensityModel(recipe)
    for number, (offer, accepted) in enumerate(rows):
        if number == 270:
            half = PropensityModel(recipe)
            half.restore(whole.snapshot())
        if number >= 270:
            assert half.predict_one(offer) == whole.predict_one(offer)
            half.learn_one(offer, accepted)
        whole.learn_one(offer, accepted)
    assert digest(half.snapshot()) == digest(whole.snapshot())


def test_actions_without_end_stay_bounded() -> None:
    """Two thousand actions are learnt; the counts and places are limited, and the rest says what it can."""
    model = PropensityModel()
    for number in range(2000):
        model.learn_one(Offer({"age": 30.0}, f"action {number}", "call", "g"), number % 4 == 0)
    assert model.limits["categories"] > 0
    assert len(model.snapshot()) < 16_000_000
    assert math.isfinite(model.predict_one(Offer({"age": 30.0}, "action 1999", "call", "g")).mean)


def test_drivers_name_the_offer_too() -> None:
    """Of the two groups the one that is not usual has its group or action among what drives the chance."""
    model = _taught()
    found = [
        model.drivers(Offer({"age": 40.0}, f"{group} a", "call", group), 4) for group in ("save", "sell")
    ]
    assert any(each.feature in ("(group)", "(action)") for each in found[0] + found[1])
