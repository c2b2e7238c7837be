from __future__ import annotations

import builtins
import datetime as dt
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from cem.importing import json_rows
from cem.importing.open_table import open_table
from cem.importing.table import FileError, Source
from tests.builders.importing import rows_of

VALUES = '{"n": 1.50, "b": true, "none": null, "t": "x", "l": [1, {"a": 2}], "big": 12345678901}'


def test_json_values_become_texts(tmp_path: Path) -> None:
    """Numbers, truths, nulls and nested values are what a CSV file would have; missing names are blank."""
    path = tmp_path / "d.jsonl"
    path.write_text(VALUES + '\n\n{"n": 7}\n', "utf-8")
    rows = rows_of(path)
    assert rows[0].cells == ["1.5", "true", "", "x", '[1,{"a":2}]', "12345678901"]
    assert (rows[1].number, rows[1].line, rows[1].cells) == (2, 3, ["7", "", "", "", "", ""])


def test_a_bad_line_is_a_fault_and_the_rest_goes_on(tmp_path: Path) -> None:
    """No JSON, no object, foreign bytes: each concerns its own line."""
    path = tmp_path / "d.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": \n[1]\n{"a": NaN}\n{"a": "\xff"}\n{"a": "\\ud800"}\n{"a": 2}\n')
    rows = rows_of(path)
    codes = [row.fault.code if row.fault else None for row in rows]
    assert codes == [None, "not_json", "not_object", "not_json", "bad_text", "not_json", None]


def test_columns_are_those_of_the_first_thousand(tmp_path: Path) -> None:
    """A name that first stands in a later row of the first thousand is a column for all of them."""
    path = tmp_path / "d.jsonl.gz"
    lines = ['{"a": 1}'] * 500 + ['{"a": 1, "b": 2}'] + ['{"c": 3}'] * 600
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    source = Source(path)
    table = open_table(source)
    assert table.columns == ("a", "b", "c")
    assert len(list(table)) == 1101
    source.close()


items = st.lists(
    st.dictionaries(
        st.text(max_size=5), st.integers() | st.text(max_size=30) | st.booleans() | st.none(), max_size=3
    ),
    max_size=12,
)


@given(items, st.integers(1, 9), st.booleans())
def test_arrays_are_streamed(tmp_path_factory: Any, objects: list[Any], chunk: int, indented: bool) -> None:
    """However the array is laid out and however small the pieces read, its objects come out in order."""
    path = tmp_path_factory.mktemp("arrays") / "d.json"
    path.write_text(json.dumps(objects, indent=2 if indented else None), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_rows, "_CHUNK", chunk)
        rows = rows_of(path)
    assert len(rows) == len(objects)
    assert all(row.fault is None for row in rows)
    names = {name for each in objects for name in each}
    assert all(len(row.cells) == len(names) for row in rows)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"a": 1}', "is no JSON array"),
        ('[{"a": 1}', "not closed"),
        ('[{"a": 1}, {"a": ', "element 2 is no JSON"),
        ('[{"a": 1} nonsense]', "element 2 is no JSON"),
        ("", "is no JSON array"),
    ],
)
def test_a_broken_array_ends_with_a_sentence(tmp_path: Path, content: str, said: str) -> None:
    """Where an array is no JSON there is no telling where the next object begins: the reading ends, and says so."""
    path = tmp_path / "d.json"
    path.write_text(content)
    with pytest.raises(FileError, match=said):
        rows_of(path)


def test_an_array_element_that_is_no_object_is_a_fault(tmp_path: Path) -> None:
    """Numbers and texts between the objects concern themselves alone."""
    path = tmp_path / "d.json"
    path.write_text('[1, {"a": 2}, "x"]')
    assert [row.fault.code if row.fault else None for row in rows_of(path)] == [
        "not_object",
        None,
        "not_object",
    ]


def parquet_bytes() -> pa.Table:
    return pa.table(
        {
            "n": pa.array([1, None], pa.int64()),
            "f": pa.array([1.5, float("nan")]),
            "s": ["x", ""],
            "when": [dt.datetime.fromisoformat("2026-03-01T10:30"), None],
            "day": [dt.date(2026, 3, 1), None],
            "money": [Decimal("12.50"), None],
            "yes": [True, None],
        }
    )


@pytest.mark.parametrize("packed", [False, True])
def test_parquet_rows(tmp_path: Path, packed: bool) -> None:
    """Typed columns become texts, nulls and NaN blanks; packed with gzip as well."""
    path = tmp_path / "d.parquet"
    parquet.write_table(parquet_bytes(), path)
    if packed:
        path = path.rename(tmp_path / "plain")
        packed_path = tmp_path / "d.parquet.gz"
        packed_path.write_bytes(gzip.compress(path.read_bytes()))
        path = packed_path
    rows = rows_of(path)
    assert rows[0].cells == ["1", "1.5", "x", "2026-03-01T10:30:00", "2026-03-01", "12.50", "true"]
    assert rows[1].cells == [""] * 7


def test_no_parquet_and_no_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is none says so; a machine without pyarrow is told what to install."""
    path = tmp_path / "d.parquet"
    path.write_bytes(b"no parquet at all")
    with pytest.raises(FileError, match="is no Parquet file"):
        rows_of(path)
    real_import = builtins.__import__

    def without_pyarrow(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "pyarrow":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pyarrow)
    with pytest.raises(FileError, match=r"pip install 'cem\[parquet\]'"):
        rows_of(path)
