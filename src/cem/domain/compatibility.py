"""Whether a changed schema still serves those who keep to the old one.

Two can be hurt. A *reader* of the old reads records of the new: it refuses what it never allowed and misses what it
always had. A *writer* of the old writes records for the new: they are refused where the new asks for more. An added
optional field, an added value of an enumeration and changed words hurt nobody; all else is named here with whom it
breaks. What cannot be decided (another pattern, a keyword that is not known here) counts as breaking both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from cem.domain.schemas import Schema

__all__ = ["Breaks", "Difference", "compare"]

Breaks = Literal["nobody", "readers", "writers", "readers and writers"]

#: Words only.
_WORDS = ("title", "description", "$id", "$schema", "$defs", "examples", "$comment")
#: A smaller maximum or a greater minimum refuses what was allowed; the reverse allows what was refused.
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_CHILDREN = ("properties", "required", "items", "additionalProperties", "propertyNames", "anyOf", "$ref")


class Difference(msgspec.Struct, frozen=True):
    """One difference between an old and a new schema."""

    #: JSON path of the field: `$.items[].cause`.
    path: str
    what: str
    breaks: Breaks

    @property
    def breaking(self) -> bool:
        return self.breaks != "nobody"


def compare(old: Schema | None, new: Schema | None) -> list[Difference]:
    """Return every difference between two schemas of one event type; None: there is (was) no such type."""
    if old is None:
        return [] if new is None else [Difference("$", "the type is new", "nobody")]
    if new is None:
        return [Difference("$", "the type is gone", "readers and writers")]
    return list(_Comparison(old, new).parts(old, new, "$"))


class _Comparison:
    """Two documents, with the definitions that their parts refer to."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old: Schema = old.get("$defs", {})
        self._new: Schema = new.get("$defs", {})

    def parts(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        if old == new and self._old == self._new:
            return
        if ("anyOf" in old) != ("anyOf" in new):
            old, new = _as_choice(old), _as_choice(new)
        yield from _words(old, new, path)
        yield from _bounds(old, new, path)
        yield from _others(old, new, path)
        yield from self._properties(old, new, path)
        for word, suffix in (("items", "[]"), ("additionalProperties", ".*"), ("propertyNames", " (keys)")):
            if isinstance(old.get(word), dict) and isinstance(new.get(word), dict):
                yield from self.parts(old[word], new[word], path + suffix)
            elif old.get(word) != new.get(word):
                yield Difference(path, f"{word} changed", "readers and writers")
        yield from self._choices(old.get("anyOf", []), new.get("anyOf", []), path)

    def _properties(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed, needs = old.get("required", []), new.get("required", [])
        for name in before:
            here = f"{path}.{name}"
            if name not in after:
                yield Difference(here, "the field is gone", "readers and writers")
                continue
            if name in needed and name not in needs:
                yield Difference(here, "was always there, is optional now", "readers")
            if name in needs and name not in needed:
                yield Difference(here, "was optional, is required now", "writers")
            yield from self.parts(before[name], after[name], here)
        for name in after:
            if name not in before and name in needs:
                yield Difference(f"{path}.{name}", "a new field is required", "writers")
            elif name not in before:
                yield Difference(f"{path}.{name}", "a new optional field", "nobody")

    def _choices(self, old: list[Schema], new: list[Schema], path: str) -> Iterator[Difference]:
        before, after = _alternatives(old, self._old), _alternatives(new, self._new)
        if not before or not after:
            if before or after:
                what = "a rule about which fields must be there is " + ("gone" if before else "new")
                yield Difference(path, what, "readers" if before else "writers")
            return
        for name, part in before.items():
            if name not in after:
                yield Difference(path, f"may not be {name} any more", "writers")
            elif name == _LISTED:
                yield from _values(part["enum"], after[name]["enum"], path)
            else:
                yield from self.parts(part, after[name], path)
        for name in after:
            if name not in before:
                yield Difference(path, f"may be {name} now", "readers")


def _as_choice(part: Schema) -> Schema:
    """Return `part` as a choice of one alternative, so that it compares with a choice of several."""
    if "anyOf" in part or "properties" in part:
        return part
    about = {k: v for k, v in part.items() if k in _WORDS or k == "default" or k.startswith("x-")}
    return {**about, "anyOf": [{k: v for k, v in part.items() if k not in about}]}


#: Names the alternative that lists the values of an enumeration.
_LISTED = "one of a list"


def _alternatives(parts: list[Schema], definitions: Schema) -> dict[str, Schema]:
    """Return the alternatives of a choice by what tells them apart, choices within it included."""
    found: dict[str, Schema] = {}
    for part in parts:
        resolved = _resolved(part, definitions)
        if "anyOf" in resolved and "properties" not in resolved:
            found |= _alternatives(resolved["anyOf"], definitions)
        elif "enum" in resolved:
            found[_LISTED] = resolved
        elif set(resolved) == {"required"}:
            found["one with " + ", ".join(resolved["required"])] = resolved
        else:
            found[str(resolved.get("title") or resolved.get("format") or resolved.get("type"))] = resolved
    return found


def _resolved(part: Schema, definitions: Schema) -> Schema:
    """Return `part` with what it refers to in it; its own words win."""
    reference = part.get("$ref")
    if reference is None:
        return part
    target = definitions[reference.removeprefix("#/$defs/")]
    return {**target, **{k: v for k, v in part.items() if k != "$ref"}}


def _words(old: Schema, new: Schema, path: str) -> Iterator[Difference]:
    if any(old.get(word) != new.get(word) for word in ("title", "description")):
        yield Difference(path, "other words", "nobody")


def _bounds(old: Schema, new: Schema, path: str) -> Iterator[Difference]:
    for words, sign in ((_UPPER, 1), (_LOWER, -1)):
        for word in words:
            before, after = old.get(word), new.get(word)
            if before == after:
                continue
            narrower = before is None or (after is not None and (after - before) * sign < 0)
            what = f"{word} was {_shown(before)}, is {_shown(after)}"
            yield Difference(path, what, "writers" if narrower else "readers")


def _shown(bound: float | None) -> str:
    return "none" if bound is None else str(bound)


def _values(old: list[str], new: list[str], path: str) -> Iterator[Difference]:
    for value in old:
        if value not in new:
            yield Difference(path, f"{value} is no value of its own any more", "readers and writers")
    for value in new:
        if value not in old:
            yield Difference(path, f"a new value {value}, which old readers take as other", "nobody")


def _others(old: Schema, new: Schema, path: str) -> Iterator[Difference]:
    """Yield what changed in type, pattern, format, default, topic, key, and in keywords unknown here."""
    known = (*_WORDS, *_UPPER, *_LOWER, *_CHILDREN)
    for word in dict.fromkeys((*old, *new)):
        if word in known or old.get(word, ...) == new.get(word, ...):
            continue
        before, after = old.get(word, "none"), new.get(word, "none")
        if word == "type" and (before, after) == ("integer", "number"):
            yield Difference(path, "was a whole number, may be any number", "readers")
        elif word == "type" and (before, after) == ("number", "integer"):
            yield Difference(path, "was any number, must be whole", "writers")
        elif word == "default":
            yield Difference(path, f"absent meant {before}, means {after}", "readers and writers")
        else:
            yield Difference(path, f"{word} was {before}, is {after}", "readers and writers")
