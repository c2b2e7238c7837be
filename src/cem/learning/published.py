"""A published model as one value of the store: who wrote it, what it is, and the model itself.

    offset  length
    0       4       "CEMv"
    4       2       format, little-endian: 1
    6       16      token of this publication, ASCII
    22      8       version, little-endian, signed
    30      4       n, length of the card
    34      n       card, JSON: everything that people ask of a model
    34+n    ...     snapshot of the pupil (`pupil.py`)

The token is the fence: a writer replaces the value that carries the token which it read or wrote last, and no other.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import msgspec

from cem.learning.contract import Model
from cem.learning.pupil import Pupil
from cem.learning.snapshot import SnapshotError, read_snapshot
from cem.learning.stream_models import model_of

__all__ = [
    "HEAD_BYTES",
    "TOKEN_AT",
    "Card",
    "Head",
    "Kept",
    "Row",
    "card_of",
    "champion_in",
    "pack_model",
    "read_card",
    "read_head",
    "snapshot_in",
]

_HEAD: Final = struct.Struct("<4sH16sqI")
HEAD_BYTES: Final = _HEAD.size
#: First and last byte of the token.
TOKEN_AT: Final = (6, 21)
_MAGIC: Final = b"CEMv"
_FORMAT: Final = 1


class Head(msgspec.Struct, frozen=True):
    """The beginning of the value."""

    token: str
    version: int
    card_bytes: int


class Row(msgspec.Struct, frozen=True):
    """How one recipe does."""

    recipe: str
    loss: float
    examples: int


class Kept(msgspec.Struct, frozen=True):
    """A full snapshot that is kept."""

    version: int
    at_ms: int


class Card(msgspec.Struct, frozen=True):
    """What people ask of a model."""

    model: str
    version: int
    #: The recipe that speaks, and whether somebody pinned it.
    champion: str
    pinned: bool
    published_ms: int
    owner: str
    figures: dict[str, float]
    recipes: tuple[Row, ...]
    #: Newest last: examples learnt, version, champion, why.
    changes: tuple[tuple[int, int, str, str], ...]
    drifts: int
    #: Not learnt, by reason.
    passed_over: dict[str, int]
    repairs: int
    rollbacks: int
    corrections_waiting: int
    kept: tuple[Kept, ...]
    #: SHA-256 of the snapshot: equal models have equal ones.
    digest: str
    snapshot_bytes: int
    #: Of the Kafka whose log it has learnt.
    cluster_id: str = ""


def pack_model(token: str, version: int, card: Card, snapshot: bytes) -> bytes:
    """Return the value. The token has 16 characters."""
    written = msgspec.json.encode(card)
    return _HEAD.pack(_MAGIC, _FORMAT, token.encode("ascii"), version, len(written)) + written + snapshot


def read_head(data: bytes) -> Head:
    """Return the head of a value, or of its first HEAD_BYTES. Raises SnapshotError."""
    if len(data) < HEAD_BYTES or data[:4] != _MAGIC:
        raise SnapshotError("this is no published model")
    _, written, token, version, card_bytes = _HEAD.unpack_from(data)
    if written != _FORMAT:
        raise SnapshotError(
            f"this model was published by another version of cem: format {written}, not {_FORMAT}"
        )
    return Head(token.decode("ascii", "replace"), version, card_bytes)


def read_card(data: bytes) -> Card:
    """Return the card of a value, of which head and card are enough. Raises SnapshotError."""
    head = read_head(data)
    try:
        return msgspec.json.decode(data[HEAD_BYTES : HEAD_BYTES + head.card_bytes], type=Card)
    except msgspec.DecodeError as error:
        raise SnapshotError(f"the card of this published model cannot be read: {error}") from None


def snapshot_in(data: bytes) -> bytes:
    """Return the snapshot in a value. Raises SnapshotError."""
    return data[HEAD_BYTES + read_head(data).card_bytes :]


def champion_in(name: str, data: bytes) -> tuple[Model[Any, Any, Any], Card]:
    """Return the model that speaks, and the card, without what only its writer needs. Raises SnapshotError."""
    card = read_card(data)
    pupil = read_snapshot(snapshot_in(data), model=f"{name} pupil", layouts=(1,))
    try:
        contest = read_snapshot(pupil.arrays["contest"].tobytes(), model=f"{name} contest", layouts=(1,))
        part = contest.arrays[f"model.{card.champion}"].tobytes()
        model = model_of(name, card.champion)
    except KeyError as error:
        raise SnapshotError(f"this published {name} lacks {error}") from None
    model.restore(part)
    model.version = card.version
    return model, card


def card_of(
    pupil: Pupil, *, owner: str, at_ms: int, kept: tuple[Kept, ...], digest: str, size: int, cluster_id: str
) -> Card:
    """Return what there is to say of the pupil."""
    contest = pupil.contest
    return Card(
        model=pupil.name,
        version=pupil.version,
        champion=contest.recipe,
        pinned=contest.pinned is not None,
        published_ms=at_ms,
        owner=owner,
        figures={name: round(value, 6) for name, value in pupil.figures().items()},
        recipes=tuple([Row(s.recipe, round(s.loss, 6), s.examples) for s in contest.standings]),
        changes=tuple([(c.examples, c.version, c.champion, c.why) for c in contest.changes[-50:]]),
        drifts=contest.drifts,
        passed_over={**contest.refusals, **pupil.passed_over},
        repairs=pupil.repairs,
        rollbacks=pupil.rollbacks,
        corrections_waiting=len(pupil.waiting),
        kept=kept,
        digest=digest,
        snapshot_bytes=size,
        cluster_id=cluster_id,
    )
