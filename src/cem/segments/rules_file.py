"""`segments.yaml` as it is written, checked as far as that needs no customer."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from cem.domain.state.segments import MOST
from cem.nba.expressions import CheckedExpression, ExpressionError, check
from cem.nba.policy_file import PolicyFile
from cem.segments.facts import TYPES
from cem.segments.turns import EVEN

__all__ = ["FILE", "Segment", "read_segments"]

FILE: Final = "segments.yaml"

_Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_Text = Annotated[str, Meta(min_length=1, max_length=400)]


class _RawSegment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One segment."""

    title: _Text
    #: What its customers have in common, for people.
    says: _Text
    when: str


class _RawFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    segments: dict[_Name, _RawSegment]


class Segment(msgspec.Struct, frozen=True):
    """A segment whose rule has been checked."""

    name: str
    title: str
    says: str
    rule: CheckedExpression
    line: int


def read_segments(text: str, file: str = FILE, *, kept: bool = False) -> tuple[Segment, ...]:
    """Return the segments in the file's order. Raises PolicyError: file, line, what is wrong, the nearest known name.

    An empty file is refused, but for one that was in force before and is kept: what it was folded with must be read.
    """
    source = PolicyFile(file, text)
    if source.data is None:
        if kept:
            return ()
        raise source.error(
            (),
            "this is empty: 'segments:' is expected, with title, says and when of each by its name "
            "('segments: {}': there are none)",
        )
    raw = source.convert(_RawFile).segments
    if len(raw) > MOST:
        raise source.error(("segments", list(raw)[MOST]), f"there may be {MOST} segments, not {len(raw)}")
    found = []
    for name, segment in raw.items():
        path = ("segments", name, "when")
        try:
            rule = check(segment.when, TYPES)
        except ExpressionError as error:
            raise source.error(path, f"{name}: {error.message} (column {error.column} of the rule)") from None
        if rule.kind != "bool":
            raise source.error(path, f"{name}: a rule is true or false, but this is of type {rule.kind}")
        loose = [fact for fact in rule.free if fact in EVEN]
        if loose:
            raise source.error(
                path,
                f"{name}: {loose[0]} changes with every instant, so a rule can only compare it with a number",
            )
        found.append(Segment(name, segment.title, segment.says, rule, source.line(("segments", name))))
    return tuple(found)
