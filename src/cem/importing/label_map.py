"""The map of a file of labelled texts: which column is the text, which the label. Pure: text in, `TextMap` or error out."""

from __future__ import annotations

from typing import Final

import msgspec

from cem.importing.document import Node, read_document
from cem.importing.event_map import Condition, parse_condition, parse_csv
from cem.importing.table import CsvOptions
from cem.importing.times import TimeSpec, parse_time_spec
from cem.importing.values import TEXT_OPTIONS, ValueSpec, parse_value

__all__ = ["TextMap", "read_text_map"]

_ENTRIES: Final = ("text", "label", "channel", "language", "time", "holdout", "where", "fields", "csv")


class TextMap(msgspec.Struct, frozen=True):
    """A map that is right in itself; whether the file has its columns is found out with the file."""

    text: ValueSpec
    #: None: the texts have no labels, or none that are asked for.
    label: ValueSpec | None
    channel: ValueSpec | None = None
    language: ValueSpec | None = None
    time: TimeSpec | None = None
    #: Rows that are never learnt.
    holdout: Condition | None = None
    #: Rows that count at all.
    where: Condition | None = None
    #: Other columns that say why somebody came.
    fields: dict[str, ValueSpec] = {}
    csv: CsvOptions = CsvOptions()


def read_text_map(document: str, name: str, *, labelled: bool = True) -> TextMap:
    """Return the map; `name` stands for the file in messages. Raises MapError.

    labelled: whether it must say where the label is.
    """
    root = read_document(document, name)
    entries = root.mapping(_ENTRIES, called="entry")
    return TextMap(
        text=parse_value(root.required("text"), options=TEXT_OPTIONS),
        label=_label(root.required("label")) if labelled else None,
        channel=_value(entries.get("channel")),
        language=_value(entries.get("language")),
        time=parse_time_spec(entries["time"]) if "time" in entries else None,
        holdout=parse_condition(entries["holdout"]) if "holdout" in entries else None,
        where=parse_condition(entries["where"]) if "where" in entries else None,
        fields={
            field: parse_value(each, options=TEXT_OPTIONS)
            for field, each in (entries["fields"].mapping() if "fields" in entries else {}).items()
        },
        csv=parse_csv(entries["csv"]) if "csv" in entries else CsvOptions(),
    )


def _label(node: Node) -> ValueSpec:
    node.mapping()  # a plain text would be one label for all rows
    return parse_value(node, options=TEXT_OPTIONS)


def _value(node: Node | None) -> ValueSpec | None:
    return None if node is None else parse_value(node, options=TEXT_OPTIONS)
