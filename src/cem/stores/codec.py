"""Headers and outboxes as bytes, and what a save must look like: the rules that both stores obey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from cem.ports import NO_TOKEN, Emission, LaneHeader, Save
from cem.stores.errors import damaged
from cem.stores.keys import OWN_SUFFIXES

__all__ = [
    "RESTORING",
    "check_save",
    "check_sorted_set",
    "decode_header",
    "decode_outbox",
    "encode_header",
    "encode_outbox",
]

#: Tokens that begin so mark a lane that is being restored: it is nobody's until the last save of the restoration.
RESTORING: Final = "restoring:"

#: Redis keeps scores as doubles: whole numbers are exact up to here.
_EXACT: Final = 2**53

_encoder = msgspec.msgpack.Encoder()
_decode_header = msgspec.msgpack.Decoder(LaneHeader).decode
_decode_outbox = msgspec.msgpack.Decoder(tuple[Emission, ...]).decode


def encode_header(header: LaneHeader) -> bytes:
    """Return the header's bytes."""
    return _encoder.encode(header)


def decode_header(data: bytes, token: str, lane: int) -> LaneHeader:
    """Return the header of `lane`, which carries `token`. Raises StoreBroken if it is not one, or another save's."""
    try:
        header = _decode_header(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise damaged(lane, f"its header in the store cannot be read ({error})") from None
    if header.token != token:
        raise damaged(lane, f"its header in the store belongs to save {header.token!r}, not {token!r}")
    return header


def encode_outbox(outbox: Sequence[Emission]) -> bytes:
    """Return the outbox's bytes."""
    return _encoder.encode(outbox)


def decode_outbox(data: bytes, lane: int) -> tuple[Emission, ...]:
    """Return the outbox of `lane`. Raises StoreBroken if it cannot be read."""
    try:
        return _decode_outbox(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise damaged(lane, f"its outbox in the store cannot be read ({error})") from None


def check_save(save: Save) -> None:
    """Raise ValueError if the save breaks a rule of the store: such a save is a bug of the caller, whatever is stored."""
    token = save.header.token
    if token in {NO_TOKEN, save.expected}:
        msg = f"a save needs a token of its own, not {token!r}"
        raise ValueError(msg)
    for suffix in save.values:
        if ":" not in suffix:
            msg = f"the suffix of a value contains a colon: {suffix!r} does not"
            raise ValueError(msg)
    for name, members in save.sorted_sets.items():
        check_sorted_set(name)
        for member, score in members.items():
            if score is not None and not -_EXACT <= score <= _EXACT:
                msg = f"score {score} of {member!r} in {name!r} is not exact as a double"
                raise ValueError(msg)


def check_sorted_set(name: str) -> None:
    """Raise ValueError if `name` cannot be a sorted set's."""
    if ":" in name or name in OWN_SUFFIXES or not name:
        msg = f"{name!r} cannot be the name of a sorted set"
        raise ValueError(msg)
