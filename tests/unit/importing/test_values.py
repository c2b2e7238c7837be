from __future__ import annotations

import pytest

from cem.importing.document import MapError, read_document
from cem.importing.table import column_finder
from cem.importing.values import parse_value, value_reader

COLUMNS = ("plain", "class", "given", "family")


def value_of(entry: str, *cells: str) -> str | None:
    spec = parse_value(read_document(f"v: {entry}\n", "m.yaml").mapping()["v"])
    padded = [*cells, *[""] * (len(COLUMNS) - len(cells))]
    return value_reader(spec, column_finder(COLUMNS, "data.csv"))(padded)


@pytest.mark.parametrize(
    ("entry", "cells", "value"),
    [
        ("{column: plain}", ["  x y "], "x y"),
        ("{column: plain}", ["   "], None),
        ("{column: plain, default: '0'}", [""], "0"),
        ("{constant: 1}", [], "1"),
        ("7", [], "7"),
        ("{column: plain, null: ['0.0', NA]}", ["0.0"], None),
        ("{column: plain, null: ['0.0'], strip_suffix: '.0'}", ["10.0"], "10"),
        ("{column: plain, null: ['0'], strip_suffix: '.0'}", ["0.0"], None),
        ("{column: plain, null: NA, default: x}", ["NA"], "x"),
        ("{column: class, values: {prem: premium, '*': onnet}}", ["", "prem"], "premium"),
        ("{column: class, values: {prem: premium, '*': onnet}}", ["", "else"], "onnet"),
        ("{column: class, values: {prem: premium, '*': onnet}}", ["", ""], None),
        ("{column: class, values: {prem: premium}}", ["", "else"], "else"),
        ("{column: class, values: {prem: null}, default: d}", ["", "prem"], "d"),
        ("{column: class, values: {Yes: true, No: false}}", ["", "Yes"], "true"),
        ("{columns: [given, family]}", ["", "", "Ann", "Lee"], "Ann Lee"),
        ("{columns: [given, family]}", ["", "", "", "Lee"], "Lee"),
        ("{columns: [given, family]}", [], None),
    ],
)
def test_options_in_their_order(entry: str, cells: list[str], value: str | None) -> None:
    """Blanks, nulls, suffix, translation and default come in the order that the module states."""
    assert value_of(entry, *cells) == value


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{default: 1}", "takes one of 'column' or 'columns' or 'constant'"),
        ("{column: plain, constant: 1}", "not column and constant"),
        ("{column: plan}", "has no column 'plan'. Did you mean 'plain'"),
        ("{column: plain, decimals: 9}", "whole number from 0 to 6"),
        ("{column: plain, value: {a: b}}", "Did you mean 'values'"),
        ("[a]", "takes a mapping"),
        ("null", "takes a mapping"),
    ],
)
def test_a_wrong_value_entry_is_refused(entry: str, said: str) -> None:
    """A value that names an unknown option or column is refused with the nearest name and the line."""
    with pytest.raises(MapError, match=said) as caught:
        value_of(entry)
    assert "m.yaml:1" in str(caught.value)
