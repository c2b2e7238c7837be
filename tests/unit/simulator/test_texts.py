"""What customers say shows their mood, in two languages and several ways of writing."""

from __future__ import annotations

import itertools

import pytest

from cem.simulator.draws import Dice
from cem.simulator.texts import BANDS, LANGUAGES, Texts, band_of, plain, restyle
from cem.simulator.world.problems import KINDS

VALUES = {
    "amount": "12.30",
    "number": "+84900000001",
    "days": 3,
    "product": "router",
    "action": "x",
    "reason": "x",
}


def test_both_languages_have_every_sentence_in_both_parts() -> None:
    """Wherever English has something to say, open or kept apart, Vietnamese has too."""
    for selection, language in itertools.product(("open", "kept-apart"), LANGUAGES):
        texts = Texts(selection)
        for kind in KINDS:
            assert len(texts.choices(language, "problem", kind)) >= 2
        for band in BANDS:
            assert len(texts.choices(language, "mood", band)) >= 2
            assert len(texts.choices(language, "survey", band)) >= 2
        for reply in ("accept", "decline", "thanks", "disappointed"):
            assert texts.choices(language, "reply", reply)


def test_sentences_kept_apart_are_not_in_use_otherwise() -> None:
    """No sentence is in both parts."""
    for language in LANGUAGES:
        for path in [("problem", kind) for kind in KINDS] + [("mood", band) for band in BANDS] + [("again",)]:
            kept = Texts("kept-apart").choices(language, *path)
            assert not set(Texts("open").choices(language, *path)) & set(kept)
            assert set(Texts("all").choices(language, *path)) >= set(kept)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("style", [0, 1, 2])
def test_every_sentence_can_be_filled_in(language: str, style: int) -> None:
    """No sentence keeps a brace, whatever the style."""
    texts = Texts("all")
    dice = Dice(0)
    for kind in KINDS:
        for number in range(30):
            said = texts.complaint(dice.key(number), language, style, kind, -0.5, number % 2 == 0, **VALUES)
            assert said
            assert "{" not in said
            assert "}" not in said


def test_without_diacritics_nothing_but_ascii_is_left() -> None:
    """Vietnamese in haste has no marks."""
    assert plain("Không thể chấp nhận được! Đường truyền") == "Khong the chap nhan duoc! Duong truyen"
    assert restyle("Tôi rất bực mình.", "vi", 1).isascii()


def test_teenagers_abbreviate() -> None:
    """Teen spelling in both languages."""
    assert restyle("Tôi không biết gì.", "vi", 2) == "t ko bik j"
    assert restyle("Thanks, that is great.", "en", 2) == "thx that is gr8"


def test_placeholders_survive_every_style() -> None:
    """A value is filled in as it is."""
    for style in (0, 1, 2):
        assert "{amount}" in restyle("Sao phải trả {amount}?", "vi", style)


def test_the_mood_shows_in_the_band() -> None:
    """Bands follow the mood; noise moves them a little."""
    assert [band_of(mood, 0.0) for mood in (-0.9, -0.3, 0.0, 0.4, 0.9)] == list(BANDS)
    assert band_of(0.2, 2.0) == "content"


def test_an_unknown_selection_is_refused() -> None:
    """There are three."""
    with pytest.raises(ValueError, match="open, kept-apart, all"):
        Texts("closed")
