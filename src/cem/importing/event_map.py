"""The map of an import: which event a row becomes, and from which columns. Pure: text in, `ImportMap` or error out."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from cem.domain.events import Event
from cem.domain.events.envelope import INBOX_KINDS
from cem.importing.document import Node, read_document
from cem.importing.event_fields import FieldType, event_class, field_type, required_fields
from cem.importing.table import CsvOptions
from cem.importing.times import TimeSpec, parse_time_spec
from cem.importing.values import ValueSpec, parse_value

__all__ = [
    "Condition",
    "FieldSpec",
    "ImportMap",
    "KeySpec",
    "parse_condition",
    "parse_csv",
    "read_import_map",
]

_ENTRIES: Final = ("event", "fields", "time", "key", "id", "where", "csv")


class FieldSpec(msgspec.Struct, frozen=True):
    """One field of the event and where its value comes from."""

    name: str
    type: FieldType
    value: ValueSpec


class KeySpec(msgspec.Struct, frozen=True):
    """Whose event it is."""

    value: ValueSpec | None
    #: Kind of identifier when the column does not hold the customer himself.
    identifier: str | None = None
    #: A row without a key is a stranger of its own, not a reject.
    stranger: bool = False


class Condition(msgspec.Struct, frozen=True):
    """Which rows count: those whose column equals one of the texts."""

    column: str
    equals: frozenset[str]
    place: str = ""


class ImportMap(msgspec.Struct, frozen=True):
    """A map that is right in itself; whether the file has its columns is found out with the file."""

    event: type[Event]
    fields: tuple[FieldSpec, ...]
    time: TimeSpec
    #: None: the event's own data name its key.
    key: KeySpec | None
    id: tuple[str, ...]
    where: Condition | None
    csv: CsvOptions
    #: The same for maps that mean the same: comments and order of entries do not matter.
    fingerprint: str
    id_place: str = ""


def read_import_map(text: str, name: str) -> ImportMap:
    """Return the map that `text` holds; `name` stands for the file in messages. Raises MapError."""
    root = read_document(text, name)
    entries = root.mapping(_ENTRIES, called="entry")
    event = event_class(root.required("event"))
    fields = _fields(root.required("fields"), event)
    return ImportMap(
        event=event,
        fields=fields,
        time=parse_time_spec(root.required("time")),
        key=_key(root, event),
        id=entries["id"].texts() if "id" in entries else (),
        where=parse_condition(entries["where"]) if "where" in entries else None,
        csv=parse_csv(entries["csv"]) if "csv" in entries else CsvOptions(),
        fingerprint=hashlib.sha256(msgspec.json.encode(_plain(root), order="deterministic")).hexdigest(),
        id_place=entries["id"].place if "id" in entries else "",
    )


def parse_condition(node: Node) -> Condition:
    """Return a `{column, equals}` entry. Raises MapError."""
    node.mapping(("column", "equals"))
    return Condition(node.required("column").text(), frozenset(node.required("equals").texts()), node.place)


def parse_csv(node: Node) -> CsvOptions:
    """Return the `csv` entry. Raises MapError."""
    entries = node.mapping(("delimiter", "encoding", "header", "columns"))
    delimiter = entries["delimiter"].text() if "delimiter" in entries else None
    if delimiter in ("\\t", "tab"):
        delimiter = "\t"
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '\r\n"'):
        raise entries["delimiter"].error(f"takes one character, not {delimiter!r}")
    header = entries["header"].truth() if "header" in entries else True
    columns = entries["columns"].texts() if "columns" in entries else ()
    if not header and not columns:
        raise node.error("without a header, 'columns' must name the columns")
    encoding = entries["encoding"].text() if "encoding" in entries else "utf-8-sig"
    return CsvOptions(delimiter, encoding, header, columns, node.place)


def _fields(node: Node, event: type[Event]) -> tuple[FieldSpec, ...]:
    found = tuple(
        FieldSpec(name, field_type(event, name, entry), parse_value(entry))
        for name, entry in node.mapping().items()
    )
    mapped = {spec.type.parent for spec in found}
    for name in required_fields(event):
        if name not in mapped:
            raise node.error(f"{event.TYPE} needs the field {name!r}")
    return found


def _key(root: Node, event: type[Event]) -> KeySpec | None:
    node = root.mapping().get("key")
    if event.NAMES_KEY:
        if node is not None:
            raise node.error(f"{event.TYPE} is keyed by what its own fields say; leave 'key' out")
        return None
    if node is None:
        raise root.error("lacks 'key': the column that says whose event it is")
    entries = node.mapping(("column", "columns", "null", "strip_suffix", "identifier", "null_as"))
    stranger = False
    if "null_as" in entries:
        stranger = entries["null_as"].choice(("row",)) == "row"
    identifier = entries["identifier"].choice(INBOX_KINDS) if "identifier" in entries else None
    if identifier is not None and event.TOPIC == "cem.outcomes":
        raise entries["identifier"].error(f"{event.TYPE} needs the customer himself")
    if stranger and identifier is not None:
        raise node.error("'null_as: row' makes strangers of rows without a customer; an identifier has none")
    if "column" not in entries and "columns" not in entries:
        if stranger and len(entries) == 1:
            return KeySpec(None, None, stranger=True)
        raise node.error("lacks 'column'")
    options = {name: entry for name, entry in entries.items() if name not in ("identifier", "null_as")}
    return KeySpec(parse_value(Node(dict(options), node.place, node.path)), identifier, stranger)


def _plain(node: Node) -> object:
    """Return the document without its places."""
    if isinstance(node.value, dict):
        return {key: _plain(entry) for key, entry in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(entry) for entry in node.value]
    return node.value
