"""Local days in UTC milliseconds: midnights, days and billing cycles of a time zone.

A zone's rules come from the IANA database; they are data that a process reads once, not state.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["DAY_MS", "HOUR_MS", "cycle_bounds", "date_of", "day_of", "local_day", "midnight_ms", "zone"]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

_EPOCH = date(1970, 1, 1).toordinal()
_SLOT_MS = 900_000


@lru_cache(maxsize=512)
def zone(name: str, default: str) -> tzinfo:
    """Return the zone `name`; if there is none of that name, `default`; if that is unknown too, UTC."""
    for candidate in (name, default):
        if candidate:
            try:
                return ZoneInfo(candidate)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                continue
    return UTC


def day_of(day: date) -> int:
    """Return the date as days since the epoch."""
    return day.toordinal() - _EPOCH


def date_of(day: int) -> date:
    """Return the date of so many days since the epoch."""
    return date.fromordinal(day + _EPOCH)


def local_day(at_ms: int, tz: tzinfo) -> int:
    """Return the local date at an instant, as days since the epoch."""
    day = _day_of_slot(at_ms // _SLOT_MS, tz)
    return _day_at(at_ms, tz) if day is None else day


def _day_at(at_ms: int, tz: tzinfo) -> int:
    return day_of(datetime.fromtimestamp(at_ms / 1000, tz).date())


@lru_cache(maxsize=4096)
def _day_of_slot(slot: int, tz: tzinfo) -> int | None:
    """Return the local date of a whole quarter of an hour; None where the clock is put on or back, or midnight passes.

    Nearly all records of a lane are of the same few of them.
    """
    first_ms, last_ms = slot * _SLOT_MS, slot * _SLOT_MS + _SLOT_MS - 1
    try:
        first, last = datetime.fromtimestamp(first_ms / 1000, tz), datetime.fromtimestamp(last_ms / 1000, tz)
    except (ValueError, OverflowError, OSError):
        # At the ends of the calendar.
        return None
    if first.date() != last.date() or first.utcoffset() != last.utcoffset():
        return None
    return day_of(first.date())


@lru_cache(maxsize=4096)
def midnight_ms(day: int, tz: tzinfo) -> int:
    """Return the instant at which a local day begins (where midnight does not exist, the first instant after)."""
    when = date_of(day)
    return int(datetime(when.year, when.month, when.day, tzinfo=tz).timestamp() * 1000)


def cycle_bounds(at_ms: int, cycle_day: int, tz: tzinfo) -> tuple[int, int]:
    """Return the start (inclusive) and end (exclusive) of the monthly cycle that contains an instant.

    `cycle_day` is 1 to 31; in a shorter month the cycle begins on its last day.
    """
    return _cycle_of(datetime.fromtimestamp(at_ms / 1000, tz).date(), cycle_day, tz)


@lru_cache(maxsize=4096)
def _cycle_of(today: date, cycle_day: int, tz: tzinfo) -> tuple[int, int]:
    """Return the bounds of the cycle that contains a local day: few differ, and each line asks when its cycle turns."""
    start = _in_month(today.year, today.month, cycle_day)
    if today < start:
        before = today.replace(day=1) - timedelta(days=1)
        start = _in_month(before.year, before.month, cycle_day)
    after = start.replace(day=1) + timedelta(days=32)
    end = _in_month(after.year, after.month, cycle_day)
    return midnight_ms(day_of(start), tz), midnight_ms(day_of(end), tz)


def _in_month(year: int, month: int, day: int) -> date:
    """Return the `day` of the month, or its last one."""
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(day, last))
