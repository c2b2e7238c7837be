"""The file of segments: what is refused, with which line and hint; and what the shipped one holds."""

from __future__ import annotations

import pytest

from cem.nba import FACTS, PolicyError
from cem.nba.rules import asking
from cem.segments import load
from cem.segments.facts import GROUPS, TYPES
from cem.segments.turns import EVEN, TURNS
from tests.builders.segments import shipped_segments

#: Facts of the contact that goes on: there is none between contacts.
OF_A_CONTACT = {
    "call_channel", "call_reason", "call_topic", "call_queue", "rep_language", "same_topic_7d", "repeat_contact",
}  # fmt: skip


def refused(rule: str, more: str = "") -> str:
    text = f"# rules\nsegments:\n  fine: {{title: F, says: S, when: lines > 1}}\n  bad:\n    title: B\n    says: S\n{more}    when: {rule}\n"
    with pytest.raises(PolicyError) as caught:
        load(text, "mine.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("tenure_dys > 3.0", "there is no fact 'tenure_dys'; did you mean 'tenure_days'?"),
        ("lines == 'two'", "compares unlike types: lines (an int) and a string"),
        ("lines > ", "a value was expected, but here is the end"),
        ("lines + 1", "a rule is true or false, but this is of type int"),
        ("call_topic == 'bill'", "there is no fact 'call_topic'"),
        ("lines == null", "'lines' is never unknown"),
        ("tenure_days * 2.0 > 9.0", "can only compare it with a number"),
        ("overdue_days > lines", "can only compare it with a number"),
    ],
)
def test_a_bad_rule_names_file_line_and_what_is_near(rule: str, says: str) -> None:
    """Nothing of such a file is loaded: what fails is said before any customer meets it."""
    message = refused(rule)
    assert message.startswith("mine.yaml:7: bad: ")
    assert says in message


def test_unknown_fields_and_too_many_segments_are_refused() -> None:
    """A misspelt field has its line, and the 65th segment has none to stand in."""
    assert refused("lines > 1", "    titel: X\n").startswith("mine.yaml:7: there is no field 'titel' here")
    many = "segments:\n" + "".join(f"  s{n}: {{title: T, says: S, when: lines > 1}}\n" for n in range(65))
    with pytest.raises(PolicyError, match=r"segments.yaml:66: there may be 64 segments, not 65"):
        load(many)


def test_a_name_that_does_not_fit_is_refused_with_its_line() -> None:
    """Of a mapping's name msgspec says only in which mapping it stands."""
    good = "  fan:\n    title: Fans\n    says: x\n    when: cancelled\n"
    bad = good.replace("fan", "khách_mới")
    with pytest.raises(PolicyError, match=r"s\.yaml:6: the name 'khách_mới' does not fit"):
        load("segments:\n" + good + bad, "s.yaml")


def test_every_fact_between_contacts_can_be_named() -> None:
    """A fact that decisions get is said here what changes it; one that moves evenly, when it turns."""
    assert set(GROUPS) == set(TYPES) <= set(FACTS) - OF_A_CONTACT
    assert set(TURNS) <= set(GROUPS)
    assert set(EVEN) <= set(TURNS)


def test_the_shipped_rules_run_as_python() -> None:
    """None of them needs the slow interpreter."""
    assert all(s.rule.python for s in shipped_segments().segments)


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n"])
def test_an_empty_file_is_refused_and_one_that_says_none_is_not(text: str) -> None:
    """Somebody has lost his rules; only a text that is kept of before, and was in force then, still reads as none."""
    with pytest.raises(PolicyError, match=r"^mine\.yaml:1: this is empty: 'segments:' is expected"):
        load(text, "mine.yaml")
    assert load(text, "mine.yaml", kept=True).segments == ()
    assert load("segments: {}\n", "mine.yaml").segments == ()


def test_every_scored_customer_is_in_one_of_the_usual_segments() -> None:
    """Whatever his recency, frequency and money are among the others, exactly one of the nine holds."""
    rules = [
        asking([s.rule.source], TYPES) for s in shipped_segments().segments if "recency_score" in s.rule.names
    ]
    assert len(rules) == 9
    for cell in range(125):
        scores = {
            "recency_score": cell // 25 + 1,
            "frequency_score": cell // 5 % 5 + 1,
            "money_score": cell % 5 + 1,
        }
        assert sum(holds(scores)[0] is True for holds in rules) == 1
