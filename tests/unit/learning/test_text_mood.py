"""The mood of utterances, and the words it hangs on."""

from __future__ import annotations

from cem.domain.mood_shape import shape_of, weight_of
from cem.learning.contract import TextInput
from cem.learning.text_mood import mood_of, telling_words
from cem.learning.text_sentiment import SentimentModel

MODEL = SentimentModel()


def test_level_trend_and_turn_of_a_conversation_that_went_wrong() -> None:
    """From content to furious: the level is low, the trend falls, and the turn is where the complaint begins."""
    said = [
        "hello, thanks for taking my call, everything is great so far",
        "the new phone is lovely and the shop was very helpful",
        "but the bill is a disgrace, this is an outrageous rip off",
        "terrible, I am furious and disappointed, this is the worst service",
    ]
    moods = [mood_of(MODEL.predict_one(TextInput(text))) for text in said]
    found = shape_of(moods, [weight_of(len(text.split())) for text in said])
    assert found.level < 0
    assert found.trend < -0.1
    assert found.turned_at == 2
    assert found.turned_by < -0.5
    assert {"terrible", "furious", "worst"} & set(telling_words(said[-1], MODEL.predict_one))


def test_telling_words_are_those_on_which_the_mood_hangs() -> None:
    """In either language the words named are those that carry the mood; a flat text has none."""
    assert telling_words("the shop was terrible on monday", MODEL.predict_one)[0] == "terrible"
    assert telling_words("nhân viên rất tuyệt", MODEL.predict_one)[0] == "tuyệt"
    assert telling_words("the shop on monday", MODEL.predict_one) == ()
    assert telling_words("", MODEL.predict_one) == ()
