"""A file of messages, one a row in order of arrival, as the detectors of abnormal use take them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from cem.importing.document import read_document
from cem.importing.event_map import Condition, parse_condition, parse_csv
from cem.importing.mapped_rows import mapped_rows, read_condition, read_time, read_value
from cem.importing.numbers import exact
from cem.importing.table import CsvOptions, Row, column_finder
from cem.importing.times import TimeSpec, parse_time_spec
from cem.importing.values import ValueSpec, parse_value

__all__ = ["UsageMap", "UsageRow", "read_usage", "read_usage_map"]

_ENTRIES: Final = ("line", "time", "arrival", "recipient", "charge_minor", "destination", "where", "csv")


class UsageMap(msgspec.Struct, frozen=True):
    """A map that is right in itself; whether the file has its columns is found out with the file."""

    line: ValueSpec
    time: TimeSpec
    arrival: TimeSpec | None = None
    recipient: ValueSpec | None = None
    charge_minor: ValueSpec | None = None
    destination: ValueSpec | None = None
    where: Condition | None = None
    csv: CsvOptions = CsvOptions()


class UsageRow(msgspec.Struct, frozen=True):
    """One message; a fault makes the row one that cannot be used. Times are Unix seconds."""

    row: int
    line: str = ""
    sent_s: int = 0
    arrived_s: int = 0
    recipient: str | None = None
    charge_minor: int = 0
    destination: str | None = None
    fault: str = ""

    @property
    def time_ms(self) -> int | None:
        """When it was sent, for an order by time."""
        return self.sent_s * 1000

    @property
    def held_out(self) -> bool:
        """No row is."""
        return False


def read_usage_map(document: str, name: str) -> UsageMap:
    """Return the map; `name` stands for the file in messages. Raises MapError."""
    root = read_document(document, name)
    entries = root.mapping(_ENTRIES, called="entry")

    def value(key: str) -> ValueSpec | None:
        return parse_value(entries[key]) if key in entries else None

    return UsageMap(
        line=parse_value(root.required("line")),
        time=parse_time_spec(root.required("time")),
        arrival=parse_time_spec(entries["arrival"]) if "arrival" in entries else None,
        recipient=value("recipient"),
        charge_minor=value("charge_minor"),
        destination=value("destination"),
        where=parse_condition(entries["where"]) if "where" in entries else None,
        csv=parse_csv(entries["csv"]) if "csv" in entries else CsvOptions(),
    )


def read_usage(path: Path, rule: UsageMap, *, limit: int | None = None) -> Iterator[UsageRow]:
    """Yield the rows that the map's `where` lets through, up to row `limit`. Raises FileError or MapError."""
    return mapped_rows(path, rule.csv, lambda columns, file: _Reader(rule, columns, file), limit=limit)


class _Reader:
    """From cells to a message."""

    def __init__(self, rule: UsageMap, columns: tuple[str, ...], file: str) -> None:
        find = column_finder(columns, file)
        self._line = read_value(rule.line, find)
        self._sent_ms = read_time(rule.time, find)
        self._arrived_ms = read_time(rule.arrival, find) if rule.arrival is not None else None
        self._recipient = read_value(rule.recipient, find)
        self._charge = read_value(rule.charge_minor, find)
        self._decimals = (rule.charge_minor.decimals if rule.charge_minor is not None else None) or 0
        self._destination = read_value(rule.destination, find)
        self._where = read_condition(rule.where, find, absent=True)

    def __call__(self, row: Row) -> UsageRow | None:
        """Return the message, None for a row that `where` leaves out."""
        if row.fault is not None:
            return UsageRow(row.number, fault=row.fault.code)
        cells = row.cells
        if not self._where(cells):
            return None
        line = self._line(cells)
        if not line:
            return UsageRow(row.number, fault="no_line")
        try:
            sent_s = self._sent_ms(cells) // 1000
            arrived_s = self._arrived_ms(cells) // 1000 if self._arrived_ms is not None else sent_s
        except ValueError:
            return UsageRow(row.number, fault="bad_time")
        try:
            charge = self._charge(cells)
            # Rating engines write fractions of a cent: to the nearest one.
            charge_minor = round(exact(charge).scaleb(self._decimals)) if charge else 0
        except ValueError:
            return UsageRow(row.number, fault="bad_charge")
        return UsageRow(
            row.number,
            line,
            sent_s,
            arrived_s,
            self._recipient(cells),
            charge_minor,
            self._destination(cells),
        )
