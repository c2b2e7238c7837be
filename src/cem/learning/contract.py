"""The one contract of every model: predict, learn one example at a time, and become bytes and back.

A model is a value that changes only by `learn_one` and `restore`. It has no clock, no chance that is not seeded, and
no I/O, so that the same examples in the same order give the same model on every machine: equal by the hash of its
snapshot.

- **x** is what was known when the prediction was made, as plain data (msgspec can write it): a `TextInput` for models
  of text, a mapping of names to numbers and texts for models of tables. It is frozen then and waits for its label.
- **y** is the label. One that the model has no use for (out of range, a class beyond the limit, not finite) is
  refused: nothing changes but the count under its reason in `refusals`.
- **P** is the prediction: a frozen struct. It is finite for every x, also for an empty or a hostile one.
- **version** is the offset of the last example learnt in the log of examples, -1 before the first. Who feeds the
  model sets it; snapshots carry it.

`river_face.py` shows any model to River's pipelines, metrics and drift detectors as an estimator of `river.base`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

import msgspec

__all__ = ["NOTHING_LEARNT", "ClassScores", "Model", "TextInput"]

#: The version of a model that has learnt nothing.
NOTHING_LEARNT = -1

X_contra = TypeVar("X_contra", contravariant=True)
Y_contra = TypeVar("Y_contra", contravariant=True)
P_co = TypeVar("P_co", covariant=True)


@runtime_checkable
class Model(Protocol[X_contra, Y_contra, P_co]):
    """Something that predicts, and learns from one example at a time."""

    @property
    def name(self) -> str:
        """What it predicts: "sentiment", "reason", "satisfaction", "churn" or "propensity"."""
        ...

    @property
    def recipe(self) -> str:
        """How: one of the names that --recipe takes."""
        ...

    version: int

    @property
    def refusals(self) -> Mapping[str, int]:
        """How many examples were not learnt, by reason ("label", "classes", "not_finite", ...)."""
        ...

    def predict_one(self, x: X_contra, /) -> P_co:
        """Return what the model thinks of `x`; the model is unchanged, as far as any later answer can tell."""
        ...

    def predict_many(self, xs: Sequence[X_contra], /) -> Sequence[P_co]:
        """Return one prediction for each, equal to those of `predict_one`."""
        ...

    def learn_one(self, x: X_contra, y: Y_contra, /) -> bool:
        """Learn that `x` turned out to be `y`; return False when it was refused and counted instead.

        There is no `learn_many`: averaging over a batch would make the model depend on where batches are cut.
        """
        ...

    def snapshot(self) -> bytes:
        """Return all of the model as data (`snapshot.py`): equal models give equal bytes."""
        ...

    def restore(self, data: bytes, /) -> None:
        """Become the model that `data` holds. Raises SnapshotError and leaves the model as it was."""
        ...


class TextInput(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model of text looks at."""

    text: str
    #: Where it was said ("call", "email", "survey" ...): sources differ in how their labels were given. "" = unknown.
    channel: str = ""
    #: What else is known of the contact: queue, intent chosen in the menu ... For the reason of a contact.
    fields: dict[str, str] = {}


class ClassScores(msgspec.Struct, frozen=True):
    """A prediction among classes."""

    #: Class to probability; they sum to 1. The classes come in a fixed order of the model's own.
    probabilities: dict[str, float]
    #: The most probable class; None when there is none, or when the model abstains.
    label: str | None
