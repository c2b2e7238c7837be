from __future__ import annotations

import contextlib
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cem.importing.document import MapError, read_document
from cem.importing.times import TimeSpec, parse_time_spec, time_parser

EARLIEST, LATEST = datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2099-01-01")


def parsed(text: str, written: str, zone: str = "UTC") -> int:
    return time_parser(TimeSpec(("t",), written, zone))(text)


@pytest.mark.parametrize(
    ("text", "written", "zone", "ms"),
    [
        ("1082040961", "unix", "UTC", 1_082_040_961_000),
        ("1082040961.25", "unix", "UTC", 1_082_040_961_250),
        ("1.082040961E9", "unix", "UTC", 1_082_040_961_000),
        ("1082040961250", "unix_ms", "UTC", 1_082_040_961_250),
        ("2015-02-16 23:36:00", "iso", "UTC", 1_424_129_760_000),
        ("2015-02-16T23:36:00Z", "iso", "Asia/Ho_Chi_Minh", 1_424_129_760_000),
        ("2015-02-16T23:36:00+07:00", "iso", "UTC", 1_424_104_560_000),
        ("2015-02-16 23:36", "iso", "Asia/Ho_Chi_Minh", 1_424_104_560_000),
        ("2015-02-16", "iso", "UTC", 1_424_044_800_000),
        ("990201 7:02:47", "%y%m%d %H:%M:%S", "UTC", 917_852_567_000),
        ("16/02/2015 23:36", "%d/%m/%Y %H:%M", "Asia/Ho_Chi_Minh", 1_424_104_560_000),
    ],
)
def test_times_as_files_write_them(text: str, written: str, zone: str, ms: int) -> None:
    """Unix seconds (also as spreadsheets mangle them), milliseconds, ISO 8601 and patterns, in the map's zone."""
    assert parsed(text, written, zone) == ms


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", "unix"), ("abc", "unix"), ("nan", "unix"), ("inf", "unix"), ("-1", "unix"), ("1e999999", "unix"),
        ("9" * 30, "unix_ms"), ("99999999999999999", "unix"), ("2015-13-01", "iso"), ("yesterday", "iso"),
        ("31/02/2015", "%d/%m/%Y"), ("1_0", "unix"),
    ],
)  # fmt: skip
def test_what_is_no_time_has_a_reason(text: str, written: str) -> None:
    """A cell that cannot be a time raises ValueError that quotes it, quickly however large its exponent."""
    with pytest.raises(ValueError, match="'"):
        parsed(text, written)


@given(st.datetimes(min_value=EARLIEST, max_value=LATEST))
def test_iso_times_keep_their_millisecond(moment: datetime) -> None:
    """A time written in ISO 8601 is read back to the millisecond, in any zone."""
    here = moment.replace(tzinfo=ZoneInfo("Europe/Berlin"))
    assert parsed(here.isoformat(), "iso") == round(here.timestamp() * 1000)


@given(st.text(max_size=40), st.sampled_from(["unix", "unix_ms", "iso", "%Y-%m-%d"]))
def test_any_text_is_a_time_or_a_value_error(text: str, written: str) -> None:
    """Whatever a cell holds, nothing but ValueError comes out."""
    with contextlib.suppress(ValueError):
        assert isinstance(parsed(text, written), int)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{format: unix}", "either 'column' or 'columns'"),
        ("{column: a, columns: [b], format: unix}", "either 'column' or 'columns'"),
        ("{columns: [], format: unix}", "names no column"),
        ("{column: a}", "lacks 'format'"),
        ("{column: a, format: epoch}", "none of unix, unix_ms, iso"),
        ("{column: a, format: '%Q'}", "bad directive"),
        ("{column: a, format: iso, timezone: Asia/Hanoy}", "no zone of the IANA database"),
        ("{column: a, format: iso, timezon: UTC}", "Did you mean 'timezone'"),
    ],
)
def test_a_wrong_time_entry_is_refused(entry: str, said: str) -> None:
    """A map's time entry that cannot work is refused with the line."""
    with pytest.raises(MapError, match=said) as caught:
        parse_time_spec(read_document(f"time: {entry}\n", "m.yaml").mapping()["time"])
    assert str(caught.value).startswith("m.yaml:1:")
