"""The mood of a conversation: where it stands, where it goes, where it turned, and what it was about.

A customer's utterances have a mood each, the probability of praise less that of complaint. Level, trend and turning
point are those of `cem.domain.mood_shape`; what it was about are the words without which the most extreme utterance
would have been milder, found by leaving each out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from cem.domain.mood_shape import shape_of, weight_of
from cem.learning.contract import ClassScores, TextInput
from cem.learning.text_tokens import split

__all__ = ["ConversationMood", "Utterance", "conversation_mood", "mood_of", "telling_words"]

_MAX_WORDS: Final = 40
#: A word is named when the mood would be milder by this much without it.
_TELLS: Final = 0.02

Predict = Callable[[TextInput], ClassScores]


class Utterance(msgspec.Struct, frozen=True):
    """What the customer said, in order, and its mood."""

    text: str
    #: -1 (complaint) to 1 (praise).
    mood: float


class ConversationMood(msgspec.Struct, frozen=True):
    """The mood of the customer's side of a conversation."""

    #: -1 to 1; 0 when nothing was said.
    level: float
    #: Change of the mood per utterance.
    trend: float
    #: Index of the first utterance after the turn; None when there was none.
    turned_at: int | None
    #: Mean after the turn less mean before it; 0 without one.
    turned_by: float
    #: Words that the mood hangs on, the most telling first.
    about: tuple[str, ...]


def mood_of(scores: ClassScores) -> float:
    """Return the mood that a sentiment prediction says, -1 to 1."""
    return scores.probabilities["positive"] - scores.probabilities["negative"]


def conversation_mood(
    utterances: Sequence[Utterance], predict: Predict, *, words: int = 3
) -> ConversationMood:
    """Return the mood of the conversation. `predict` is asked what the words that count are."""
    if not utterances:
        return ConversationMood(0.0, 0.0, None, 0.0, ())
    moods = [each.mood for each in utterances]
    weights = [weight_of(len(each.text.split())) for each in utterances]
    shape = shape_of(moods, weights)
    extreme = max(range(len(moods)), key=lambda at: (abs(moods[at]) * weights[at], at))
    return ConversationMood(
        level=shape.level,
        trend=shape.trend,
        turned_at=shape.turned_at,
        turned_by=shape.turned_by,
        about=telling_words(utterances[extreme].text, predict, most=words),
    )


def telling_words(text: str, predict: Predict, *, most: int = 3) -> tuple[str, ...]:
    """Return the words of the text without which its mood would be milder, the most telling first."""
    tokens = split(text)[:_MAX_WORDS]
    whole = mood_of(predict(TextInput(" ".join(tokens))))
    side = 1.0 if whole >= 0 else -1.0
    found: dict[str, float] = {}
    for at, token in enumerate(tokens):
        if token[0].isalpha():
            rest = mood_of(predict(TextInput(" ".join(tokens[:at] + tokens[at + 1 :]))))
            word = token.lower()
            found[word] = max(found.get(word, 0.0), side * (whole - rest))
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return tuple(word for word, telling in ranked[:most] if telling > _TELLS)
