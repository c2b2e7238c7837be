"""The mood of an utterance, and the words that it hangs on: those without which it would be milder.

A mood is the probability of praise less that of complaint. Where a conversation's moods stand, go and turn is for
`cem.domain.mood_shape` to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cem.learning.contract import ClassScores, TextInput
from cem.learning.text_tokens import split

__all__ = ["mood_of", "telling_words"]

_MAX_WORDS: Final = 40
#: A word is named when the mood would be milder by this much without it.
_TELLS: Final = 0.02

Predict = Callable[[TextInput], ClassScores]


def mood_of(scores: ClassScores) -> float:
    """Return the mood that a sentiment prediction says, -1 to 1."""
    return scores.probabilities["positive"] - scores.probabilities["negative"]


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
