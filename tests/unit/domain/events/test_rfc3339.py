"""Times as RFC 3339 writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cem.domain.events import format_ms, moment, parse_ms, to_ms

#: The years 1 to 9999.
ANY_MS = st.integers(-62_135_596_800_000, 253_402_300_799_999)


@given(at_ms=ANY_MS)
def test_a_time_comes_back_as_it_was_written(at_ms: int) -> None:
    """Milliseconds are kept, in all four forms."""
    assert parse_ms(format_ms(at_ms)) == at_ms
    assert to_ms(moment(at_ms)) == at_ms
    assert format_ms(at_ms).decode() == moment(at_ms).isoformat(timespec="milliseconds").replace(
        "+00:00", "Z"
    )


@given(at_ms=st.integers(-(10**13), 10**13), minutes=st.integers(-1439, 1439), digits=st.integers(0, 6))
def test_any_offset_and_any_fraction_are_read(at_ms: int, minutes: int, digits: int) -> None:
    """What datetime writes is read; what is finer than a millisecond is cut off."""
    at = moment(at_ms) + timedelta(microseconds=999)
    local = at.astimezone(timezone(timedelta(minutes=minutes)))
    text = local.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    fraction = f".{local.microsecond:06d}"[: digits + 1] if digits else ""
    sign, rest = ("+", minutes) if minutes >= 0 else ("-", -minutes)
    written = f"{text}{fraction}{sign}{rest // 60:02d}:{rest % 60:02d}".encode()
    kept = int(f"{local.microsecond:06d}"[: min(digits, 3)].ljust(3, "0")) if digits else 0
    assert parse_ms(written) == at_ms - at_ms % 1000 + kept


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (b"2026-03-02T08:00:00Z", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        (b"2026-03-02t08:00:00z", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        (b"2026-03-02 08:00:00.5Z", datetime(2026, 3, 2, 8, 0, 0, 500_000, tzinfo=UTC)),
        (b"2026-03-02T08:00:00.123456789Z", datetime(2026, 3, 2, 8, 0, 0, 123_000, tzinfo=UTC)),
        (b"2026-03-02T08:00:00-00:00", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        (b"2024-02-29T23:59:59+07:00", datetime(2024, 2, 29, 16, 59, 59, tzinfo=UTC)),
        (b"2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
    ],
)
def test_the_forms_of_the_standard_are_read(text: bytes, at: datetime) -> None:
    """Small letters, a space for the T, any fraction, offsets, and the leap second as the last instant before it."""
    assert parse_ms(text) == to_ms(at)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"2026-03-02",
        b"2026-03-02T08:00:00",
        b"2026-03-02T08:00Z",
        b"2026-03-02T24:00:00Z",
        b"2026-03-02T08:60:00Z",
        b"2026-03-02T08:00:61Z",
        b"2026-02-30T08:00:00Z",
        b"2025-02-29T08:00:00.000Z",
        b"0000-01-01T00:00:00Z",
        b"2026-W10-1T08:00:00Z",
        b"20260302T080000Z",
        b"2026-03-02T080000.00Z",
        b"2026-03-02T08:00:00,123Z",
        b"2026-03-02T08:00:00.Z",
        b"2026-03-02T08:00:00.123Z ",
        b"2026-03-02T08:00:00.123Z\n",
        b"2026-03-02T08:00:00+24:00",
        b"2026-03-02T08:00:00+0700",
        b"1772438400",
        b"+2026-03-02T08:00:00Z",
        "２０２６-03-02T08:00:00Z".encode(),
        b"\xff" * 24,
    ],
)
def test_other_forms_are_refused(text: bytes) -> None:
    """One instant has to be meant, and the standard has to allow the form."""
    assert parse_ms(text) is None
