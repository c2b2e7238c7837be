"""The map of a file of labelled texts: which column is the text, which the label. Pure: text in, `TextMap` or error out."""

from __future__ import annotations

from typing import Final

import msgspec

from cem.importing.document import Node, read_document
from cem.importing.event_map import Condition, parse_condition, parse_csv
from cem.importing.table import CsvOptions
from cem.importing.times import TimeSpec, parse_time_spec
from cem.importing.values import ValueSpec, parse_value

__all__ = ["TextMap", "read_text_map"]

_ENTRIES: Final = ("text", "label", "channel", "language", "time", "holdout", "where", "fields", "csv")
_VALUE: Final = ("column", "columns", "constant", "default", "values", "null", "strip_suffix")


class TextMap(msgspec.Struct, frozen=True):
    """A map that is right in itself; whether the file has its columns is found out with the file."""

    text: ValueSpec
    #: None: the texts have no labels, or none that are asked for.
    label: ValueSpec | None
    #: Lowest and highest answer, where the label is a number.
    scale: tuple[int, int] | None = None
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


def read_text_map(document: str, name: str, *, labelled: bool = True, scaled: bool = False) -> TextMap:
    """Return the map; `name` stands for the file in messages. Raises MapError.

    labelled: whether it must say where the label is. scaled: whether the label is a number and has a `scale`.
    """
    root = read_document(document, name)
    entries = root.mapping(_ENTRIES, called="entry")
    text = parse_value(root.required("text"), options=_VALUE)
    label = scale = None
    if labelled:
        node = root.required("label")
        if scaled:
            scale = _scale(node.mapping((*_VALUE, "scale")).get("scale"))
        options = {key: each for key, each in node.mapping().items() if key != "scale"}
        label = parse_value(Node(dict(options), node.place, node.path), options=_VALUE)
    return TextMap(
        text=text,
        label=label,
        scale=scale,
        channel=_value(entries.get("channel")),
        language=_value(entries.get("language")),
        time=parse_time_spec(entries["time"]) if "time" in entries else None,
        holdout=parse_condition(entries["holdout"]) if "holdout" in entries else None,
        where=parse_condition(entries["where"]) if "where" in entries else None,
        fields={
            field: parse_value(each, options=_VALUE)
            for field, each in (entries["fields"].mapping() if "fields" in entries else {}).items()
        },
        csv=parse_csv(entries["csv"]) if "csv" in entries else CsvOptions(),
    )


def _value(node: Node | None) -> ValueSpec | None:
    return None if node is None else parse_value(node, options=_VALUE)


def _scale(node: Node | None) -> tuple[int, int]:
    if node is None:
        return (1, 5)
    if not isinstance(node.value, list) or len(node.value) != 2:
        raise node.error("takes the lowest and the highest answer, such as [1, 5]")
    low, high = (each.integer(-1000, 1000) for each in node.value)
    if low >= high:
        raise node.error("the lowest answer comes first")
    return low, high
