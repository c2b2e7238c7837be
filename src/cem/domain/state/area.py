"""The state of one area: what its records on `cem.inbox` say of the network there."""

from __future__ import annotations

import msgspec

__all__ = ["Area"]


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
