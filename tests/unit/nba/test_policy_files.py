"""A policy with a mistake is refused at load, with file, line and the nearest known name."""

from __future__ import annotations

import pytest

from cem.nba import PolicyError, load_policy
from cem.nba.catalogue import PRECEDENCE
from tests.builders.nba import shipped_policy, shipped_texts


def line_of(text: str, part: str) -> int:
    return next(i for i, line in enumerate(text.splitlines(), 1) if part in line)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (
            "actions.yaml",
            '"!cancelled"',
            '"!canceled"',
            "there is no fact 'canceled'; did you mean 'cancelled'?",
        ),
        ("actions.yaml", '"!cancelled"', '"cancelled > 1"', "compares unlike types"),
        ("actions.yaml", '"!cancelled"', '"!cancelled &&"', "a value was expected"),
        ("actions.yaml", '"!cancelled"', '"declined_30d"', "a bool was expected, but this is an int"),
        (
            "actions.yaml",
            "eligibility: [eligibility.child_line]",
            "eligibility: [eligibility.kid_line]",
            "did you mean",
        ),
        (
            "actions.yaml",
            "eligibility: [eligibility.child_line]",
            "eligibility: [applicability.repeated]",
            "no rule of eligibility",
        ),
        ("actions.yaml", "    group: network", "    group: netwrk", "did you mean 'network'?"),
        (
            "actions.yaml",
            "max_staleness_s: {cem.service: 300}",
            "max_staleness_s: {cem.servise: 300}",
            "did you mean 'cem.service'?",
        ),
        ("actions.yaml", '"plan_price_minor / 4"', '"plan_price / 4"', "did you mean 'plan_price_minor'?"),
        ("actions.yaml", '"plan_price_minor / 4"', '"call_topic"', "an int or double was expected"),
        (
            "actions.yaml",
            "    annoyance_if_declined: 0.05",
            "    anoyance_if_declined: 0.05",
            "'annoyance_if_declined'",
        ),
        ("actions.yaml", "{open_faults} fault(s)", "{open_fault} fault(s)", "did you mean 'open_faults'?"),
        ("actions.yaml", "{tenure_days|round} days", "{tenure_days|money} days", "cannot be said as 'money'"),
        ("actions.yaml", "[bill_shock, repeat", "[bill_shok, repeat", "did you mean 'bill_shock'?"),
        ("actions.yaml", "repeat_call.order", "repeat_call.orders", "did you mean 'order'?"),
        (
            "actions.yaml",
            "silent_sufferer, sinking]",
            "silent_sufferer, sinking.plan]",
            "no sinking is about 'plan'",
        ),
        ("actions.yaml", "fallback: just_help", "fallback: plan_upgrade", "it sells nothing"),
        ("actions.yaml", "fallback: just_help", "fallback: help", "there is no action 'help'"),
        ("actions.yaml", "precedence: hardship", "precedence: kindness", "Invalid enum value 'kindness'"),
        ("decision.yaml", "scope: {group: network}", "scope: {group: nettwork}", "did you mean 'network'?"),
        ("decision.yaml", 'when: "repeat_contact"', 'when: "repeat"', "did you mean 'repeat_contact'?"),
        (
            "decision.yaml",
            "price_of_satisfaction_minor_per_point: 2000",
            "price_of_satisfaction_minor_per_point: -1",
            ">= 0",
        ),
        ("decision.yaml", "floors:", "flors:", "did you mean 'floors'?"),
    ],
)
def test_a_mistake_is_named_with_its_line(file: str, old: str, new: str, says: str) -> None:
    """Whoever wrote it finds the line and the word."""
    texts = shipped_texts()
    assert old in texts[file]
    texts[file] = texts[file].replace(old, new, 1)
    with pytest.raises(PolicyError) as error:
        load_policy(texts, currency="EUR")
    assert says in str(error.value)
    assert error.value.file == file
    assert abs(error.value.line - line_of(texts[file], new.splitlines()[0])) <= 1


def test_a_name_that_stands_twice_is_refused() -> None:
    """The second one would win in silence."""
    texts = shipped_texts()
    texts["decision.yaml"] += "\nversion: 1\n"
    with pytest.raises(PolicyError, match="'version' stands here twice"):
        load_policy(texts, currency="EUR")


def test_a_rule_that_nothing_uses_is_refused() -> None:
    """It would look as if it protected somebody."""
    texts = shipped_texts()
    texts["actions.yaml"] = texts["actions.yaml"].replace(
        "rules:\n", 'rules:\n  suitability.unused: "true"\n', 1
    )
    with pytest.raises(PolicyError, match=r"no action uses the rule 'suitability\.unused'"):
        load_policy(texts, currency="EUR")


def test_text_that_is_no_yaml_is_refused_with_its_line() -> None:
    """A slip of the hand is not a traceback."""
    texts = shipped_texts()
    texts["decision.yaml"] = "version: 1\nfloors: {a: [}\n"
    with pytest.raises(PolicyError, match=r"decision.yaml:2: not YAML"):
        load_policy(texts, currency="EUR")


def test_a_last_sentence_that_needs_what_can_be_unknown_is_refused() -> None:
    """There is always something to say."""
    texts = shipped_texts()
    line = '          - "Explain the last bill line by line, and what in it is beyond the plan."\n'
    assert line in texts["actions.yaml"]
    texts["actions.yaml"] = texts["actions.yaml"].replace(line, "", 1)
    with pytest.raises(PolicyError, match=r"needs 'bill_\w+', which can be unknown"):
        load_policy(texts, currency="EUR")


def test_the_shipped_catalogue_covers_the_trade() -> None:
    """At least a dozen actions, of every precedence, each in English and Vietnamese."""
    policy = shipped_policy()
    actions = policy.catalogue.actions
    assert len(actions) >= 12
    assert {a.precedence for a in actions} == set(PRECEDENCE)
    for action in actions:
        for sentences in (action.title, action.rep, action.customer):
            assert {"en", "vi"} <= set(sentences.languages)


def test_the_version_is_a_digest_of_all_that_decides() -> None:
    """Another price, another rule or another currency is another policy."""
    texts = shipped_texts()
    first = load_policy(texts, currency="EUR").catalogue.version
    other = {**texts, "decision.yaml": texts["decision.yaml"].replace("point: 2000", "point: 2001")}
    assert first == load_policy(texts, currency="EUR").catalogue.version
    assert first != load_policy(other, currency="EUR").catalogue.version
    assert first != load_policy(texts, currency="VND").catalogue.version


def test_the_remedies_that_alerts_propose_are_in_the_catalogue() -> None:
    """What an alert promises, the representative can do, at the same price."""
    from cem.domain.thresholds import AlertPolicy

    policy = AlertPolicy()
    for remedy in (policy.sms_allowance.remedy, policy.sms_velocity.remedy, policy.repeat_call.remedy):
        action = shipped_policy().catalogue.action(remedy.action)
        assert action is not None
        assert action.price_minor == remedy.price_minor
