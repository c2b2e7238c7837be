"""What a model has learnt of an action, beside the policy's prior."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest

from cem.domain.events import DecisionMade
from cem.nba import Call, answer_of, decide, draw_of, encode_answer, record_of, replay
from cem.nba.propensity import Learnt, freeze_propensities, thaw_propensities, with_learnt
from tests.builders.nba import context, shipped_policy


class Counts(msgspec.Struct, frozen=True):
    """As much of an action as matters here."""

    action: str
    accepted: float
    declined: float


@dataclass
class Case:
    learnt: Learnt | None
    mean: float
    weight: float


@pytest.mark.parametrize(
    "case",
    [
        Case(None, 0.85, 20),
        Case(Learnt(0.1, 0), 0.85, 20),
        Case(Learnt(0.1, 20), 0.48, 40),
        Case(Learnt(0.1, 5_000), 0.17, 220),
        Case(Learnt(0.0, 5_000), 0.08, 220),
    ],
)
def test_the_model_takes_over_as_outcomes_come(case: Case) -> None:
    """An action starts at its prior; with outcomes the model's word weighs more, up to a bound."""
    found = with_learnt(Counts("a", 17.0, 3.0), case.learnt)  # type: ignore[arg-type]
    total = found.accepted + found.declined
    assert found.accepted / total == pytest.approx(case.mean, abs=0.011)
    assert total == pytest.approx(case.weight)


def test_what_was_said_is_frozen() -> None:
    """A decision's record holds what the model said, so that the decision can be made again without it."""
    learnt = {"sms_bundle": Learnt(0.1234, 31), "just_help": Learnt(0.9, 4)}
    assert thaw_propensities({"satisfaction": 3.1, **freeze_propensities(learnt)}) == learnt


def test_a_decision_with_what_was_learnt_is_made_again() -> None:
    """Byte for byte, from its record alone; and what was learnt makes a difference."""
    policy = shipped_policy()
    plain = context("c1.1", call_topic="network", open_faults=1, faults_30d=1)
    taught = msgspec.structs.replace(
        plain,
        propensities={action.action: Learnt(0.02, 500) for action in policy.catalogue.actions},
        versions={"propensity": "41"},
    )
    made = [decide(each, policy.catalogue, policy.params, draw_of("c1.1")) for each in (plain, taught)]
    assert made[1].ranked != made[0].ranked
    record = record_of(made[1], taught, Call(), policy)
    again = msgspec.json.decode(msgspec.json.encode(record), type=DecisionMade)
    assert record.versions["propensity"] == "41"
    assert encode_answer(replay(again, policy)) == encode_answer(
        answer_of(made[1], taught.staleness_s, logged=True)
    )
