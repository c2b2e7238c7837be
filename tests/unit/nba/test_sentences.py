"""Sentences: in the reader's language, with amounts as he writes them."""

from __future__ import annotations

import pytest

from cem.domain.money import money
from cem.nba.expressions import FactType
from cem.nba.sentences import Conditional, TemplateError, compile_sentences
from tests.builders.nba import decided

TYPES = {"n": FactType("int"), "x": FactType("double"), "maybe": FactType("int", nullable=True)}


@pytest.mark.parametrize(
    ("minor", "currency", "language", "text"),
    [
        (123456, "EUR", "en", "€1,234.56"),
        (123456, "EUR", "vi", "1.234,56\u00a0€"),
        (-5, "EUR", "en", "-€0.05"),
        (120000, "VND", "vi", "120.000\u00a0₫"),
        (120000, "VND", "en", "₫120,000"),
        (1500, "CHF", "en", "15.00\u00a0CHF"),
        (1500, "KWD", "en", "1.500\u00a0KWD"),
    ],
)
def test_money_is_written_as_the_language_does(minor: int, currency: str, language: str, text: str) -> None:
    """Sign, separators and decimals by currency and language."""
    assert money(minor, currency, language) == text


def test_the_first_sentence_whose_facts_are_known_is_said() -> None:
    """A sentence never has a hole."""
    said = compile_sentences({"en": ["{maybe|money} of {n}", "{n} only, {x|percent}"]}, TYPES, "en")
    assert said.say("en", {"n": 2, "x": 0.5, "maybe": 100}, "EUR") == "€1.00 of 2"
    assert said.say("en", {"n": 2, "x": 0.5, "maybe": None}, "EUR") == "2 only, 50 %"


def test_a_language_falls_back_to_its_root_then_to_the_default() -> None:
    """Nobody is met with silence because of his language."""
    said = compile_sentences({"en": "yes", "pt": "sim"}, TYPES, "en")
    assert [said.say(language, {}, "EUR") for language in ("pt-BR", "PT", "de", "")] == [
        "sim",
        "sim",
        "yes",
        "yes",
    ]


@pytest.mark.parametrize(
    "texts",
    [
        {"en": "{x}"},
        {"en": "{n|percent}"},
        {"en": "{nn}"},
        {"en": "{ n }"},
        {"en": []},
        {"vi": "a"},
        {"en": "{maybe}"},
    ],
)
def test_a_sentence_that_could_not_be_said_is_refused(texts: dict[str, str | list[str]]) -> None:
    """At load, not to a customer."""
    with pytest.raises(TemplateError):
        compile_sentences(texts, TYPES, "en")


def test_customer_and_representative_each_hear_their_language() -> None:
    """The customer's profile, the representative's request."""
    said = decided(open_faults=1, fault_hours_30d=30.0, customer_language="vi", rep_language="en").sentences
    assert said.rep.startswith("Solve the reception problem first: 1 fault(s) open now, 30 hours")
    assert said.customer.startswith("Tôi thấy sóng")


def test_a_sentence_with_a_condition_is_said_while_it_holds() -> None:
    """And one that stands last must have none."""
    raw = {"en": [Conditional(when="n > 5", say="many: {n}"), "few"]}
    conditions = {"n > 5": 7}
    said = compile_sentences(raw, TYPES, "en", condition=lambda source: conditions[source])
    assert said.say("en", {"n": 9}, "EUR", lambda number: number == 7) == "many: 9"
    assert said.say("en", {"n": 1}, "EUR", lambda number: False) == "few"
    with pytest.raises(TemplateError, match="has a condition"):
        compile_sentences({"en": raw["en"][:1]}, TYPES, "en", condition=lambda source: 0)


def test_nothing_is_said_to_be_beyond_the_plan_that_is_not() -> None:
    """A bill without use beyond the plan is explained by its total and its difference alone."""
    bill = {
        "call_topic": "billing",
        "bill_total_minor": 3500,
        "bill_delta_minor": 500,
        "days_since_bill": 3.0,
    }
    assert "€18.00 of it is beyond the plan" in decided(**bill, bill_extra_minor=1800).sentences.rep
    plain = decided(**bill, bill_extra_minor=0).sentences.rep
    assert plain == "Explain the last bill of €35.00: it differs by €5.00 from the one before."
