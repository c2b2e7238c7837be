"""Any subject's state as bytes and back, by its name: the only place that knows all kinds of state.

new_subject(name)            as nobody has heard of it
decode_subject(name, data)   raises StateError
encode_subject(state)        b"" for one that need not be kept
subject_due_ms(state)        when it wants its next tick
"""

from __future__ import annotations

from typing import Final

import msgspec

from cem.domain.area import area_due_ms
from cem.domain.customer import Customer, decode_customer, encode_customer, new_customer
from cem.domain.fold import next_due_ms
from cem.domain.identity import identifier_due_ms
from cem.domain.state.area import Area
from cem.domain.state.identifier import Identifier
from cem.domain.state.lane import LaneState
from cem.domain.state_errors import BrokenState, newer_state
from cem.domain.subjects import AREA, LANE, kind_of, value_of

__all__ = ["VERSION", "Subject", "decode_subject", "encode_subject", "new_subject", "subject_due_ms"]

#: Version that this code writes of every state but a customer's, which has its own.
VERSION: Final = 1

Subject = Customer | Identifier | Area | LaneState

_encode = msgspec.msgpack.Encoder().encode
_decode_identifier = msgspec.msgpack.Decoder(Identifier).decode
_decode_area = msgspec.msgpack.Decoder(Area).decode
_peek = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode


def new_subject(name: str) -> Subject:
    """Return a state of which nothing is known yet."""
    kind = kind_of(name)
    if not kind:
        return new_customer(name)
    if kind == AREA:
        return Area(VERSION, name)
    if kind == LANE:
        return LaneState(int(value_of(name)))
    return Identifier(VERSION, name)


def decode_subject(name: str, data: bytes) -> Subject:
    """Return the state that `data` is of the subject. Raises NewerState or BrokenState."""
    kind = kind_of(name)
    if not kind:
        return decode_customer(data)
    try:
        state: Area | Identifier | LaneState
        if kind == LANE:
            state = LaneState.decode(data)
        else:
            state = _decode_area(data) if kind == AREA else _decode_identifier(data)
    except (ValueError, RecursionError) as error:
        version = _version_of(data)
        if version is not None and version > VERSION:
            raise newer_state(name, version, VERSION) from error
        raise BrokenState(f"the state of {name} cannot be read: {error}") from error
    if state.version > VERSION:
        raise newer_state(name, state.version, VERSION)
    return state


def encode_subject(state: Subject) -> bytes:
    """Return the state's bytes; none at all for one that is as `new_subject` makes it."""
    kind = type(state)
    if kind is LaneState:
        assert isinstance(state, LaneState)
        return state.encode()
    assert not isinstance(state, LaneState)
    # No record leaves a state without the time of its ingestion: one without it was forgotten.
    if not state.as_of_ms:
        return b""
    return encode_customer(state) if isinstance(state, Customer) else _encode(state)


def subject_due_ms(state: Subject) -> int | None:
    """Return when (lane time, ms) the subject wants its next tick, or None."""
    if isinstance(state, Customer):
        return next_due_ms(state)
    if isinstance(state, Identifier):
        return identifier_due_ms(state)
    return area_due_ms(state) if isinstance(state, Area) else None


def _version_of(data: bytes) -> int | None:
    try:
        return msgspec.msgpack.decode(_peek(data)[0], type=int)
    except (ValueError, RecursionError, IndexError):
        return None
