"""How a map writes times, and the parsers for them. Pure; all results are milliseconds since the epoch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from cem.importing.document import Node
from cem.importing.numbers import exact

__all__ = ["TimeSpec", "parse_time_spec", "time_parser"]

_FORMATS: Final = ("unix", "unix_ms", "iso")
#: A pattern is parsed in about 9 us; rows of a log often share their second, and dates repeat all the time.
_REMEMBERED: Final = 4096
#: Beyond the year 9999 nothing is a time.
_LAST_MS: Final = 253_402_300_799_999


class TimeSpec(msgspec.Struct, frozen=True):
    """Where a row's time stands and how it is written."""

    #: Joined by a space.
    columns: tuple[str, ...]
    #: unix, unix_ms, iso, or a strptime pattern.
    format: str
    #: Zone of times that do not name theirs.
    timezone: str = "UTC"
    #: Place in the map, for messages.
    place: str = ""


def parse_time_spec(node: Node) -> TimeSpec:
    """Return the map's `time` entry. Raises MapError."""
    entries = node.mapping(("column", "columns", "format", "timezone"))
    if ("column" in entries) == ("columns" in entries):
        raise node.error("takes either 'column' or 'columns'")
    columns = entries["columns"].texts() if "columns" in entries else (entries["column"].text(),)
    if not columns:
        raise entries["columns"].error("names no column")
    written = node.required("format").text()
    if written not in _FORMATS and "%" not in written:
        raise entries["format"].error(
            f"{written!r} is none of {', '.join(_FORMATS)}, nor a pattern such as %d/%m/%Y %H:%M"
        )
    zone = entries["timezone"].text() if "timezone" in entries else "UTC"
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise entries["timezone"].error(
            f"{zone!r} is no zone of the IANA database, such as Asia/Ho_Chi_Minh"
        ) from None
    if "%" in written:
        try:
            datetime.strptime("", written)  # noqa: DTZ007 (only the pattern is tried)
        except ValueError as error:
            if "bad directive" in str(error) or "stray" in str(error):
                raise entries["format"].error(f"{written!r}: {error}") from None
    return TimeSpec(columns, written, zone, node.place)


def time_parser(spec: TimeSpec) -> Callable[[str], int]:
    """Return the function from a row's text to milliseconds. It raises ValueError with a reason."""
    if spec.format == "unix":
        return lambda text: _number_ms(text, 1000, "Unix seconds")
    if spec.format == "unix_ms":
        return lambda text: _number_ms(text, 1, "Unix milliseconds")
    zone: tzinfo = UTC if spec.timezone == "UTC" else ZoneInfo(spec.timezone)
    if spec.format == "iso":
        return lambda text: _moment_ms(_iso(text), zone)
    pattern = spec.format

    @lru_cache(maxsize=_REMEMBERED)
    def parse(text: str) -> int:
        try:
            moment = datetime.strptime(text, pattern)  # noqa: DTZ007 (the zone follows)
        except ValueError:
            raise ValueError(f"{text!r} is not written as {pattern}") from None
        return _moment_ms(moment, zone)

    return parse


def _number_ms(text: str, factor: int, called: str) -> int:
    """Parse a number of seconds (or milliseconds); fractions and exponents as spreadsheets write them."""
    try:
        value = int(text) * factor if text.isdecimal() else int(exact(text) * factor)
    except ValueError:
        raise ValueError(f"{text!r} is no number of {called}") from None
    if not 0 <= value <= _LAST_MS:
        raise ValueError(
            f"{text!r} is no time in {called}: {'before 1970' if value < 0 else 'after the year 9999'}"
        )
    return value


def _iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no ISO 8601 date or time") from None


def _moment_ms(moment: datetime, zone: tzinfo) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return round(moment.timestamp() * 1000)
    except (OverflowError, ValueError, OSError):
        raise ValueError(f"{moment} is out of range") from None
