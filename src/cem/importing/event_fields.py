"""What an event class offers a map: its fields, and those of its lists' items by a dotted name. Pure.

`items.cause` is the field `cause` of the one item that a row makes of the list `items`; `segments.tenure` is the
entry `tenure` of the mapping `segments`.
"""

from __future__ import annotations

from typing import Final

import msgspec
import msgspec.inspect as shape

from cem.domain.events import EVENT_TYPES, Event, StateForwarded, StateMoved
from cem.importing.conversion import plain
from cem.importing.document import Node, nearest

__all__ = ["IMPORTABLE", "FieldType", "event_class", "field_type", "required_fields"]

_TOPICS: Final = (
    "cem.calls",
    "cem.sms-usage",
    "cem.billing",
    "cem.interactions",
    "cem.service",
    "cem.profiles",
    "cem.outcomes",
    "cem.inbox",
)

#: The types of event that a file may hold: what happens to customers. Decisions, alerts and what people change
#: come from the system itself.
IMPORTABLE: Final = {
    name: cls
    for name, cls in EVENT_TYPES.items()
    if cls.TOPIC in _TOPICS and cls not in (StateForwarded, StateMoved)
}


class FieldType(msgspec.Struct, frozen=True):
    """A field that a map names."""

    #: The event's own field that it is, or is part of.
    parent: str
    #: Name within the parent's item or mapping; "" for a field of the event.
    name: str
    #: What the parent is made of: the field itself, a list of one item, an object, or a mapping with free names.
    within: str
    kind: shape.Type


def event_class(node: Node) -> type[Event]:
    """Return the class of the event type that the map names. Raises MapError with the nearest."""
    return IMPORTABLE[node.choice(IMPORTABLE)]


def field_type(event: type[Event], name: str, node: Node) -> FieldType:
    """Return the field called `name`. Raises MapError with the nearest name."""
    fields = _fields(event)
    parent, dot, rest = name.partition(".")
    field = fields.get(parent)
    if field is None:
        raise node.error(f"{event.TYPE} has no field {parent!r}.{nearest(parent, fields)}")
    options = plain(field.type)
    first = options[0]
    item = plain(first.item_type)[0] if isinstance(first, shape.VarTupleType | shape.ListType) else None
    holder = item if isinstance(item, shape.StructType) else first
    if isinstance(holder, shape.StructType):
        inner = {each.name: each for each in holder.fields}
        if not dot:
            example = f"{parent}.{next(iter(inner))}"
            raise node.error(f"{parent!r} is made of fields; name them, as in {example!r}")
        if rest not in inner:
            raise node.error(f"{parent!r} has no field {rest!r}.{nearest(rest, inner)}")
        return FieldType(parent, rest, "item" if item is not None else "object", inner[rest].type)
    if isinstance(first, shape.DictType):
        if not rest:
            raise node.error(f"{parent!r} holds named values; name one, as in '{parent}.tenure'")
        return FieldType(parent, rest, "mapping", first.value_type)
    if dot:
        raise node.error(f"{parent!r} has no fields of its own")
    if item is not None:
        return FieldType(parent, "", "list", item)
    return FieldType(parent, "", "field", field.type)


def required_fields(event: type[Event]) -> list[str]:
    """Return the fields without which there is no event."""
    return [name for name, field in _fields(event).items() if field.required]


def _fields(event: type[Event]) -> dict[str, shape.Field]:
    info = shape.type_info(event)
    assert isinstance(info, shape.StructType)
    return {field.name: field for field in info.fields}
