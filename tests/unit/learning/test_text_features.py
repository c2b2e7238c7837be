"""A text becomes hashed features: the same ones however it was typed, bounded, and of length 1."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cem.learning.contract import TextInput
from cem.learning.text_features import TextFeatures
from cem.learning.text_tokens import bare, pieces, split, split_piece, written_out
from tests.builders.texts import hostile_texts

FEATURES = TextFeatures(12)


def ids(text: str) -> set[int]:
    return set(FEATURES.encode(text).ids.tolist())


@pytest.mark.parametrize(
    ("token", "full"),
    [
        ("HAAAPPY", "haappy"),
        ("Don’t", "don't"),
        ("@airline", "<mention>"),
        ("https://a.b/c", "<web>"),
        ("1.234,50", "<number>"),
        ("ko", "không"),
        ("nv", "nhân viên"),
        ("!!!!!!", "!!"),
        ("x" * 90, "xx"),
    ],
)
def test_a_token_is_written_out(token: str, full: str) -> None:
    """Case, repetition, abbreviation and what only identifies do not make another word."""
    assert written_out(token, {"ko": "không", "nv": "nhân viên"}) == full


def test_tokens_are_words_signs_and_faces() -> None:
    """Emoticons and emoji stay whole; a composed and a decomposed letter are one."""
    assert split("Great :-) <3 👍👍 not?!") == ["Great", ":-)", "<3", "👍", "👍", "not", "?!"]
    assert split("o\u031b\u0300i") == ["ời"]


@given(st.text(st.sampled_from("xXTtDdpPohw8:;=-_^<>3)('’*.,!?@/|1k đờ\u0300\u200d👍\n\u00a0"), max_size=24))
def test_no_token_reaches_beyond_its_piece(text: str) -> None:
    """Between blanks or in the whole text the tokens are the same ones, and a token alone is itself."""
    assert [token for piece in pieces(text) for token in split_piece(piece)] == split(text)
    assert all(split_piece(token) == [token] for token in split(text))


def test_diacritics_may_be_left_out() -> None:
    """A Vietnamese text with and without its diacritics shares features; so do two spellings of one word."""
    assert bare("đường truyền") == "duong truyen"
    assert len(ids("mạng chậm") & ids("mang cham")) >= 2
    assert ids("ko được") == ids("không dc")


def test_values_have_length_one_and_repeat_less() -> None:
    """The features are a unit vector; what is said thrice weighs more than once and less than three times."""
    once, thrice = FEATURES.encode("slow line"), FEATURES.encode("slow slow slow line")
    for encoded in (once, thrice):
        assert math.isclose(float(encoded.values @ encoded.values), 1.0, rel_tol=1e-5)
        assert (encoded.ids[1:] > encoded.ids[:-1]).all()
    spread = thrice.values.max() / thrice.values.min()
    assert 1.0 < spread / (once.values.max() / once.values.min()) < 3.0


def test_negation_marks_what_follows_up_to_the_next_stop() -> None:
    """ "not good" has a feature that "good" lacks; after a stop the words are themselves again."""
    plain = ids("good line")
    assert plain - ids("not good line") == set() or len(ids("not good line") - plain) >= 3
    marked = FEATURES.encode("not. good")
    assert marked.score > 0 > FEATURES.encode("not good").score


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("thank you, excellent service", 1),
        ("on hold for two hours, this is terrible", -1),
        ("not good", -1),
        ("nhân viên nhiệt tình, rất tốt", 1),
        ("nv ko nhiet tinh", -1),
        ("mạng chậm, quá tệ", -1),
        ("that vong", -1),
        ("👍", 1),
        ("😡😡", -1),
        ("the shop opens on monday", 0),
        ("", 0),
    ],
)
def test_the_lists_of_words_know_a_mood_before_any_label(text: str, sign: int) -> None:
    """The prior score has the sign of what is said, in both languages, without diacritics, in fast typing, in faces."""
    score = FEATURES.encode(text).score
    assert -1 < score < 1
    assert (score > 0.05) - (score < -0.05) == sign


def test_a_channel_has_features_of_its_own_beside_the_shared() -> None:
    """For a channel each feature stands twice, shared and own, and own ones differ between channels."""
    encoded = FEATURES.encode("slow line")
    email, call = (FEATURES.encode("slow line", channel=channel) for channel in ("email", "call"))
    n = len(encoded.ids)
    assert (email.ids[:n] == encoded.ids).all()
    assert not (email.ids[n:] == call.ids[n:]).all()
    assert math.isclose(float(email.values @ email.values), 1.0, rel_tol=1e-5)
    assert email.ids.max() < 1 << 12


def test_river_gets_a_mapping() -> None:
    """`transform_one` says the same as `encode`, as River's estimators want it."""
    encoded = FEATURES.encode("slow line")
    assert FEATURES.transform_one("slow line") == dict(
        zip(encoded.ids.tolist(), encoded.values.tolist(), strict=True)
    )
    assert len(FEATURES.transform_one(TextInput("slow line", "email"))) > len(encoded.ids)


@pytest.mark.parametrize("text", hostile_texts(), ids=range(len(hostile_texts())))
def test_any_text_has_bounded_finite_features(text: str) -> None:
    """Whatever is typed: no error, no more features than ten thousand characters have, a unit vector."""
    encoded = FEATURES.encode(text)
    assert math.isclose(float(encoded.values @ encoded.values), 1.0, rel_tol=1e-4)
    assert 0 < len(encoded.ids) <= 1 << 12
    assert 0 <= int(encoded.ids.min()) <= int(encoded.ids.max()) < 1 << 12


def test_the_cache_of_tokens_is_bounded_and_changes_nothing() -> None:
    """However many different words come, few are kept; a text's features do not depend on what came before."""
    features = TextFeatures(12)
    before = features.encode("slow line")
    for number in range(30_000):
        features.encode(
            f"w{chr(97 + number % 26)}{'abcdefghij'[number // 3000]}q{number:x}".translate(DIGITS)
        )
    assert len(features._tokens) + len(features._older) <= 17_000
    after = features.encode("slow line")
    assert (before.ids == after.ids).all()
    assert (before.values == after.values).all()


DIGITS = str.maketrans("0123456789", "ghijklmnop")
