"""Sentiment of an utterance or a message: one model for English and Vietnamese, for every channel, from the first one on.

Before any label it says what the lists of words say; each label moves it. Languages hardly disturb each other, but
sources differ in what they call positive, so every feature is learnt twice: for all, and for its channel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from cem.learning.contract import NOTHING_LEARNT, ClassScores, TextInput
from cem.learning.snapshot import Snapshot, SnapshotError, read_snapshot, write_snapshot
from cem.learning.text_features import EncodedText, TextFeatures
from cem.learning.text_softmax import CLASSES, ClassCounts, PriorWeights, TextSoftmax

__all__ = ["LABELS", "RECIPES", "SentimentModel"]

NEGATIVE: Final = "negative"
NEUTRAL: Final = "neutral"
POSITIVE: Final = "positive"
LABELS: Final = (NEGATIVE, NEUTRAL, POSITIVE)
#: Name -> lengths of the n-grams of letters.
RECIPES: Final[dict[str, tuple[int, int] | None]] = {"hashed": (3, 5), "hashed-light": None}

_BITS: Final = 19
_LAYOUT: Final = 1
#: A channel beyond these is learnt as none in particular.
_MAX_CHANNELS: Final = 64


class SentimentModel:
    """The model of the contract for labels "negative", "neutral" and "positive"."""

    name = "sentiment"

    def __init__(self, recipe: str = "hashed") -> None:
        self.recipe = recipe
        self.version = NOTHING_LEARNT
        self._features = TextFeatures(_BITS, letters=RECIPES[recipe])
        self._clear()

    @property
    def refusals(self) -> Mapping[str, int]:
        """How many examples were not learnt, or not as they came, by reason."""
        return self._refusals

    def predict_one(self, x: TextInput) -> ClassScores:
        """Return the probability of each label; the prior's for a model that has learnt nothing."""
        channel = self._known(x.channel)
        return _scores(self._softmax.probabilities(self._encoded(x, channel), channel))

    def predict_many(self, xs: Sequence[TextInput]) -> list[ClassScores]:
        """Return one prediction for each."""
        return [self.predict_one(x) for x in xs]

    def encode(self, x: TextInput) -> EncodedText:
        """Return the text as the model sees it."""
        return self._encoded(x, self._known(x.channel))

    def learn_one(self, x: TextInput, y: str) -> bool:
        """Learn that the text was meant so; refuse a label that is none of the three."""
        if y not in LABELS:
            self._count("label")
            return False
        label = LABELS.index(y)
        channel = self._admitted(x.channel)
        weight = self._counts[channel].weight(label)
        self._softmax.learn(self._encoded(x, channel), channel, label, weight)
        return True

    def memory_bytes(self) -> int:
        """Return about how much memory the model takes: its weights, and the tokens it remembers."""
        return self._softmax.table.nbytes + self._features.memory_bytes()

    def warmed(self) -> None:
        """Keep a hint of what was learnt elsewhere and learn fast again, before the examples of a new source come."""
        self._softmax.soften()
        self._warmed += 1
        self._counts = {self._home: ClassCounts()}

    def snapshot(self) -> bytes:
        """Return the model as data; only rows that were ever touched."""
        table = self._softmax.table
        rows = np.flatnonzero((table != TextSoftmax.untouched()).any(axis=1)).astype(np.uint32)
        state = {
            "warmed": self._warmed,
            "step": self._softmax.step,
            "counts": {channel: counts.counts for channel, counts in self._counts.items()},
            "prior": _prior_state(self._softmax.shared_prior),
            "own_prior": {name: _prior_state(each) for name, each in self._softmax.own_prior.items()},
            "refusals": self._refusals,
        }
        arrays = {"rows": rows, "weights": table[rows]}
        return write_snapshot(Snapshot(self.name, self.recipe, _LAYOUT, self.version, state, arrays))

    def restore(self, data: bytes) -> None:
        """Become the model in `data`. Raises SnapshotError and changes nothing when that cannot be."""
        found = read_snapshot(data, model=self.name, layouts=(_LAYOUT,), recipe=self.recipe)
        try:
            self._become(found)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise SnapshotError(
                f"this snapshot of sentiment lacks a part or holds a wrong one: {error}"
            ) from None

    def _clear(self) -> None:
        self._warmed = 0
        self._softmax = TextSoftmax(_BITS)
        self._counts = {"": ClassCounts()}
        self._refusals: dict[str, int] = {}

    def _become(self, found: Snapshot) -> None:
        softmax = TextSoftmax(_BITS)
        rows, weights = found.arrays["rows"], found.arrays["weights"]
        if weights.shape != (len(rows), CLASSES + 1):
            raise ValueError("the weights do not fit the rows")
        softmax.table[rows] = weights
        softmax.step = float(found.state["step"])
        softmax.shared_prior = _prior(found.state["prior"])
        softmax.own_prior = {name: _prior(each) for name, each in found.state["own_prior"].items()}
        counts = {channel: ClassCounts(_counted(each)) for channel, each in found.state["counts"].items()}
        refusals = {str(reason): int(count) for reason, count in found.state["refusals"].items()}
        self._warmed = int(found.state["warmed"])
        self._softmax, self._refusals = softmax, refusals
        self._counts = {self._home: ClassCounts()} | counts
        self.version = found.version

    @property
    def _home(self) -> str:
        """The channel of what names none: none at all, or, after a warm start, one that is apart from what was before."""
        return f"home {self._warmed}" if self._warmed else ""

    def _encoded(self, x: TextInput, channel: str) -> EncodedText:
        return self._features.encode(x.text, channel=channel)

    def _known(self, channel: str) -> str:
        return channel if channel in self._counts else self._home

    def _admitted(self, channel: str) -> str:
        channel = channel or self._home
        if channel not in self._counts:
            if len(self._counts) > _MAX_CHANNELS:
                self._count("channels")
                return self._home
            self._counts[channel] = ClassCounts()
        return channel

    def _count(self, reason: str) -> None:
        self._refusals[reason] = self._refusals.get(reason, 0) + 1


def _scores(probabilities: list[float]) -> ClassScores:
    negative, neutral, positive = probabilities
    likeliest = (
        NEGATIVE
        if negative >= neutral and negative >= positive
        else NEUTRAL
        if neutral >= positive
        else POSITIVE
    )
    return ClassScores({NEGATIVE: negative, NEUTRAL: neutral, POSITIVE: positive}, likeliest)


def _prior_state(prior: PriorWeights) -> list[list[list[float]]]:
    return [prior.weights, prior.squares]


def _prior(state: Any) -> PriorWeights:
    prior = PriorWeights(0.0, 0.0)
    prior.weights, prior.squares = ([[float(each) for each in row] for row in rows] for rows in state)
    if any(len(row) != CLASSES for rows in (prior.weights, prior.squares) for row in rows):
        raise ValueError("the prior's weights are not three")
    return prior


def _counted(counts: Any) -> list[int]:
    found = [int(count) for count in counts]
    if len(found) != CLASSES:
        raise ValueError("the counts are not three")
    return found
