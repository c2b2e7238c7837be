"""The reason of a contact, from what is said and from what else is known of it; "unknown" when it does not know.

Three experts read the same hashed features: naive Bayes and centroids, which are good from a handful of examples on, and
adaptive weights, which are best in the end. Their log-probabilities are added with weights that are learnt online, so
who is right more often is heard more (a log-linear pool: Heskes, Selecting Weighting Factors in Logarithmic Opinion
Pools, NeurIPS 1997). A text less familiar than nearly all that were learnt gets no label.

Classes come as they are seen, up to a limit, or from a taxonomy that allows no others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cem.learning.contract import NOTHING_LEARNT, ClassScores, TextInput
from cem.learning.snapshot import Snapshot, SnapshotError, read_snapshot, write_snapshot
from cem.learning.text_arow import Arow
from cem.learning.text_bayes import NaiveBayes
from cem.learning.text_centroid import SHARPNESS, Centroids
from cem.learning.text_familiarity import Familiarity
from cem.learning.text_features import EncodedText, Ids, TextFeatures, Values

__all__ = ["MAX_CLASSES", "RECIPES", "ReasonModel"]

#: Name -> lengths of the n-grams of letters.
RECIPES: Final[dict[str, tuple[int, int] | None]] = {"pooled": (3, 5), "pooled-light": None}

#: 96 MB of weights hold 104 columns; one of them is of no class.
MAX_CLASSES: Final = 100
_MAX_LABEL: Final = 200
_BITS: Final = 16
_FEATURES: Final = 1 << _BITS
_COLUMNS_AT_ONCE: Final = 8
_LETTERS: Final = 0.5
#: N-grams of letters weigh as much as words in the centroids, where they find relatives of words not seen yet.
_LETTERS_IN_CENTROIDS: Final = np.float32(2.0)
#: How fast the experts' weights move; an expert is never surer than this of what is not so.
_POOL_STEP: Final = 0.005
_SUREST: Final = math.log(1e-5)
_LOUDEST: Final = 5.0
_LAYOUT: Final = 1

Floats = npt.NDArray[np.float64]


class _Views:
    """One text as each expert looks at it."""

    def __init__(self, encoded: EncodedText, documents: npt.NDArray[np.float32], seen: int) -> None:
        ids, values, _ = encoded
        self.ids: Ids = ids
        rare = np.log(np.float32(1 + seen) / (1 + documents.take(ids))) + 1
        letters = int(ids.searchsorted(_FEATURES >> 1))
        self.values: Values = _unit(values * rare)
        stressed = self.values.copy()
        stressed[letters:] *= _LETTERS_IN_CENTROIDS
        self.stressed: Values = _unit(stressed)
        self.weights: Values = np.ones(len(ids), np.float32)
        self.weights[letters:] = _LETTERS


class ReasonModel:
    """The model of the contract whose labels are the reasons of an operator's own taxonomy."""

    name = "reason"

    def __init__(self, recipe: str = "pooled", taxonomy: Sequence[str] = ()) -> None:
        """With a taxonomy, no other label is learnt."""
        self.recipe = recipe
        self.version = NOTHING_LEARNT
        self._taxonomy = frozenset(taxonomy)
        self._text = TextFeatures(_BITS, letters=RECIPES[recipe], letter_weight=_LETTERS, skip=True)
        self._classes: dict[str, int] = {}
        self._refusals: dict[str, int] = {}
        #: In how many texts each feature was, and how many texts there were.
        self._documents = np.zeros(_FEATURES, np.float32)
        self._seen = 0
        self._arow = Arow(_FEATURES, _COLUMNS_AT_ONCE)
        self._bayes = NaiveBayes(_FEATURES, _COLUMNS_AT_ONCE)
        self._centroids = Centroids(_FEATURES, _COLUMNS_AT_ONCE)
        self._pool = np.full(3, 1 / 3)
        self._familiarity = Familiarity()

    @property
    def refusals(self) -> Mapping[str, int]:
        """How many examples were not learnt, by reason: "label" (none of the taxonomy), "classes" (beyond the limit)."""
        return self._refusals

    @property
    def classes(self) -> tuple[str, ...]:
        """The reasons that were seen, in the order in which they came."""
        return tuple(self._classes)

    def encode(self, x: TextInput) -> EncodedText:
        """Return the contact as hashed features."""
        return self._text.encode(x.text, tuple(f"{name}={value}" for name, value in x.fields.items()))

    def predict_one(self, x: TextInput) -> ClassScores:
        """Return the probability of each reason seen so far; no label for a text that is not familiar."""
        if not self._classes:
            return ClassScores({}, None)
        views = _Views(self.encode(x), self._documents, self._seen)
        opinions, cosines = self._opinions(views)
        pooled = np.exp(_log_softmax(self._pool.dot(opinions)))
        probabilities = dict(zip(self._classes, pooled.tolist(), strict=True))
        if not self._familiarity.is_known(float(cosines.max())):
            return ClassScores(probabilities, None)
        return ClassScores(probabilities, max(probabilities, key=probabilities.__getitem__))

    def predict_many(self, xs: Sequence[TextInput]) -> list[ClassScores]:
        """Return one prediction for each."""
        return [self.predict_one(x) for x in xs]

    def learn_one(self, x: TextInput, y: str) -> bool:
        """Learn that this was why; refuse what the taxonomy does not have, and classes beyond the limit."""
        label = self._column(y)
        if label is None:
            return False
        encoded = self.encode(x)
        views = _Views(encoded, self._documents, self._seen)
        known = label < len(self._classes)
        if known:
            opinions, cosines = self._opinions(views)
            self._familiarity.learn(float(cosines.max()))
            surprise = np.exp(_log_softmax(self._pool.dot(opinions)))
            surprise[label] -= 1.0
            self._pool = np.clip(self._pool - _POOL_STEP * opinions.dot(surprise), 0.0, _LOUDEST)
        else:
            self._classes[y] = label
        self._arow.learn(views.ids, views.values, label)
        self._bayes.learn(views.ids, label)
        self._centroids.learn(views.ids, views.stressed, label)
        self._documents[views.ids] += 1
        self._seen += 1
        return True

    def memory_bytes(self) -> int:
        """Return about how much memory the model takes: its tables, and the tokens it remembers."""
        tables = (
            self._documents,
            self._arow.weights,
            self._arow.variances,
            self._bayes.counts,
            self._centroids.sums,
        )
        return sum(table.nbytes for table in tables) + self._text.memory_bytes()

    def warmed(self) -> None:
        """Go on from what was learnt elsewhere: counts and variances weigh new examples by how much is known."""

    def snapshot(self) -> bytes:
        """Return the model as data; only rows that were ever touched."""
        rows = np.flatnonzero(self._documents).astype(np.uint32)
        state = {
            "classes": list(self._classes),
            "taxonomy": sorted(self._taxonomy),
            "refusals": self._refusals,
            "seen": self._seen,
            "vocabulary": self._bayes.vocabulary,
            "familiarity": [self._familiarity.scores, self._familiarity.seen, self._familiarity.threshold],
        }
        arrays = {
            "rows": rows,
            "documents": self._documents[rows],
            "pool": self._pool,
            "weights": self._arow.weights[rows],
            "variances": self._arow.variances[rows],
            "counts": self._bayes.counts[rows],
            "totals": self._bayes.totals,
            "examples": self._bayes.examples,
            "sums": self._centroids.sums[rows],
            "squares": self._centroids.squares,
        }
        return write_snapshot(Snapshot(self.name, self.recipe, _LAYOUT, self.version, state, arrays))

    def restore(self, data: bytes) -> None:
        """Become the model in `data`. Raises SnapshotError and changes nothing when that cannot be."""
        found = read_snapshot(data, model=self.name, layouts=(_LAYOUT,), recipe=self.recipe)
        try:
            self.__dict__.update(self._read(found).__dict__)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise SnapshotError(
                f"this snapshot of reason lacks a part or holds a wrong one: {error}"
            ) from None

    def _read(self, found: Snapshot) -> ReasonModel:
        state, arrays = found.state, found.arrays
        rows = arrays["rows"]
        columns = len(arrays["totals"])
        if not len(state["classes"]) < columns <= MAX_CLASSES + _COLUMNS_AT_ONCE:
            raise ValueError("the classes do not fit the columns")
        fresh = ReasonModel(self.recipe, [str(each) for each in state["taxonomy"]])
        fresh.version = found.version
        fresh._classes = {str(each): at for at, each in enumerate(state["classes"])}
        fresh._refusals = {str(reason): int(count) for reason, count in state["refusals"].items()}
        fresh._seen = int(state["seen"])
        fresh._documents[rows] = arrays["documents"]
        fresh._grow(columns)
        fresh._arow.weights[rows] = arrays["weights"]
        fresh._arow.variances[rows] = arrays["variances"]
        fresh._bayes.counts[rows] = arrays["counts"]
        fresh._bayes.totals[:] = arrays["totals"]
        fresh._bayes.examples[:] = arrays["examples"]
        fresh._bayes.vocabulary = int(state["vocabulary"])
        fresh._centroids.sums[rows] = arrays["sums"]
        fresh._centroids.squares[:] = arrays["squares"]
        fresh._pool[:] = arrays["pool"]
        scores, seen, threshold = state["familiarity"]
        fresh._familiarity = Familiarity(
            [float(each) for each in scores], int(seen), None if threshold is None else float(threshold)
        )
        return fresh

    def _opinions(self, views: _Views) -> tuple[Floats, Floats]:
        """Return each expert's log-probabilities, shape (3, classes), and the cosines."""
        classes = len(self._classes)
        cosines = self._centroids.cosines(views.ids, views.stressed, classes)
        logits = np.stack(
            (
                self._arow.logits(views.ids, views.values, classes),
                self._bayes.logits(views.ids, views.weights, classes),
                SHARPNESS * cosines,
            )
        )
        return np.maximum(_log_softmax(logits), _SUREST), cosines

    def _column(self, label: object) -> int | None:
        """Return the label's column, the next one for a label not seen yet; None and a count when it is refused."""
        if not isinstance(label, str) or not 0 < len(label) <= _MAX_LABEL:
            self._count("label")
            return None
        found = self._classes.get(label)
        if found is not None:
            return found
        if self._taxonomy and label not in self._taxonomy:
            self._count("label")
            return None
        if len(self._classes) >= MAX_CLASSES:
            self._count("classes")
            return None
        if len(self._classes) + 2 > self._columns:
            self._grow(self._columns + _COLUMNS_AT_ONCE)
        return len(self._classes)

    @property
    def _columns(self) -> int:
        return len(self._bayes.totals)

    def _grow(self, columns: int) -> None:
        """Have more columns; the last of them is always one of no class, which others are made of."""
        if columns > self._columns:
            self._arow.grow(columns)
            self._bayes.grow(columns)
            self._centroids.grow(columns)

    def _count(self, reason: str) -> None:
        self._refusals[reason] = self._refusals.get(reason, 0) + 1


def _unit(values: Values) -> Values:
    return values / np.float32(math.sqrt(values.dot(values)))


def _log_softmax(logits: Floats) -> Floats:
    """Return logarithms of probabilities along the last axis."""
    shifted: Any = logits - logits.max(axis=-1, keepdims=True)
    found: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return found
