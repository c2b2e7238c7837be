"""Satisfaction on the stream: what a customer would answer to each question of a survey - CSAT, NPS and CES.

One machine a question (`satisfaction.py`), each on its scale, all of the same recipe. A survey is one example: its label is what
was answered, question by question; a plain number is a CSAT, none is no answer. Who answers surveys at all is learnt once, and
weighs the answers to all questions. A question that was hardly ever answered is not estimated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec
import numpy as np

from cem.learning.contract import NOTHING_LEARNT
from cem.learning.satisfaction import CES, CSAT, NPS, RECIPES, Satisfaction, SatisfactionModel, SurveyInput
from cem.learning.snapshot import Snapshot, SnapshotError, read_snapshot, write_snapshot
from cem.learning.tabular.drivers import Driver

__all__ = ["QUESTIONS", "SurveyModel", "Surveyed", "answers_of", "survey_loss"]

#: Question to its scale; the first is the one that speaks for satisfaction.
QUESTIONS: Final = {"csat": CSAT, "nps": NPS, "ces": CES}
#: Answers before which a question other than CSAT is not estimated.
_LEAST: Final = 50
#: Layout 1 is that of `SatisfactionModel`: CSAT alone.
_LAYOUT: Final = 2


class Surveyed(Satisfaction, frozen=True):
    """What a customer would answer: CSAT, and the other questions that can be estimated."""

    others: dict[str, Satisfaction] = msgspec.field(default_factory=dict)


class SurveyModel:
    """The model of the contract for `SurveyInput`s and answers."""

    name: ClassVar[str] = "satisfaction"

    def __init__(self, recipe: str = "bayes-trees") -> None:
        """recipe: one of `satisfaction.RECIPES`. Raises KeyError for another."""
        if recipe not in RECIPES:
            raise KeyError(recipe)
        self.recipe = recipe
        self.version = NOTHING_LEARNT
        self.machines = {question: SatisfactionModel(recipe, scale) for question, scale in QUESTIONS.items()}
        self._refused = 0

    @property
    def learnt(self) -> int:
        """Answers learnt, to any question."""
        return sum(machine.learnt for machine in self.machines.values())

    @property
    def refusals(self) -> Mapping[str, int]:
        """How many answers were not learnt, by reason."""
        found: Counter[str] = Counter()
        for machine in self.machines.values():
            found.update(machine.refusals)
        if self._refused:
            found["label"] += self._refused
        return dict(found)

    def predict_one(self, x: SurveyInput) -> Surveyed:
        """Return what he would answer."""
        said = self.machines["csat"].predict_one(x)
        others = {
            question: machine.predict_one(x)
            for question, machine in self.machines.items()
            if question != "csat" and machine.learnt >= _LEAST
        }
        return Surveyed(said.point, said.low, said.high, said.deviation, others)

    def predict_many(self, xs: Sequence[SurveyInput]) -> list[Surveyed]:
        """Return one prediction for each."""
        return [self.predict_one(x) for x in xs]

    def learn_one(self, x: SurveyInput, y: Any) -> bool:
        """Learn what he answered; refuse what is no answer, or not on its scale."""
        answers = answers_of(y)
        self._refused += (len(y) if isinstance(y, Mapping) else 1) - len(answers)
        weight = self.machines["csat"].weight(x) if answers else 1.0
        learnt = [
            self.machines[question].learn_one(x, answer, weight=weight)
            for question, answer in answers.items()
        ]
        return any(learnt)

    def learn_asked(self, x: SurveyInput, y: Any) -> None:
        """Learn who answers a survey; y None: he did not."""
        self.machines["csat"].learn_asked(x, bool(answers_of(y)))

    def drivers(self, x: SurveyInput, most: int = 3, question: str = "csat") -> list[Driver]:
        """Return what raises or lowers his answer, in points, the strongest first."""
        return self.machines[question].drivers(x, most)

    def snapshot(self) -> bytes:
        """Return all of it as data: equal models give equal bytes."""
        arrays = {name: np.frombuffer(each.snapshot(), np.uint8) for name, each in self.machines.items()}
        state = {"refused": self._refused}
        return write_snapshot(Snapshot(self.name, self.recipe, _LAYOUT, self.version, state, arrays))

    def restore(self, data: bytes) -> None:
        """Become the model in `data`; one of CSAT alone is read, too. Raises SnapshotError and changes nothing."""
        found = read_snapshot(data, model=self.name, layouts=(1, _LAYOUT), recipe=self.recipe)
        fresh = {question: SatisfactionModel(self.recipe, scale) for question, scale in QUESTIONS.items()}
        refused = 0
        if found.layout == 1:
            fresh["csat"].restore(data)
        else:
            try:
                refused = msgspec.convert(found.state["refused"], int)
                for question, machine in fresh.items():
                    machine.restore(found.arrays[question].tobytes())
            except (KeyError, TypeError, ValueError) as error:
                raise SnapshotError(f"this snapshot of satisfaction lacks a part: {error}") from None
        self.machines, self._refused, self.version = fresh, refused, found.version


def answers_of(y: Any) -> dict[str, float]:
    """Return the answers by question that a label holds, of those that are on their scales."""
    given = y if isinstance(y, Mapping) else {"csat": y}
    return {
        question: given[question]
        for question, (low, high) in QUESTIONS.items()
        if isinstance(given.get(question), int | float)
        and not isinstance(given[question], bool)
        and low <= given[question] <= high
    }


def survey_loss(said: Surveyed, y: Any) -> float:
    """Return the mean squared error of the answers, in points of CSAT: other scales count by their width."""
    squares = []
    for question, answer in answers_of(y).items():
        expected = said if question == "csat" else said.others.get(question)
        low, high = QUESTIONS[question]
        if expected is not None:
            squares.append(((expected.point - answer) * (CSAT[1] - CSAT[0]) / (high - low)) ** 2)
    return sum(squares) / len(squares) if squares else 0.0
