"""A map's way to one value of a row: a column (or several) or a constant, and what is done to the text. Pure.

The order is fixed: the cell's text without blanks around it; `null` texts and blanks are no value; `strip_suffix`
is taken off (and what is then a `null` text is none either); `values` translate, `"*"` what no other entry names;
no value becomes `default`. Numbers and dates stay texts here: `conversion` knows what an event's field takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from cem.importing.document import Node

__all__ = ["TEXT_OPTIONS", "VALUE_OPTIONS", "Columns", "ValueSpec", "parse_value", "value_reader"]

#: Of what stays a text.
TEXT_OPTIONS: Final = ("column", "columns", "constant", "default", "values", "null", "strip_suffix")
VALUE_OPTIONS: Final = (*TEXT_OPTIONS, "decimals")
_MAX_DECIMALS: Final = 6

#: Answers with the position of a column, or raises MapError with the nearest name.
Columns = Callable[[str, str], int]


class ValueSpec(msgspec.Struct, frozen=True):
    """Where a value comes from. Either `columns` (joined by a space) or `constant`."""

    columns: tuple[str, ...] = ()
    constant: str | None = None
    default: str | None = None
    #: Text to text; None: no value. "*" stands for every text that is not named.
    values: dict[str, str | None] = {}
    #: Digits after the point that an amount's minor units have; None: the text is a whole number already.
    decimals: int | None = None
    nulls: tuple[str, ...] = ()
    strip_suffix: str = ""
    place: str = ""

    @property
    def source(self) -> str:
        """The column's name for messages; "" for a constant."""
        return ", ".join(self.columns)


def parse_value(node: Node, *, options: Sequence[str] = VALUE_OPTIONS) -> ValueSpec:
    """Return the value's entry: a mapping, or a plain text, which is a constant. Raises MapError."""
    if isinstance(node.value, str):
        return ValueSpec(constant=node.value, place=node.place)
    entries = node.mapping(options)
    given = [name for name in ("column", "columns", "constant") if name in entries]
    if len(given) != 1:
        allowed = " or ".join(repr(name) for name in ("column", "columns", "constant") if name in options)
        raise node.error(f"takes one of {allowed}" + (f", not {' and '.join(given)}" if given else ""))
    columns: tuple[str, ...] = ()
    constant: str | None = None
    if given[0] == "constant":
        constant = entries["constant"].text()
    else:
        columns = entries[given[0]].texts() if given[0] == "columns" else (entries["column"].text(),)
        if not columns:
            raise entries["columns"].error("names no column")
    return ValueSpec(
        columns=columns,
        constant=constant,
        default=entries["default"].text() if "default" in entries else None,
        values=_values(entries["values"]) if "values" in entries else {},
        decimals=entries["decimals"].integer(0, _MAX_DECIMALS) if "decimals" in entries else None,
        nulls=entries["null"].texts() if "null" in entries else (),
        strip_suffix=entries["strip_suffix"].text() if "strip_suffix" in entries else "",
        place=node.place,
    )


def value_reader(spec: ValueSpec, columns: Columns) -> Callable[[Sequence[str]], str | None]:
    """Return the function from a row's cells to the value's text, None if it has none. Raises MapError now."""
    if spec.constant is not None:
        constant = spec.constant
        return lambda cells: constant
    at = [columns(name, spec.place) for name in spec.columns]
    if len(at) == 1:
        only = at[0]
        if not (spec.nulls or spec.strip_suffix or spec.values):
            default = spec.default
            return lambda cells: cells[only].strip() or default
        return lambda cells: _treated(cells[only].strip(), spec)
    return lambda cells: _treated(" ".join(part for i in at if (part := cells[i].strip())), spec)


def _treated(text: str, spec: ValueSpec) -> str | None:
    if not text or text in spec.nulls:
        return spec.default
    if spec.strip_suffix and text.endswith(spec.strip_suffix):
        text = text.removesuffix(spec.strip_suffix)
        if not text or text in spec.nulls:
            return spec.default
    if spec.values:
        found = spec.values[text] if text in spec.values else spec.values.get("*", text)
        return spec.default if found is None else found
    return text


def _values(node: Node) -> dict[str, str | None]:
    return {key: None if entry.value is None else entry.text() for key, entry in node.mapping().items()}
