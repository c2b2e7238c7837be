"""Boosted trees in one pass: a fixed number of small trees, refitted in turn on a sample of what was seen.

Every `every` examples one tree, the one that has stood longest, is taken out of the sum and fitted anew to what the
others leave unexplained in a buffer of earlier examples. The first round is gradient boosting (Friedman, "Greedy
function approximation", Annals of Statistics 2001), the later ones are backfitting, as BART does it by sampling
(Chipman, George and McCulloch, Annals of Applied Statistics 2010): trees that were grown when little was known are
replaced, and so are those of a world that has changed. The trees are oblivious (the same question on a whole level;
Prokhorenkova and others, "CatBoost", NeurIPS 2018), which regularises and makes a prediction a few array operations;
the questions are the best of a random draw (Geurts, Ernst and Wehenkel, "Extremely randomized trees", Machine
Learning 2006). The buffer keeps features, never identities.

The buffer holds vectors of the encoder in bytes: 31 steps to a standard deviation, one byte a mark. When it is full
each new example replaces a random one (Aggarwal, "On biased reservoir sampling", VLDB 2006), so that it forgets at the
rate of its size. Of yes and no the rarer kind does not give way while it has no more than a quarter of the buffer: where one
in fifty says yes, that is 1,250 of them to learn from instead of 100. Its rows weigh as much less as there are more of them than
there should be (case-control sampling; King and Zeng, "Logistic regression in rare events data", Political Analysis 2001).
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from cem.learning.tabular.numbers import draw_below

__all__ = ["BackfittedTrees", "TreeOptions"]

Vector = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_BLOCK: Final = 32
_SCALE: Final = 31.0
_ZERO: Final = 128
#: A byte above this is a mark that is set.
_MARK: Final = 143
_LEAST_ROWS: Final = 40
#: The places that questions are drawn from are listed again after so many fits.
_LIST_EVERY: Final = 16
_SLOT, _PART = 1, 2
#: Buffers' worth of examples over which the share of positives is a mean.
_REMEMBERED: Final = 4


class TreeOptions(msgspec.Struct, frozen=True):
    """What the trees are like."""

    trees: int = 60
    depth: int = 4
    buffer: int = 5000
    #: Examples between two fits.
    every: int = 16
    #: Questions drawn for a level.
    draws: int = 32
    #: Pseudo-examples at zero in each leaf.
    shrinkage: float = 8.0
    #: Share of a leaf's step that is taken.
    rate: float = 0.5
    #: A fit looks at no more than so many rows of the buffer, evenly spaced.
    rows: int = 2000
    loss: Literal["logistic", "squared"] = "logistic"
    seed: int = 1


class BackfittedTrees:
    """A sum of trees: a log-odds ("logistic") or a value ("squared")."""

    def __init__(self, options: TreeOptions | None = None) -> None:
        o = self.options = options or TreeOptions()
        self.width = 0
        self.seen = 0
        self.fits = 0
        self.bias = 0.0
        self._places = np.zeros((o.trees, o.depth), np.int64)
        self._bounds = np.full((o.trees, o.depth), 255, np.uint8)
        self._leaves = np.zeros(o.trees << o.depth, np.float32)
        self._rows = np.full((0, o.buffer), _ZERO, np.uint8)
        self._labels = np.zeros(o.buffer, np.float32)
        self._sums = np.zeros(o.buffer, np.float32)
        #: Which rows of the buffer are of each kind (no, yes), in their order; of "logistic" only.
        self._kinds: tuple[list[int], list[int]] = ([], [])
        #: Share of positives among what was seen lately.
        self._positives = 0.0
        self._firsts = np.arange(o.trees, dtype=np.int64) << o.depth
        self._questions: _Questions | None = None
        self.grow(_BLOCK)

    def grow(self, size: int) -> None:
        """Make room for vectors of `size`."""
        if size > self.width:
            width = -(-size // _BLOCK) * _BLOCK
            rows = np.full((width, self.options.buffer), _ZERO, np.uint8)
            rows[: self.width] = self._rows
            self._rows, self.width = rows, width

    def predict(self, v: Vector) -> float:
        """Return the sum at `v`, which may be longer than `width`."""
        return self._sum(_packed(v)) + self.bias

    def learn(self, v: Vector, label: float, splits: Sequence[tuple[bool, list[int]]] | None) -> float:
        """Take an example into the buffer, and refit a tree if it is time; return the sum before.

        splits: what may be asked, from the encoder; needed when `wants_splits`, ignored otherwise.
        """
        row = _packed(v)
        slot = self._slot(label)
        self.seen += 1
        self._count(label)
        self._rows[: len(row), slot] = row[: self.width]
        self._labels[slot] = label
        before = self._sum(row)
        self._sums[slot] = before
        before += self.bias
        if splits is not None:
            self._questions = _Questions(splits)
        if self.due:
            self._refit()
        return before

    @property
    def due(self) -> bool:
        """Whether a tree is refitted now; the next `learn` asks."""
        return self.seen >= _LEAST_ROWS and self.seen % self.options.every == 0

    @property
    def wants_splits(self) -> bool:
        """Whether the next `learn` needs the encoder's splits."""
        following = self.seen + 1
        return (
            following >= _LEAST_ROWS
            and following % self.options.every == 0
            and (self._questions is None or self.fits % _LIST_EVERY == 0)
        )

    def state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return all of it as plain data and arrays."""
        n = min(self.seen, self.options.buffer)
        questions = self._questions
        return (
            {
                "options": msgspec.to_builtins(self.options),
                "seen": self.seen,
                "fits": self.fits,
                "bias": self.bias,
                "positives": self._positives,
                "splits": None if questions is None else [[*split] for split in questions.splits],
            },
            {
                "places": self._places,
                "bounds": self._bounds,
                "leaves": self._leaves,
                "rows": self._rows[:, :n],
                "labels": self._labels[:n],
                "sums": self._sums[:n],
            },
        )

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> BackfittedTrees:
        """Return the trees whose `state` it is. Raises ValueError (also msgspec's) or KeyError for anything else."""
        made = cls(msgspec.convert(state["options"], TreeOptions))
        o = made.options
        made.seen = msgspec.convert(state["seen"], int)
        made.fits = msgspec.convert(state["fits"], int)
        made.bias = msgspec.convert(state["bias"], float)
        if state["splits"] is not None:
            made._questions = _Questions(msgspec.convert(state["splits"], list[tuple[bool, list[int]]]))
        n = min(made.seen, o.buffer)
        rows = arrays["rows"]
        shapes = (
            (arrays["places"], made._places.shape),
            (arrays["bounds"], made._bounds.shape),
            (arrays["leaves"], made._leaves.shape),
            (arrays["labels"], (n,)),
            (arrays["sums"], (n,)),
            (rows, (len(rows), n)),
        )
        if len(rows) % _BLOCK or any(array.shape != shape for array, shape in shapes):
            raise ValueError("the trees' arrays are of different sizes")
        if n and not 0 <= arrays["places"].min() <= arrays["places"].max() < len(rows):
            raise ValueError("a tree asks of a place that is not there")
        made.grow(len(rows))
        made._places = arrays["places"].astype(np.int64)
        made._bounds = arrays["bounds"].astype(np.uint8)
        made._leaves = arrays["leaves"].astype(np.float32)
        made._rows[:, :n] = rows
        made._labels[:n] = arrays["labels"]
        made._sums[:n] = arrays["sums"]
        positive = made._labels[:n] > 0.5
        made._kinds = (np.flatnonzero(~positive).tolist(), np.flatnonzero(positive).tolist())
        # Trees of before the rarer kind was kept longer hold as many of it as there are.
        kept = float(made._labels[:n].mean()) if n else 0.0
        made._positives = msgspec.convert(state.get("positives", kept), float)
        return made

    def _sum(self, row: Bytes) -> float:
        answers = row[self._places] > self._bounds
        leaf = np.packbits(answers, axis=1, bitorder="little")[:, 0] + self._firsts
        return float(self._leaves[leaf].sum())

    def _leaf_of(self, tree: int, n: int) -> npt.NDArray[np.uint8]:
        """Return which leaf of `tree` each of the buffer's first n rows is in."""
        leaf = np.zeros(n, np.uint8)
        for level in range(self.options.depth):
            answers = self._rows[self._places[tree, level], :n] > self._bounds[tree, level]
            leaf += answers.view(np.uint8) << level
        return leaf

    def _refit(self) -> None:
        o = self.options
        n = min(self.seen, o.buffer)
        tree = self.fits % o.trees
        chance = np.random.default_rng((o.seed, self.fits))
        self.fits += 1
        if self._questions is None or not self._questions.splits:
            return
        first = tree << o.depth
        leaves = self._leaves[first : first + (1 << o.depth)]
        rest = self._sums[:n] - leaves[self._leaf_of(tree, n)]
        stride = max(1, -(-n // o.rows))
        part = slice(draw_below(stride, o.seed + _PART, self.fits), n, stride)
        slopes = self._slopes(rest, n, part)
        shrinkage = np.float32(o.shrinkage * slopes.shape[1] / n)
        member = np.ones((1, slopes.shape[1]), np.float32)
        for level in range(o.depth):
            places, bounds = self._questions.draw(chance, o.draws, self._rows, n)
            answers = (self._rows[places, part] > bounds[:, None]).astype(np.float32)
            best = _best(answers, member, slopes, shrinkage)
            self._places[tree, level], self._bounds[tree, level] = places[best], bounds[best]
            yes = member * answers[best]
            member = np.concatenate((member - yes, yes))
        sums = member @ slopes.T
        leaves[:] = np.float32(-o.rate) * sums[:, 0] / (sums[:, 1] + shrinkage)
        self._sums[:n] = rest + leaves[self._leaf_of(tree, n)]

    def _slopes(self, rest: Floats, n: int, part: slice) -> Floats:
        """Return gradient and curvature of the loss, shape (2, n), at `part`, where the other trees say `rest`."""
        labels = self._labels[:n]
        mean = float(labels.mean())
        if self.options.loss == "squared":
            self.bias = mean
            off = rest[part] + np.float32(mean) - labels[part]
            return np.stack((off, np.ones_like(off)))
        # Where one kind is rare, the buffer holds more of it than there is: its rows weigh less.
        share = (self._positives * n + 0.5) / (n + 1.0)
        kept = (mean * n + 0.5) / (n + 1.0)
        weights = np.where(labels[part] > 0.5, share / kept, (1.0 - share) / (1.0 - kept))
        self.bias = math.log(share / (1.0 - share))
        p = 1.0 / (1.0 + np.exp(-np.clip(rest[part] + np.float32(self.bias), -20.0, 20.0)))
        return np.stack((weights * (p - labels[part]), weights * p * (1.0 - p))).astype(
            np.float32, copy=False
        )

    def _count(self, label: float) -> None:
        step = max(1.0 / self.seen, 1.0 / (_REMEMBERED * self.options.buffer))
        self._positives += step * (label - self._positives)

    def _slot(self, label: float) -> int:
        """Return the row of the buffer that the example takes; the row is of its kind from now on."""
        o = self.options
        full = self.seen >= o.buffer
        if o.loss != "logistic":
            return draw_below(o.buffer, o.seed + _SLOT, self.seen) if full else self.seen
        slot = self._victim() if full else self.seen
        kind = int(label > 0.5)
        if not full:
            self._kinds[kind].append(slot)
        elif (was := int(self._labels[slot] > 0.5)) != kind:
            del self._kinds[was][bisect_left(self._kinds[was], slot)]
            insort(self._kinds[kind], slot)
        return slot

    def _victim(self) -> int:
        """Return which row of the full buffer gives way: a random one, but a kind keeps a quarter of the buffer."""
        o = self.options
        for kind in (1, 0):
            if 4 * len(self._kinds[kind]) <= o.buffer:
                others = self._kinds[1 - kind]
                return others[draw_below(len(others), o.seed + _SLOT, self.seen)]
        return draw_below(o.buffer, o.seed + _SLOT, self.seen)


class _Questions:
    """What trees may ask, and how it is drawn: a column first, so that one with many categories is not asked more."""

    def __init__(self, splits: Sequence[tuple[bool, list[int]]]) -> None:
        self.splits = list(splits)
        self._numeric = np.array([numeric for numeric, _ in splits], dtype=bool)
        self._counts = np.array([len(places) for _, places in splits], dtype=np.int64)
        self._starts = np.cumsum(self._counts) - self._counts
        self._flat = np.array([place for _, places in splits for place in places], dtype=np.int64)

    def draw(
        self, chance: np.random.Generator, count: int, rows: Bytes, n: int
    ) -> tuple[npt.NDArray[np.int64], Bytes]:
        """Return `count` places and bounds; of a number the bound is the value of a random row."""
        columns = chance.integers(0, len(self._counts), count)
        nth = (chance.random(count) * self._counts[columns]).astype(np.int64)
        places = self._flat[self._starts[columns] + nth]
        values = rows[places, chance.integers(0, n, count)]
        return places, np.where(self._numeric[columns], values, np.uint8(_MARK)).astype(np.uint8)


def _packed(v: Vector) -> Bytes:
    """Return the vector in bytes, rounded to 1/31."""
    return (v * _SCALE + (_ZERO + 0.5)).astype(np.uint8)


def _best(answers: Floats, member: Floats, slopes: Floats, shrinkage: np.float32) -> int:
    """Return which question lowers the loss most when asked in every leaf of the level.

    answers: shape (questions, n); member: (leaves, n); slopes: (2, n).
    """
    leaves = len(member)
    spread = np.concatenate((member * slopes[0], member * slopes[1]))
    whole = spread.sum(axis=1)
    yes = answers @ spread.T
    no = whole - yes
    gain = yes[:, :leaves] ** 2 / (yes[:, leaves:] + shrinkage)
    gain += no[:, :leaves] ** 2 / (no[:, leaves:] + shrinkage)
    return int(gain.sum(axis=1).argmax())
