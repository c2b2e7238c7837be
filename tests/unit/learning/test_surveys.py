"""Questions of a survey, each with a machine of its own."""

from __future__ import annotations

import random
from typing import Any

import pytest

from cem.learning.contract import Model
from cem.learning.examples import Example, encode_example
from cem.learning.pupil import Lesson, Pupil
from cem.learning.satisfaction import SatisfactionModel, SurveyInput
from cem.learning.snapshot import SnapshotError, digest
from cem.learning.surveys import SurveyModel, answers_of, survey_loss


def surveys(count: int, seed: int = 2) -> list[tuple[SurveyInput, dict[str, float]]]:
    """Long waits make the content less content, keener to leave, and the effort greater; not every question is answered."""
    dice = random.Random(seed)
    found = []
    for _ in range(count):
        waited = dice.random()
        answers = {
            "csat": round(5 - 3 * waited + dice.gauss(0, 0.3)),
            "nps": round(9 - 6 * waited + dice.gauss(0, 0.8)),
            "ces": round(2 + 4 * waited + dice.gauss(0, 0.5)),
        }
        given = {
            question: min({"csat": 5, "nps": 10, "ces": 7}[question], max(1, y))
            for question, y in answers.items()
        }
        if dice.random() < 0.5:
            del given["ces"]
        found.append((SurveyInput({"waited": waited}), given))
    return found


def taught(rows: list[tuple[SurveyInput, Any]]) -> SurveyModel:
    model = SurveyModel("bayes")
    for x, y in rows:
        model.learn_asked(x, y)
        model.learn_one(x, y)
    return model


def test_each_question_is_estimated_on_its_scale() -> None:
    """Who waited long answers a lower CSAT and NPS and a higher CES; intervals hold, and the wait is what drives them."""
    model = taught(surveys(600))
    assert isinstance(model, Model)
    short, long = (model.predict_one(SurveyInput({"waited": waited})) for waited in (0.1, 0.9))
    assert short.point > long.point + 1.5
    assert short.others["nps"].point > long.others["nps"].point + 3
    assert short.others["ces"].point < long.others["ces"].point - 2
    for question, low, high in (("nps", 0, 10), ("ces", 1, 7)):
        said = long.others[question]
        assert low <= said.low < said.point < said.high <= high
        (driver, *_) = model.drivers(SurveyInput({"waited": 0.9}), question=question)
        assert driver.feature == "waited" and (driver.effect < 0) is (question == "nps")
    inside = [
        said.others[question].low <= y[question] <= said.others[question].high
        for x, y in surveys(300, 3)
        for said in [model.predict_one(x)]
        for question in ("nps", "ces")
        if question in y
    ]
    assert sum(inside) / len(inside) > 0.8


def test_a_question_that_nobody_answers_is_not_estimated() -> None:
    """After 49 answers there is none; CSAT alone stays as it is, and a plain number is one."""
    rows = [(x, y["csat"]) for x, y in surveys(60)]
    model = taught(rows)
    assert model.predict_one(rows[0][0]).others == {}
    for x, _ in rows[:49]:
        model.learn_one(x, {"nps": 7})
    assert model.predict_one(rows[0][0]).others == {}
    model.learn_one(rows[0][0], {"nps": 7})
    assert list(model.predict_one(rows[0][0]).others) == ["nps"]
    assert model.learnt == 60 + 50


@pytest.mark.parametrize("y", [{"csat": 9}, {"nps": "many"}, {"other": 3}, True, "x", float("nan"), [3], {}])
def test_what_is_no_answer_is_refused(y: Any) -> None:
    """Nothing is learnt, and it is counted; beside it an answer that is one is learnt."""
    model = SurveyModel("bayes")
    assert not model.learn_one(SurveyInput({"a": 1.0}), y)
    assert answers_of(y) == {} and model.learnt == 0
    assert model.refusals == ({} if y == {} else {"label": 1})
    assert model.learn_one(SurveyInput({"a": 1.0}), {"nps": 9, "csat": 9})
    assert model.learnt == 1


def test_a_snapshot_goes_on_and_one_of_csat_alone_is_read() -> None:
    """Snapshot, restore and go on equals going on without; an older snapshot begins NPS and CES anew."""
    rows = surveys(200)
    whole, half = taught(rows), taught(rows[:120])
    again = SurveyModel("bayes")
    again.restore(half.snapshot())
    for x, y in rows[120:]:
        again.learn_asked(x, y)
        again.learn_one(x, y)
    assert digest(again.snapshot()) == digest(whole.snapshot())
    older = SatisfactionModel("bayes")
    for x, y in rows:
        older.learn_one(x, y["csat"])
    again.restore(older.snapshot())
    assert again.predict_one(rows[0][0]).point == older.predict_one(rows[0][0]).point
    assert again.learnt == 200
    with pytest.raises(SnapshotError, match="recipe"):
        SurveyModel("bayes-trees").restore(older.snapshot())


def test_losses_of_questions_count_alike() -> None:
    """Being off by the same share of the scale costs the same."""
    said = taught(surveys(300)).predict_one(SurveyInput({"waited": 0.5}))
    nps = said.others["nps"].point
    assert survey_loss(said, {"csat": said.point - 1}) == pytest.approx(1.0)
    assert survey_loss(said, {"nps": nps - 2.5}) == pytest.approx(1.0)
    assert survey_loss(said, {"csat": said.point - 1, "nps": nps}) == pytest.approx(0.5)


def test_a_pupil_learns_surveys_question_by_question() -> None:
    """Its figures are those of CSAT by plain names and of the others by theirs; who does not answer is counted."""
    pupil = Pupil("satisfaction")
    for offset, (x, y) in enumerate(surveys(120)):
        answers = None if offset % 3 == 0 else y
        example = Example({"features": dict(x.features)}, answers, offset, f"satisfaction/C{offset}/1")
        pupil.take(Lesson(offset, offset, encode_example(example)))
    figures = pupil.figures()
    assert figures["examples"] == 80 and pupil.asked_not_answered == 40
    assert {"coverage", "nps_coverage", "nps_mean_absolute_error"} <= figures.keys()
    again = Pupil.restored("satisfaction", pupil.snapshot())
    assert again.figures() == figures
