"""Any event that the classes allow, drawn by hypothesis: small pools of values, so that events meet each other."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from cem.domain.events import EVENT_TYPES, Event
from tests.builders.customers import DAY, T0

__all__ = ["any_event", "customer_events"]

TEXTS = ["a", "b", "talk-50", "billing"]


def any_event(cls: type[Event]) -> st.SearchStrategy[Event]:
    """Return events of a class, optional fields there or not."""
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    return _struct(info).filter(lambda event: event is not None)


def customer_events() -> st.SearchStrategy[Event]:
    """Return events of every type that is keyed by the customer."""
    return st.one_of([any_event(cls) for cls in EVENT_TYPES.values() if cls.OF_CUSTOMER])


def _struct(info: inspect.StructType) -> st.SearchStrategy[Any]:
    required = {f.name: _value(f.type) for f in info.fields if f.required}
    optional = {f.name: _value(f.type) for f in info.fields if not f.required}

    def made(values: dict[str, Any]) -> Any:
        try:
            return info.cls(**values)
        except ValueError:
            # Fields that contradict each other: such an event does not exist.
            return None

    return st.fixed_dictionaries(required, optional=optional).map(made)


def _value(shape: inspect.Type) -> st.SearchStrategy[Any]:
    if isinstance(shape, inspect.Metadata):
        return _value(shape.type)
    if isinstance(shape, inspect.UnionType):
        return st.one_of([_value(option) for option in shape.types])
    if isinstance(shape, inspect.EnumType):
        return st.sampled_from(list(shape.cls))
    if isinstance(shape, inspect.StructType):
        return _struct(shape).filter(lambda value: value is not None)
    if isinstance(shape, inspect.IntType):
        low = 0 if shape.ge is None else shape.ge
        high = low + 40 if shape.le is None else min(shape.le, low + 40)
        return st.one_of(st.integers(low, high), st.just(high if shape.le is None else shape.le))
    if isinstance(shape, inspect.FloatType):
        return st.floats(0, 1)
    if isinstance(shape, inspect.StrType):
        texts = [t for t in TEXTS if _fits(t, shape)] or ["https://a.example"]
        return st.sampled_from(texts)
    if isinstance(shape, inspect.DateTimeType):
        return st.integers(-3, 9).map(lambda d: datetime.fromtimestamp((T0 + d * DAY) / 1000, UTC))
    if isinstance(shape, inspect.DateType):
        return st.integers(0, 9).map(lambda d: date(2025, 3, 1 + d))
    if isinstance(shape, inspect.BoolType):
        return st.booleans()
    if isinstance(shape, inspect.NoneType):
        return st.none()
    if isinstance(shape, inspect.VarTupleType):
        return st.lists(_value(shape.item_type), max_size=3).map(tuple)
    if isinstance(shape, inspect.DictType):
        return st.dictionaries(_value(shape.key_type), _value(shape.value_type), max_size=2)
    raise AssertionError(f"no values for {shape}")


def _fits(text: str, shape: inspect.StrType) -> bool:
    try:
        meta = msgspec.Meta(pattern=shape.pattern, min_length=shape.min_length, max_length=shape.max_length)
        msgspec.convert(text, _annotated(meta))
    except msgspec.ValidationError:
        return False
    return True


def _annotated(meta: msgspec.Meta) -> Any:
    from typing import Annotated

    return Annotated[str, meta]
