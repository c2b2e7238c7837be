"""Hypothesis strategies for events: any event within its bounds, made from what its class says of its fields."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from unicodedata import normalize

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from cem.domain.events import EVENT_TYPES, Event

__all__ = ["CUSTOMER_IDS", "EVENT_TIMES_MS", "events", "events_of", "texts"]

#: Customers' ids.
CUSTOMER_IDS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
#: Times of events: 2001 to 2033, so that days in the data (2000 to 2040) are near enough to them.
EVENT_TIMES_MS = st.integers(1_000_000_000_000, 2_000_000_000_000)

_DAYS = st.dates(date(2000, 1, 1), date(2020, 12, 31))
_MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2020, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
_CHARACTERS = st.one_of(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")),
    st.sampled_from("\n\t\r ễộữđĐ😀\"\\/'<>&"),
)


def texts(least: int, most: int) -> st.SearchStrategy[str]:
    """Return texts as they are kept: no controls, normal form C, `least` to `most` characters."""
    made = st.text(_CHARACTERS, min_size=least, max_size=min(most, 40))
    return made.map(lambda text: normalize("NFC", text)).filter(lambda text: least <= len(text) <= most)


def _of_type(shape: inspect.Type) -> st.SearchStrategy[Any]:
    match shape:
        case inspect.Metadata(type=inner):
            return _of_type(inner)
        case inspect.UnionType(types=types):
            return st.one_of([_of_type(option) for option in types])
        case inspect.NoneType():
            return st.none()
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType(ge=least, le=most):
            return st.integers(least, most)
        case inspect.FloatType(ge=least, le=most):
            return st.floats(least, most, allow_nan=False, allow_infinity=False)
        case inspect.StrType(pattern=str() as pattern):
            return st.from_regex(pattern.removeprefix("^").removesuffix(r"\Z"), fullmatch=True)
        case inspect.StrType(min_length=least, max_length=most):
            return texts(least or 0, most or 40)
        case inspect.EnumType(cls=cls):
            return st.sampled_from(list(cls))
        case inspect.DateType():
            return _DAYS
        case inspect.DateTimeType():
            return _MOMENTS
        case inspect.VarTupleType(item_type=item, max_length=most):
            return st.lists(_of_type(item), max_size=min(most or 3, 3)).map(tuple)
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(_of_type(key), _of_type(value), max_size=3)
        case inspect.StructType(cls=cls, fields=fields):
            needed = {field.name: _field(cls, field) for field in fields if field.required}
            others = {field.name: _field(cls, field) for field in fields if not field.required}
            return st.fixed_dictionaries(needed, optional=others).map(lambda values: cls(**values))
    raise TypeError(f"no strategy for {shape}")


#: Fields whose shape only code checks, by class and field.
_BY_HAND = {
    ("SmsRated", "line"): st.from_regex(r"[+0-9A-Za-z_.-]{1,32}", fullmatch=True),
    ("SmsRated", "recipient"): st.one_of(st.none(), st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)),
    ("IdentifierLinked", "value"): st.from_regex(r"[A-Za-z0-9@+._-]{1,64}", fullmatch=True),
    ("IdentifierUnlinked", "value"): st.from_regex(r"[A-Za-z0-9@+._-]{1,64}", fullmatch=True),
    ("AreaFelt", "area"): texts(1, 40).filter(lambda text: text.isprintable() and text == text.strip()),
    ("Identifier", "value"): texts(1, 40).filter(lambda text: text.isprintable() and text == text.strip()),
    ("IdentifierLinked", "kind"): st.sampled_from(["line", "account", "email", "handle", "device", "card"]),
    ("IdentifierUnlinked", "kind"): st.sampled_from(["line", "account", "email", "handle", "device", "card"]),
    ("SurveyAnswered", "csat"): st.integers(1, 5),
    ("ServiceDegraded", "area"): st.just("north"),
    ("ServiceRestored", "area"): st.just("north"),
    ("BillIssued", "period_start"): st.just(date(2000, 1, 1)),
}
#: Optional fields that rules between fields ask for.
_ASKED_FOR = {"SurveyAnswered": "csat", "ServiceDegraded": "area", "ServiceRestored": "area"}


def _field(cls: type, field: inspect.Field) -> st.SearchStrategy[Any]:
    by_hand = _BY_HAND.get((cls.__name__, field.name))
    return _of_type(field.type) if by_hand is None else by_hand


@cache
def events_of(event_type: str) -> st.SearchStrategy[Event]:
    """Return events of one type."""
    cls = EVENT_TYPES[event_type]
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    asked = _ASKED_FOR.get(cls.__name__)
    needed = {f.name: _field(cls, f) for f in info.fields if f.required or f.name == asked}
    others = {f.name: _field(cls, f) for f in info.fields if f.name not in needed}
    made = st.fixed_dictionaries(needed, optional=others)
    # Through plain values, so that texts become members of enumerations.
    return made.map(lambda values: msgspec.convert(msgspec.to_builtins(values), cls))


def events() -> st.SearchStrategy[Event]:
    """Return events of every type."""
    return st.sampled_from(sorted(EVENT_TYPES)).flatmap(events_of)
