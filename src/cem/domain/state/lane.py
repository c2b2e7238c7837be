"""A lane's own state: what spans its customers, in sections that cost nothing until one is looked at.

A section is declared once, by the room that owns it:

    LEVELS = LaneSection("levels", Levels)      # every field of Levels has a default

and a fold that wants it says `ctx.lane.look(LEVELS)`, changes what it got in place, and then `ctx.lane.touch(LEVELS)`.
A step that touches nothing does not save the lane's state; one that touches a section encodes that section alone.
What is looked at and changed without being touched is lost with the cache: replay would not agree, so touch.

The state takes part in the save of every step that touches it: keep a section small (a few kB), sums and sketches.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw

__all__ = ["LaneSection", "LaneState"]

T = TypeVar("T", bound=msgspec.Struct)


class LaneSection(Generic[T]):
    """A part of a lane's state: its name there, and its type."""

    __slots__ = ("decode", "name", "type")

    def __init__(self, name: str, type_: type[T]) -> None:
        """Take the name, for ever the same, and a Struct of which every field has a default."""
        self.name = name
        self.type = type_
        self.decode = msgspec.msgpack.Decoder(type_).decode


class _Stored(msgspec.Struct, array_like=True, gc=False):
    version: int
    lane: int
    #: Ordered by name.
    sections: dict[str, Raw] = {}


class LaneState:
    """What a lane keeps of itself. Equal contents have equal bytes, whatever has been looked at."""

    __slots__ = ("_seen", "_stale", "_stored", "touched")

    def __init__(self, lane: int, stored: _Stored | None = None) -> None:
        self._stored = stored or _Stored(1, lane)
        self._seen: dict[str, Any] = {}
        self._stale: dict[str, None] = {}
        #: Whether a section was touched since the step began.
        self.touched = False

    @property
    def version(self) -> int:
        """The version of what was stored."""
        return self._stored.version

    @property
    def lane(self) -> int:
        """The lane's number."""
        return self._stored.lane

    def look(self, section: LaneSection[T]) -> T:
        """Return the section, empty at first; the same object until the lane is forgotten."""
        found: T | None = self._seen.get(section.name)
        if found is None:
            raw = self._stored.sections.get(section.name)
            found = self._seen[section.name] = section.type() if raw is None else section.decode(raw)
        return found

    def touch(self, section: LaneSection[Any]) -> None:
        """Have the section saved with this step."""
        self._stale[section.name] = None
        self.touched = True

    def encode(self) -> bytes:
        """Return the state's bytes; none at all while there is nothing in it."""
        sections = self._stored.sections
        if self._stale:
            new = not all(name in sections for name in self._stale)
            for name in self._stale:
                sections[name] = Raw(_encode(self._seen[name]))
            if new:
                self._stored.sections = dict(sorted(sections.items()))
            self._stale.clear()
        return _encode(self._stored) if self._stored.sections else b""

    @staticmethod
    def decode(data: bytes) -> LaneState:
        """Return the state of these bytes. Raises msgspec.DecodeError."""
        stored = _decode(data)
        return LaneState(stored.lane, stored)

    def names(self) -> list[str]:
        """Return the names of the sections saved."""
        return list(self._stored.sections)

    def contents(self) -> dict[str, Any]:
        """Return the sections saved, by name, as they are without their types."""
        return {name: msgspec.msgpack.decode(raw) for name, raw in self._stored.sections.items()}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode
