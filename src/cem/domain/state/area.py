"""The state of one area: what its records on `cem.inbox` say of the network there."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

import msgspec
from msgspec import field

from cem.domain.state.alerts import Alerts

__all__ = ["SAID", "Area", "Felt", "pack_felt", "unpack_felt"]

#: Key of the row that says that the operator has reported the area itself.
SAID: Final = 0
_ROW = struct.Struct("<II")


class Area(msgspec.Struct, array_like=True, gc=False):
    """One area. Fields are only ever appended, with defaults."""

    version: int
    #: `area:NAME`.
    name: str
    #: Newest time of ingestion among its records.
    as_of_ms: int = 0
    #: Records folded, and those that had been folded before.
    records: int = 0
    duplicates: int = 0
    #: See `cem.domain.duplicates`.
    seen: bytes = b""
    seen_mark_s: int = 0
    seen_marked: int = 0
    sources: dict[bytes, int] = {}
    #: When it must next be looked at (0 = never).
    due_ms: int = 0
    #: Packed `Felt`s, oldest first: who is without a service now.
    felt: bytes = b""
    alerts: Alerts = field(default_factory=Alerts)


class Felt(NamedTuple):
    """A household that is without a service, and since when."""

    began_s: int
    #: CRC-32 of its customer id; SAID = the operator reports the whole area.
    key: int


def unpack_felt(packed: bytes) -> list[Felt]:
    """Return the rows, oldest first."""
    return [Felt(*row) for row in _ROW.iter_unpack(packed)]


def pack_felt(rows: list[Felt]) -> bytes:
    """Return the rows as bytes, in the order given."""
    return b"".join(_ROW.pack(max(0, row.began_s), row.key) for row in rows)
