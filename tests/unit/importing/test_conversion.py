from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec.inspect as shape
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cem.domain.events import (
    CallEnded,
    InteractionRecorded,
    PaymentMade,
    SmsRated,
    TaskDue,
)
from cem.importing.conversion import converter, hasher
from cem.importing.event_fields import IMPORTABLE, required_fields
from cem.importing.numbers import minor_units


def convert(event: type, field: str, text: str, decimals: int | None = None) -> Any:
    info = shape.type_info(event)
    assert isinstance(info, shape.StructType)
    kind = next(each.type for each in info.fields if each.name == field)
    return converter(kind, decimals=decimals, zone=ZoneInfo("Asia/Ho_Chi_Minh"))(text)


@pytest.mark.parametrize(
    ("event", "field", "text", "decimals", "value"),
    [
        (SmsRated, "segments", "3", None, 3),
        (SmsRated, "segments", "3.0", None, 3),
        (SmsRated, "segments", "1e2", None, 100),
        (SmsRated, "charge_minor", "0.05", 2, 5),
        (SmsRated, "charge_minor", "12", 2, 1200),
        (SmsRated, "charge_minor", "1500", 0, 1500),
        (SmsRated, "in_allowance", "Yes", None, True),
        (SmsRated, "in_allowance", "0", None, False),
        (SmsRated, "destination", "PREMIUM", None, "premium"),
        (SmsRated, "destination", "moon", None, "moon"),
        (SmsRated, "line", "+49 170 1234567", None, "+491701234567"),
        (CallEnded, "call_id", "AA0101 34539", None, "AA0101-34539"),
        (CallEnded, "wait_s", "12.5", None, 12.5),
        (CallEnded, "wait_s", "0:02:46", None, 166.0),
        (CallEnded, "wait_s", "2:46", None, 166.0),
        (InteractionRecorded, "text", "  two  words ", None, "  two  words "),
        (PaymentMade, "method", "Direct Debit", None, "direct_debit"),
        (TaskDue, "due", "2026-03-01 10:00", None, datetime(2026, 3, 1, 3, 0, tzinfo=UTC)),
        (TaskDue, "due", "2026-03-01T10:00:00Z", None, datetime(2026, 3, 1, 10, 0, tzinfo=UTC)),
    ],
)
def test_texts_become_what_the_field_takes(
    event: type, field: str, text: str, decimals: int | None, value: object
) -> None:
    """Numbers, amounts, truths, enumerations, ids, lengths of time and moments are read as files write them."""
    assert convert(event, field, text, decimals) == value


def test_dates_are_days() -> None:
    """A date is read from a date or from a time."""
    contract = IMPORTABLE["contract.cancelled"]
    assert convert(contract, "effective", "2026-03-01") == date(2026, 3, 1)
    assert convert(contract, "effective", "2026-03-01 00:00:00") == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("event", "field", "text", "decimals", "said"),
    [
        (SmsRated, "segments", "x", None, "is no number"),
        (SmsRated, "segments", "1.5", None, "is no whole number"),
        (SmsRated, "charge_minor", "0.055", 2, "more than 2 decimals"),
        (SmsRated, "charge_minor", "1e9999999", 2, "out of range"),
        (SmsRated, "charge_minor", "1,50", 2, "is no number"),
        (SmsRated, "in_allowance", "PHANTOM", None, "neither yes nor no"),
        (CallEnded, "wait_s", "nan", None, "is no number"),
        (TaskDue, "due", "soon", None, "no ISO 8601 time"),
        (IMPORTABLE["contract.cancelled"], "effective", "1.3.2026", None, "no ISO 8601 date"),
    ],
)
def test_what_does_not_fit_has_a_reason(
    event: type, field: str, text: str, decimals: int | None, said: str
) -> None:
    """A cell that the field cannot be raises ValueError with a sentence that quotes it."""
    with pytest.raises(ValueError, match=said):
        convert(event, field, text, decimals)


def test_decimals_are_for_amounts() -> None:
    """Decimals on a text make no sense and are refused with the map."""
    with pytest.raises(TypeError, match="minor units"):
        convert(SmsRated, "line", "1", 2)


def test_recipients_are_not_shown() -> None:
    """Telephone numbers and odd texts are hashed with the deployment's key; short pseudonyms and digests stay."""
    hashed, other = hasher(b"key"), hasher(b"another")
    assert hashed("+491701234567").startswith("h_")
    assert "1701234567" not in hashed("+491701234567")
    assert hashed("0901 234 567") == hashed("0901 234 567") != other("0901 234 567")
    assert hashed("ann@example.org").startswith("h_")
    assert hashed("1350") == "1350"
    assert hashed("9f86d081884c7d65") == "9f86d081884c7d65"


@given(st.integers(-(10**15), 10**15), st.integers(0, 4))
def test_amounts_are_exact(units: int, decimals: int) -> None:
    """An amount in any spelling with that many decimals comes back to the unit; no floating point is involved."""
    sign, digits = ("-" if units < 0 else ""), str(abs(units)).rjust(decimals + 1, "0")
    text = f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else f"{sign}{digits}"
    assert minor_units(text, decimals) == units


@given(st.text(min_size=1, max_size=50), st.sampled_from(sorted(IMPORTABLE)))
def test_any_text_converts_or_is_a_value_error(text: str, name: str) -> None:
    """For every scalar field of every event: nothing but ValueError comes out of a converter."""
    info = shape.type_info(IMPORTABLE[name])
    assert isinstance(info, shape.StructType)
    for field in info.fields:
        try:
            read = converter(field.type, zone=UTC)
        except TypeError:
            continue
        with contextlib.suppress(ValueError):
            read(text)


def test_required_fields_are_those_without_default() -> None:
    """The fields that a map must fill are those without which the event cannot be built."""
    assert required_fields(SmsRated) == ["line"]
