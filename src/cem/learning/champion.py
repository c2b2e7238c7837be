"""Champion and challengers: several recipes learn the same stream, and the best so far is the one that speaks.

Each recipe predicts every example before it learns it; what it lost is compared example by example with what the
champion lost. A challenger takes over when its advantage, faded over the latest examples, is both worth having and
beyond chance - and has been for a while without interruption. The same holds for the way back, so that two equals
do not take turns. Every change is written down with its reason. ADWIN watches the champion's loss for drift.

"Prequential" comparison of two learners by the faded difference of their losses: Gama, Sebastião and Rodrigues, "On
evaluating stream learning algorithms", Machine Learning 2013.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from cem.learning.contract import NOTHING_LEARNT, Model
from cem.learning.snapshot import Snapshot, SnapshotError, read_snapshot, write_snapshot
from cem.learning.tabular.adwin import Adwin

__all__ = ["Champion", "Change", "Contest", "Standing"]

_LAYOUT: Final = 1
_PREFIX: Final = "model."
#: Changes that are kept.
_KEPT: Final = 200
#: A loss above this says no more; and none that is not finite gets in.
_LARGEST_LOSS: Final = 1e6

Loss = Callable[[Any, Any], float]


class Contest(msgspec.Struct, frozen=True):
    """When a challenger takes over."""

    #: Before so many examples nobody does.
    least: int = 500
    #: Examples after which a loss counts half.
    half_life: float = 1000.0
    #: Standard errors by which the mean difference must be above zero ...
    errors: float = 3.0
    #: ... share of the champion's loss that it must be worth ...
    share: float = 0.005
    #: ... and for how many examples without interruption.
    patience: int = 200


class Standing(msgspec.Struct):
    """How one recipe does."""

    recipe: str
    examples: int = 0
    #: Mean loss, faded.
    loss: float = 0.0
    #: Mean of how much less it lost than the champion, faded, and the mean of its square.
    advantage: float = 0.0
    square: float = 0.0
    #: For how many examples it has been better.
    better_for: int = 0


class Change(msgspec.Struct, frozen=True):
    """One line of the log."""

    #: Examples learnt when it happened, and the version then.
    examples: int
    version: int
    champion: str
    #: For a person to read.
    why: str


class Champion:
    """A model of the contract made of models of the contract that answer to the same name."""

    def __init__(
        self, models: Sequence[Model[Any, Any, Any]], loss: Loss, contest: Contest | None = None
    ) -> None:
        """models: each of another recipe; the first is champion. loss: of a prediction and the truth, the smaller the better.

        Raises ValueError for no model, two of one recipe, or different names.
        """
        if not models or len({model.recipe for model in models}) < len(models):
            raise ValueError("a contest needs models of different recipes")
        if len({model.name for model in models}) > 1:
            raise ValueError("the models of a contest predict the same thing")
        self.name = models[0].name
        self.contest = contest or Contest()
        self.version = NOTHING_LEARNT
        self.examples = 0
        self.pinned: str | None = None
        self.changes: list[Change] = []
        self.drifts = 0
        #: What the champion said of the last example, before learning it.
        self.said: Any = None
        self._models = {model.recipe: model for model in models}
        self._standings = {recipe: Standing(recipe) for recipe in self._models}
        self._champion = models[0].recipe
        self._loss = loss
        self._window = Adwin()

    @property
    def recipe(self) -> str:
        """The champion's."""
        return self._champion

    @property
    def standings(self) -> Sequence[Standing]:
        """How each recipe does, the champion first, then by loss."""
        rest = sorted(self._standings.values(), key=lambda each: (each.recipe != self._champion, each.loss))
        return [msgspec.structs.replace(each) for each in rest]

    @property
    def refusals(self) -> Mapping[str, int]:
        """The champion's refusals."""
        return self._models[self._champion].refusals

    def predict_one(self, x: Any) -> Any:
        """Return what the champion thinks."""
        return self._models[self._champion].predict_one(x)

    def predict_many(self, xs: Sequence[Any]) -> Sequence[Any]:
        """Return one prediction for each."""
        return self._models[self._champion].predict_many(xs)

    def learn_one(self, x: Any, y: Any) -> bool:
        """Let all predict, then learn; return whether the champion had a use for the example.

        An example that the champion refuses tells nothing of anybody.
        """
        predictions = {recipe: model.predict_one(x) for recipe, model in self._models.items()}
        self.said = predictions[self._champion]
        learnt = {recipe: model.learn_one(x, y) for recipe, model in self._models.items()}
        if not learnt[self._champion]:
            return False
        self.examples += 1
        losses = {recipe: self._lost(prediction, y) for recipe, prediction in predictions.items()}
        self._count(losses)
        if self._window.update(losses[self._champion]):
            self.drifts += 1
            self.note(f"the loss of {self._champion} has changed; it is {self._window.mean:.4g} lately")
        if self.pinned is None and self.examples >= self.contest.least:
            self._decide()
        return True

    @property
    def champion(self) -> Model[Any, Any, Any]:
        """The model that speaks."""
        return self._models[self._champion]

    @property
    def models(self) -> Mapping[str, Model[Any, Any, Any]]:
        """All models, by recipe."""
        return self._models

    def pin(self, recipe: str | None) -> None:
        """Let this recipe be champion whatever the others do; None: let quality decide again. Raises KeyError."""
        if recipe is not None:
            self._crown(recipe, f"{recipe} was pinned")
        self.pinned = recipe

    def snapshot(self) -> bytes:
        """Return all models and how they stand as data: equal contests give equal bytes."""
        state = {
            "champion": self._champion,
            "pinned": self.pinned,
            "examples": self.examples,
            "drifts": self.drifts,
            "changes": [msgspec.to_builtins(change) for change in self.changes],
            "standings": [msgspec.to_builtins(standing) for standing in self._standings.values()],
            "window": self._window.state(),
        }
        arrays = {
            f"{_PREFIX}{recipe}": np.frombuffer(model.snapshot(), np.uint8)
            for recipe, model in self._models.items()
        }
        recipes = "+".join(self._models)
        return write_snapshot(Snapshot(f"{self.name} contest", recipes, _LAYOUT, self.version, state, arrays))

    def restore(self, data: bytes) -> None:
        """Become the contest in `data`, of the same recipes. Raises SnapshotError and changes nothing when that cannot be."""
        found = read_snapshot(data, model=f"{self.name} contest", layouts=(_LAYOUT,))
        if found.recipe != "+".join(self._models):
            raise SnapshotError(
                f"this snapshot is of the recipes {found.recipe}, not {'+'.join(self._models)}"
            )
        try:
            standings = msgspec.convert(found.state["standings"], list[Standing])
            champion = msgspec.convert(found.state["champion"], str)
            pinned = msgspec.convert(found.state["pinned"], str | None)
            examples = msgspec.convert(found.state["examples"], int)
            drifts = msgspec.convert(found.state["drifts"], int)
            changes = msgspec.convert(found.state["changes"], list[Change])
            window = Adwin.from_state(found.state["window"])
            parts = {recipe: found.arrays[f"{_PREFIX}{recipe}"].tobytes() for recipe in self._models}
        except (KeyError, TypeError, ValueError) as error:
            raise SnapshotError(
                f"this snapshot of a contest lacks a part or holds a wrong one: {error}"
            ) from None
        if [each.recipe for each in standings] != list(self._models) or champion not in self._models:
            raise SnapshotError("this snapshot of a contest names recipes that it does not hold")
        before = {recipe: model.snapshot() for recipe, model in self._models.items()}
        try:
            for recipe, part in parts.items():
                self._models[recipe].restore(part)
        except SnapshotError:
            for recipe, part in before.items():
                self._models[recipe].restore(part)
            raise
        self._standings = {each.recipe: each for each in standings}
        self._champion, self.pinned, self.examples, self.drifts = champion, pinned, examples, drifts
        self.changes, self._window, self.version = changes, window, found.version

    def _lost(self, prediction: Any, truth: Any) -> float:
        loss = self._loss(prediction, truth)
        return min(_LARGEST_LOSS, max(-_LARGEST_LOSS, loss)) if math.isfinite(loss) else _LARGEST_LOSS

    def _count(self, losses: Mapping[str, float]) -> None:
        contest, best = self.contest, losses[self._champion]
        fading = 1.0 - 0.5 ** (1.0 / contest.half_life)
        for recipe, standing in self._standings.items():
            standing.examples += 1
            step = max(fading, 1.0 / standing.examples)
            standing.loss += step * (losses[recipe] - standing.loss)
            less = best - losses[recipe]
            standing.advantage += step * (less - standing.advantage)
            standing.square += step * (less * less - standing.square)
            standing.better_for = standing.better_for + 1 if self._is_better(standing) else 0

    def _is_better(self, standing: Standing) -> bool:
        if standing.recipe == self._champion:
            return False
        contest = self.contest
        # A faded mean is as uncertain as that of 2 / ln 2 half-lives.
        count = min(float(standing.examples), contest.half_life * 2.0 / math.log(2.0))
        error = math.sqrt(max(0.0, standing.square - standing.advantage**2) / count)
        worth = contest.share * abs(self._standings[self._champion].loss)
        return standing.advantage > max(contest.errors * error, worth, 0.0)

    def _decide(self) -> None:
        ready = [each for each in self._standings.values() if each.better_for >= self.contest.patience]
        if ready:
            best = min(ready, key=lambda each: each.loss)
            old = self._standings[self._champion]
            self._crown(
                best.recipe,
                f"{best.recipe} lost {best.loss:.4g} an example lately, {old.recipe} {old.loss:.4g}, "
                f"and it has been better for {best.better_for} examples",
            )

    def _crown(self, recipe: str, why: str) -> None:
        if recipe not in self._models:
            raise KeyError(recipe)
        if recipe == self._champion:
            return
        self._champion = recipe
        for standing in self._standings.values():
            standing.advantage = standing.square = 0.0
            standing.better_for = 0
        self._window = Adwin()
        self.note(why)

    def note(self, why: str) -> None:
        """Keep that something has changed with this example, and why; the oldest changes are forgotten."""
        self.changes.append(Change(self.examples, self.version, self._champion, why))
        del self.changes[:-_KEPT]
