"""The mood of a conversation: level, trend, turning point, and the words it hangs on."""

from __future__ import annotations

import pytest

from cem.learning.contract import TextInput
from cem.learning.text_mood import ConversationMood, Utterance, conversation_mood, mood_of, telling_words
from cem.learning.text_sentiment import SentimentModel

MODEL = SentimentModel()


def said(*texts: str) -> list[Utterance]:
    return [Utterance(text, mood_of(MODEL.predict_one(TextInput(text)))) for text in texts]


def moods(*values: float) -> ConversationMood:
    return conversation_mood(
        [Utterance("one two three four five six seven eight", each) for each in values], MODEL.predict_one
    )


def test_nothing_said_has_no_mood() -> None:
    """An empty conversation is neutral, goes nowhere and turns nowhere."""
    assert conversation_mood([], MODEL.predict_one) == ConversationMood(0.0, 0.0, None, 0.0, ())


def test_level_trend_and_turn_of_a_conversation_that_went_wrong() -> None:
    """From content to furious: the level is low, the trend falls, and the turn is where the complaint begins."""
    found = conversation_mood(
        said(
            "hello, thanks for taking my call, everything is great so far",
            "the new phone is lovely and the shop was very helpful",
            "but the bill is a disgrace, this is an outrageous rip off",
            "terrible, I am furious and disappointed, this is the worst service",
        ),
        MODEL.predict_one,
    )
    assert found.level < 0
    assert found.trend < -0.1
    assert found.turned_at == 2
    assert found.turned_by < -0.5
    assert {"terrible", "furious", "worst"} & set(found.about)


def test_the_last_words_count_most() -> None:
    """The same moods in the other order leave another level, and the opposite trend."""
    falling, rising = moods(0.8, 0.2, -0.6), moods(-0.6, 0.2, 0.8)
    assert falling.level < rising.level
    assert falling.trend == pytest.approx(-rising.trend)


def test_a_steady_mood_has_no_turn() -> None:
    """Small ups and downs are no turning point."""
    found = moods(0.3, 0.2, 0.35, 0.25)
    assert (found.turned_at, found.turned_by) == (None, 0.0)
    assert found.trend == pytest.approx(0.0, abs=0.02)


def test_a_word_counts_less_than_a_sentence() -> None:
    """ "ok" between two sentences of complaint does not lift the level as a sentence of praise does."""
    complaint = Utterance("this is a long and detailed complaint about my bill", -0.8)
    short = conversation_mood([complaint, Utterance("ok", 0.6)], MODEL.predict_one)
    long = conversation_mood(
        [complaint, Utterance("ok that is really all fine with me now", 0.6)], MODEL.predict_one
    )
    assert short.level < long.level


def test_telling_words_are_those_on_which_the_mood_hangs() -> None:
    """In either language the words named are those that carry the mood; a flat text has none."""
    assert telling_words("the shop was terrible on monday", MODEL.predict_one)[0] == "terrible"
    assert telling_words("nhân viên rất tuyệt", MODEL.predict_one)[0] == "tuyệt"
    assert telling_words("the shop on monday", MODEL.predict_one) == ()
    assert telling_words("", MODEL.predict_one) == ()
