"""From a row's text to what an event's field takes: numbers, amounts, truths, dates, enumerations. Pure.

Bounds (a charge is not negative, a line is no sentence) are not looked at here: the event's own checks do that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, tzinfo
from enum import Enum
from hashlib import blake2b
from typing import Any, Final

import msgspec.inspect as shape

from cem.importing.numbers import exact, minor_units

__all__ = ["Converter", "converter", "hasher", "plain"]

#: Takes a text that is not blank; raises ValueError with a reason that quotes it.
Converter = Callable[[str], Any]

_TRUTHS: Final = {
    **dict.fromkeys(("true", "yes", "y", "t", "1", "1.0"), True),
    **dict.fromkeys(("false", "no", "n", "f", "0", "0.0"), False),
}
_CLOCK: Final = re.compile(r"(\d{1,4}):([0-5]\d)(?::([0-5]\d))?")
_TELEPHONE: Final = re.compile(r"\+?[0-9][0-9 ()/.-]{5,24}")
_DIGEST: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def plain(kind: shape.Type) -> tuple[shape.Type, ...]:
    """Return the types that a field takes besides None, without their bounds."""
    while isinstance(kind, shape.Metadata):
        kind = kind.type
    if isinstance(kind, shape.UnionType):
        return tuple(each for option in kind.types for each in plain(option))
    return () if isinstance(kind, shape.NoneType) else (kind,)


def converter(kind: shape.Type, *, decimals: int | None = None, zone: tzinfo) -> Converter:
    """Return the converter for a field of the type. `zone` is for times that name none.

    Raises TypeError when no text can be such a field, or when `decimals` is given for what is no amount.
    """
    options = plain(kind)
    if decimals is not None:
        if not any(isinstance(option, shape.IntType) for option in options):
            raise TypeError("decimals are for amounts in minor units")
        return lambda text: minor_units(text, decimals)
    if len(options) > 1:
        return _fact
    (option,) = options
    if isinstance(option, shape.StrType):
        return _text_of(_pattern(kind))
    if isinstance(option, shape.EnumType):
        return _member_of(option.cls)
    if isinstance(option, shape.IntType):
        return _whole
    if isinstance(option, shape.FloatType):
        return _number
    if isinstance(option, shape.BoolType):
        return _truth
    if isinstance(option, shape.DateType):
        return _day
    if isinstance(option, shape.DateTimeType):
        return lambda text: _moment(text, zone)
    raise TypeError("no text can be that")


def hasher(key: bytes) -> Converter:
    """Return the converter for a field that must not show whom it names, such as an SMS's recipient.

    A telephone number, or what is no short pseudonym already, becomes its keyed BLAKE2b hash; a pseudonym stays.
    """

    def hashed(text: str) -> str:
        if _DIGEST.fullmatch(text) and not _TELEPHONE.fullmatch(text):
            return text
        return "h_" + blake2b(text.encode(), key=key, digest_size=16).hexdigest()

    return hashed


def _text_of(pattern: str | None) -> Converter:
    """Leave free text as it is. In an id, which takes no blanks, they become "-"; in a line's number they go."""
    if pattern is None:
        return str
    glue = "" if pattern.startswith("^[+0-9") else "-"
    return lambda text: glue.join(text.split()) if " " in text else text


def _pattern(kind: shape.Type) -> str | None:
    """Return the pattern of a text: its own, or the one that its class checks by other means and its schema states."""
    if isinstance(kind, shape.Metadata):
        stated = (kind.extra_json_schema or {}).get("pattern")
        return stated if isinstance(stated, str) else _pattern(kind.type)
    if isinstance(kind, shape.UnionType):
        return next((found for option in kind.types if (found := _pattern(option))), None)
    return kind.pattern if isinstance(kind, shape.StrType) else None


def _whole(text: str) -> int:
    if text.isdecimal() and len(text) < 20:
        return int(text)
    number = exact(text)
    if number != int(number):
        raise ValueError(f"{text!r} is no whole number; an amount needs 'decimals' in the map")
    return int(number)


def _number(text: str) -> float:
    """Read a number; also a length of time as hours, minutes and seconds, "0:02:46"."""
    if ":" in text and (clock := _CLOCK.fullmatch(text)) is not None:
        first, second, third = clock.groups()
        if third is None:
            return float(int(first) * 60 + int(second))
        return float(int(first) * 3600 + int(second) * 60 + int(third))
    return float(exact(text))


def _truth(text: str) -> bool:
    truth = _TRUTHS.get(text.casefold())
    if truth is None:
        raise ValueError(f"{text!r} is neither yes nor no; 'values' in the map can say which it is")
    return truth


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text).date()
    except ValueError:
        raise ValueError(f"{text!r} is no ISO 8601 date") from None


def _moment(text: str, zone: tzinfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no ISO 8601 time") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _member_of(enum: type[Enum]) -> Converter:
    """Spelling does not matter: "Direct Debit" is direct_debit. What is unknown is left to the enumeration."""
    members = {str(member.value): str(member.value) for member in enum}

    def member(text: str) -> str:
        return members.get(text) or members.get(text.lower().replace(" ", "_").replace("-", "_"), text)

    return member


def _fact(text: str) -> int | float | str | bool:
    """Read a value of no fixed type: a number if it is one, a truth if it says so, else the text."""
    lowered = text.lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    try:
        number = exact(text)
    except ValueError:
        return text
    return int(number) if number == int(number) and "." not in text else float(number)
