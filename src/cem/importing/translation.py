"""From a row to an event, to a reject with its reason, or to nothing. Pure: the same row gives the same record.

What comes out as an event has been read back by the decoder that the workers use, so nothing that an import sends
becomes a dead letter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from cem.domain.events import Event
from cem.domain.events.envelope import INBOX, Received, decode, encode, encode_structured
from cem.domain.events.rejects import explain_validation
from cem.importing.conversion import Converter, converter, hasher
from cem.importing.document import MapError
from cem.importing.event_fields import required_fields
from cem.importing.event_map import FieldSpec, ImportMap, KeySpec
from cem.importing.table import Row, Table, column_finder
from cem.importing.times import time_parser
from cem.importing.values import Columns, ValueSpec, value_reader

__all__ = ["HASHED_FIELDS", "RejectedRow", "Translated", "Translator"]

#: Fields that hold a hash, for they would show somebody who is no customer: a map may name a plain column.
HASHED_FIELDS: Final = (("sms.rated", "recipient"),)


class Translated(msgspec.Struct, frozen=True, gc=False):
    """A row that has become an event, as it stands in the log."""

    row: int
    topic: str
    key: bytes
    headers: tuple[tuple[str, bytes], ...]
    value: bytes
    id: str
    time_ms: int
    event: Event

    def structured(self, source: str) -> bytes:
        """Return the event as one JSON object (CloudEvents, structured mode), with its topic beside."""
        _, value = encode_structured(
            self.event,
            id=self.id,
            source=source,
            time_ms=self.time_ms,
            customer_id=self.key.decode(),
            sequence=str(self.row),
            topic=self.topic,
        )
        return value


class RejectedRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row that fits no event, as the rejects file has it."""

    row: int
    line: int
    reason: str
    detail: str
    #: Column and event field concerned, where it is one.
    column: str = ""
    field: str = ""
    raw: dict[str, str] = {}


class _Refused(Exception):
    """Carries a reject out of the depth of a row."""

    def __init__(self, reason: str, detail: str, column: str, field: str) -> None:
        self.reason, self.detail, self.column, self.field = reason, detail, column, field


class _Candidate(msgspec.Struct, gc=False):
    """The record that a row would be, for the decoder."""

    topic: str
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    partition: int = 0
    offset: int = 0


class _Field(msgspec.Struct, frozen=True):
    """One field, ready to be read from a row."""

    name: str
    read: Callable[[Sequence[str]], str | None]
    convert: Converter
    needed: bool
    column: str


class _Group(msgspec.Struct, frozen=True):
    """The parts of one list item, object or mapping."""

    parent: str
    listed: bool
    constants: dict[str, Any]
    parts: list[_Field]


