"""What is known of a customer is said in English and Vietnamese, with its numbers and without the program's names."""

from __future__ import annotations

import re

import pytest

from cem.domain.view import BestHour, Choice
from cem.nba.customer_known import known_of
from cem.nba.customer_words import (
    LANGUAGES,
    say_choice,
    say_driver,
    say_hour,
    say_need,
    say_potential,
    say_sign,
)
from cem.nba.experience import WEIGHTS, Driver
from cem.nba.needs import NEEDS, Need, Sign
from cem.nba.potential import Potential
from tests.builders.customers import T0, household
from tests.builders.typical_customer import eventful_customer

_PLAIN = re.compile(r"[{}_]")


def test_who_says_phone_and_answers_mail_is_described_so() -> None:
    """The sentence of story 5."""
    choice = Choice("email", 0.6, "call", "email", 6, 7, 12, "answers")
    assert say_choice(choice, "en") == "Answers e-mail: 6 of 7 messages there; asks for phone."
    assert say_choice(choice, "vi") == "Trả lời qua email: 6/7 tin; yêu cầu điện thoại."


def test_of_a_channel_where_nothing_was_sent_no_share_is_told() -> None:
    """A share of no messages says nothing; that none was sent there is what is known."""
    choice = Choice("email", 0.5, "email", "", 0, 0, 0, "said")
    assert say_choice(choice, "en") == "Asks for e-mail; no message was sent there yet."
    assert "0/0" not in say_choice(choice, "vi")


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_can_be_said(language: str) -> None:
    """Every reason, part of day, need, sign, driver and bar has its words, in both languages differently."""
    said = [
        *(
            say_choice(Choice("email", 0.5, "call", "", 1, 2, 3, reason), language)
            for reason in ("said", "confirmed", "answers", "silent", "refused", "default", "none")
        ),
        *(say_hour(BestHour(part, False, 6, 12, 0.5, 9), language) for part in ("morning", "evening")),
        *(say_need(Need(need, 0.5, (), 0), language) for need in NEEDS),
        *(say_driver(Driver(code, -5.0, 1.5), language) for code in (*WEIGHTS, "surveys", "estimate")),
        *(
            say_potential(Potential(0.5, 500, 3_000, 900, 0.9, barred), language, "EUR")
            for barred in ("", "hardship", "overdue")
        ),
    ]
    assert all(text and not _PLAIN.search(text) for text in said)
    other = LANGUAGES[1 - LANGUAGES.index(language)]
    assert say_need(Need("data", 0.5, (), 0), language) != say_need(Need("data", 0.5, (), 0), other)


@pytest.mark.parametrize("language", LANGUAGES)
def test_amounts_are_written_as_the_language_does(language: str) -> None:
    """Money with its sign, hours with a decimal point or comma."""
    billed, hours = Sign("billed", 0.5, 1_240), Sign("fault_hours", 0.5, 7.5)
    written = [say_sign(billed, language, "EUR"), say_sign(hours, language, "EUR")]
    wanted = {"en": ["€12.40", "7.5 hours"], "vi": ["12,40", "7,5 giờ"]}[language]
    assert all(want in text for want, text in zip(wanted, written, strict=True))


def test_all_that_is_known_of_a_full_state_has_its_reasons_in_words() -> None:
    """Whatever needs, drivers and channels he has, each says why; nobody's state is without an experience."""
    customer = eventful_customer()
    known = known_of(customer, customer.last_ms, {}, "UTC", "EUR")
    assert known["reach"]["said"] == "email"
    assert known["reach"]["says"]["en"].startswith("Asks for e-mail")
    assert known["needs"]
    assert all(need["signs"] and need["says"].keys() == {*LANGUAGES} for need in known["needs"])
    assert [n["score"] for n in known["needs"]] == sorted((n["score"] for n in known["needs"]), reverse=True)
    assert known["potential"]["headroom_minor"] > 0
    assert 1 <= len(known["experience"]["drivers"]) <= 3
    assert not any(_PLAIN.search(d["says"]["en"]) for d in known["experience"]["drivers"])
    blank = known_of(household([])[0], T0, {}, "UTC", "EUR")
    assert (blank["needs"], blank["potential"], blank["experience"]["index"]) == ([], None, 65)
