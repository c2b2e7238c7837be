"""The mood of a conversation: where it stands, where it goes, where it turned, and what it was about.

A customer's utterances have a mood each, the probability of praise less that of complaint. Short ones say little, so
each counts by its length, up to a sentence.

- level: the mean, later utterances counting more (half as much for each three utterances back);
- trend: the slope of the weighted least-squares line, per utterance;
- turning point: the utterance from which on the mean differs most from the mean before (one change point by least
  squares: Hawkins, Testing a Sequence of Observations for a Shift in Location, JASA 72, 1977), if by enough;
- about: the words without which the most extreme utterance would have been milder, found by leaving each out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from cem.learning.contract import ClassScores, TextInput
from cem.learning.text_tokens import split

__all__ = ["ConversationMood", "Utterance", "conversation_mood", "mood_of", "telling_words"]

_HALF_LIFE: Final = 3.0
#: Words from which on an utterance counts whole.
_WHOLE: Final = 8
#: Means before and after a turning point differ by this much at least.
_TURN: Final = 0.35
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
    weights = [min(_WHOLE, max(1, len(each.text.split()))) / _WHOLE for each in utterances]
    recent = [weight * 0.5 ** ((len(moods) - 1 - at) / _HALF_LIFE) for at, weight in enumerate(weights)]
    turned_at, turned_by = _turn(moods, weights)
    extreme = max(range(len(moods)), key=lambda at: (abs(moods[at]) * weights[at], at))
    return ConversationMood(
        level=_mean(moods, recent),
        trend=_slope(moods, weights),
        turned_at=turned_at,
        turned_by=turned_by,
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


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)


def _slope(values: Sequence[float], weights: Sequence[float]) -> float:
    places = range(len(values))
    place, value = _mean(places, weights), _mean(values, weights)
    spread = sum(w * (x - place) ** 2 for x, w in zip(places, weights, strict=True))
    if spread == 0:
        return 0.0
    return (
        sum(w * (x - place) * (y - value) for x, y, w in zip(places, values, weights, strict=True)) / spread
    )


def _turn(values: Sequence[float], weights: Sequence[float]) -> tuple[int | None, float]:
    best: tuple[float, int | None, float] = (0.0, None, 0.0)
    for at in range(1, len(values)):
        before, after = sum(weights[:at]), sum(weights[at:])
        step = _mean(values[at:], weights[at:]) - _mean(values[:at], weights[:at])
        gain = before * after / (before + after) * step * step
        if abs(step) >= _TURN and gain > best[0]:
            best = (gain, at, step)
    return best[1], best[2]