class Translator:
    """Turns the rows of one file into events, by one map."""

    def __init__(
        self, rule: ImportMap, table: Table, *, file: str, source: str, now_ms: int, hash_key: bytes
    ) -> None:
        """Look up the map's columns in the table.

        file: its name in messages. source: CloudEvents source of all events. now_ms: times more than a day later
        are refused. hash_key: hashes whom an event must not show. Raises MapError when map and file do not fit.
        """
        self.table = table
        self.source = source
        self._event = rule.event
        self._type = rule.event.TYPE
        self._now_ms = now_ms
        self._hash_key = hash_key
        self._zone: tzinfo = UTC if rule.time.timezone == "UTC" else ZoneInfo(rule.time.timezone)
        find = column_finder(table.columns, file)
        self._constants: dict[str, Any] = {}
        self._fields: list[_Field] = []
        self._groups: dict[str, _Group] = {}
        self._build_fields(rule, find)
        self._column_of = {field.name: field.column for field in self._fields}
        time = ValueSpec(columns=rule.time.columns, place=rule.time.place)
        self._time_column = time.source
        self._read_time = value_reader(time, find)
        self._parse_time = time_parser(rule.time)
        self._topic = rule.event.TOPIC
        self._key_column = ""
        self._read_key = self._key_reader(rule.key, find)
        self._id_at = [find(name, rule.id_place) for name in rule.id]
        self._id_columns = ", ".join(rule.id)
        self._where_at = find(rule.where.column, rule.where.place) if rule.where is not None else -1
        self._equals = rule.where.equals if rule.where is not None else frozenset()

    def translate(self, row: Row) -> Translated | RejectedRow | None:
        """Return what the row is; None when the map's `where` leaves it out."""
        if row.fault is not None:
            return self._rejected(row, _Refused(row.fault.code, f"the row {row.fault.detail}", "", ""))
        cells = row.cells
        if self._where_at >= 0 and cells[self._where_at].strip() not in self._equals:
            return None
        try:
            return self._event_of(row, cells)
        except _Refused as refused:
            return self._rejected(row, refused)

    def _event_of(self, row: Row, cells: Sequence[str]) -> Translated:
        data = self._data(cells)
        try:
            event = msgspec.convert(data, self._event)
        except msgspec.ValidationError as error:
            reject = explain_validation(error, self._type)
            raise self._refused_by_decoder(reject.code, reject.detail, reject.path) from None
        key = self._read_key(row, event)
        written = self._read_time(cells)
        if written is None:
            raise _Refused("missing_time", f"column {self._time_column} is blank", self._time_column, "time")
        try:
            time_ms = self._parse_time(written)
        except ValueError as error:
            raise _Refused("bad_time", str(error), self._time_column, "time") from None
        row_id = "/".join([cells[i].strip() for i in self._id_at]) if self._id_at else str(row.number)
        headers, value = encode(
            event, id=row_id, source=self.source, time_ms=time_ms, customer_id=key, sequence=row.number
        )
        key_bytes = key.encode()
        read = decode(_Candidate(self._topic, self._now_ms, key_bytes, value, headers))
        if not isinstance(read, Received):
            raise self._refused_by_decoder(read.code, read.detail, read.path)
        return Translated(row.number, self._topic, key_bytes, headers, value, row_id, time_ms, event)

    def _data(self, cells: Sequence[str]) -> dict[str, Any]:
        data = dict(self._constants)
        for field in self._fields:
            text = field.read(cells)
            if text is None:
                if field.needed:
                    raise _Refused(
                        "missing_field",
                        f"{field.name} is needed, and {field.column} is blank",
                        field.column,
                        field.name,
                    )
                continue
            data[field.name] = _converted(field, text)
        for group in self._groups.values():
            item = dict(group.constants)
            found = not group.parts
            for field in group.parts:
                text = field.read(cells)
                if text is not None:
                    item[field.name] = _converted(field, text)
                    found = True
            # A row whose columns say nothing of the item has none, whatever the constants.
            if found:
                data[group.parent] = [item] if group.listed else item
        return data

    def _build_fields(self, rule: ImportMap, find: Columns) -> None:
        needed = set(required_fields(rule.event))
        for spec in rule.fields:
            convert = self._converter(spec)
            value = spec.value
            _try_map_values(spec, convert)
            constant = convert(value.constant) if value.constant is not None else None
            read = value_reader(value, find)
            if spec.type.within == "field":
                if value.constant is not None:
                    self._constants[spec.name] = constant
                else:
                    self._fields.append(_Field(spec.name, read, convert, spec.name in needed, value.source))
                continue
            parent = spec.type.parent
            if spec.type.within == "list":
                raise MapError(f"{value.place}: {spec.name} is a list, which a row cannot fill")
            listed = spec.type.within == "item"
            group = self._groups.setdefault(parent, _Group(parent, listed, {}, []))
            if value.constant is not None:
                group.constants[spec.type.name] = constant
            else:
                group.parts.append(_Field(spec.type.name, read, convert, False, value.source))

    def _converter(self, spec: FieldSpec) -> Converter:
        if (self._type, spec.name) in HASHED_FIELDS:
            return hasher(self._hash_key)
        try:
            return converter(spec.type.kind, decimals=spec.value.decimals, zone=self._zone)
        except TypeError as error:
            raise MapError(f"{spec.value.place}: {spec.name}: {error}") from None

    def _key_reader(self, key: KeySpec | None, find: Columns) -> Callable[[Row, Event], str]:
        if key is None:
            return _own_key
        digest = self.source.rpartition(":")[2][:12]
        if key.value is None:
            return lambda row, event: f"row-{digest}-{row.number}"
        read, stranger = value_reader(key.value, find), key.stranger
        self._key_column = column = key.value.source
        prefix = ""
        if key.identifier is not None:
            self._topic = INBOX
            prefix = f"{key.identifier}:"

        def read_key(row: Row, event: Event) -> str:
            text = read(row.cells)
            if text is not None:
                return prefix + text
            if stranger:
                return f"row-{digest}-{row.number}"
            raise _Refused("unidentified", f"column {column} names nobody", column, "key")

        return read_key

    def _refused_by_decoder(self, code: str, detail: str, path: str) -> _Refused:
        if path.startswith("$."):
            name = path[2:].partition(".")[0].partition("[")[0]
            return _Refused(code, detail, self._column_of.get(name, ""), name)
        columns: dict[str, tuple[str, Literal["key", "time", "id"]]] = {
            "key": (self._key_column, "key"),
            "ce_subject": (self._key_column, "key"),
            "ce_time": (self._time_column, "time"),
            "ce_id": (self._id_columns, "id"),
        }
        column, field = columns.get(path, ("", ""))
        return _Refused(code, detail, column, field)

    def _rejected(self, row: Row, refused: _Refused) -> RejectedRow:
        cells = row.cells
        raw = dict(zip(self.table.columns, cells, strict=False))
        if len(cells) > len(self.table.columns):
            raw[""] = "\x1f".join(cells[len(self.table.columns) :])
        return RejectedRow(
            row.number, row.line, refused.reason, refused.detail, refused.column, refused.field, raw
        )


def _converted(field: _Field, text: str) -> Any:
    try:
        return field.convert(text)
    except ValueError as error:
        raise _Refused("invalid_field", f"{field.name}: {error}", field.column, field.name) from None


def _own_key(row: Row, event: Event) -> str:
    key = event.key()
    assert key is not None, "an event that names its key has one"
    return key


def _try_map_values(spec: FieldSpec, convert: Converter) -> None:
    """Convert what the map itself writes, so that a slip there is told before the first row."""
    value = spec.value
    for text in (value.constant, value.default, *value.values.values()):
        if text is not None:
            try:
                convert(text)
            except ValueError as error:
                raise MapError(f"{value.place}: {spec.name}: {error}") from None
