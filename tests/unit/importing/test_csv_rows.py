from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from cem.importing import table as limits
from cem.importing.document import MapError
from cem.importing.open_table import open_table
from cem.importing.table import CsvOptions, FileError, Row, Source, column_finder
from tests.builders.importing import rows_of


def written(tmp_path: Path, content: str | bytes, name: str = "data.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def opened(path: Path, options: CsvOptions | None = None) -> tuple[tuple[str, ...], list[Row]]:
    source = Source(path)
    try:
        table = open_table(source, options)
        return table.columns, list(table)
    finally:
        source.close()


def test_cells_come_as_they_are(tmp_path: Path) -> None:
    """Numbers stay texts, blanks blanks; a byte order mark and blank lines are no content; lines are counted."""
    columns, rows = opened(written(tmp_path, "﻿id , n\n001,1.50\n\n002,\n"))
    assert columns == ("id", "n")
    assert [(row.number, row.line, row.cells) for row in rows] == [
        (1, 2, ["001", "1.50"]),
        (2, 4, ["002", ""]),
    ]


def test_quoted_cells_hold_delimiters_and_line_ends(tmp_path: Path) -> None:
    """A quoted cell over several lines is one cell, and the next row knows its line of the file."""
    _, rows = opened(written(tmp_path, 'a,b\n"x, ""y""\nz",1\nn,2\n'))
    assert [(row.line, row.cells) for row in rows] == [(2, ['x, "y"\nz', "1"]), (4, ["n", "2"])]


def test_a_row_of_the_wrong_width_is_a_fault_and_the_rest_goes_on(tmp_path: Path) -> None:
    """Too few or too many cells concern that row alone; blank cells beyond the last column are forgiven."""
    _, rows = opened(written(tmp_path, "a,b\n1\n1,2,3\n1,2,,\n1,2\n"))
    assert [row.fault.code if row.fault else None for row in rows] == [
        "wrong_columns",
        "wrong_columns",
        None,
        None,
    ]
    assert rows[2].cells == ["1", "2"]


def test_what_is_too_large_is_refused_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A giant line, and a giant cell over many lines, are faults of their rows; what follows is read."""
    monkeypatch.setattr(limits, "MAX_ROW", 1000)
    monkeypatch.setattr("cem.importing.csv_rows.MAX_CELL", 500)
    giant_line = "x" * 5000 + ",1"
    giant_cell = '"' + "y" * 300 + "\n" + "y" * 300 + '",1'
    _, rows = opened(written(tmp_path, f"a,b\n{giant_line}\n{giant_cell}\n7,8\n"))
    assert [row.fault.code for row in rows if row.fault][:2] == ["too_large", "too_large"]
    assert rows[-1].cells == ["7", "8"]
    assert rows[-1].fault is None


def test_foreign_bytes_are_a_fault_of_their_row(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 spoil one row, not the file; the map can name another encoding."""
    path = written(tmp_path, b"a,b\ncaf\xe9,1\nok,2\n")
    _, rows = opened(path)
    assert rows[0].fault is not None
    assert rows[0].fault.code == "bad_text"
    assert rows[1].cells == ["ok", "2"]
    _, rows = opened(path, CsvOptions(encoding="latin-1"))
    assert rows[0].cells == ["café", "1"]


def test_delimiter_header_and_columns_of_the_map(tmp_path: Path) -> None:
    """Semicolons, files without a header, and names that replace the header's."""
    path = written(tmp_path, "x;y\n1;2\n")
    assert opened(path, CsvOptions(delimiter=";"))[0] == ("x", "y")
    columns, rows = opened(path, CsvOptions(delimiter=";", header=False, columns=("p", "q")))
    assert (columns, len(rows)) == (("p", "q"), 2)
    columns, rows = opened(path, CsvOptions(delimiter=";", columns=("p", "q")))
    assert (columns, len(rows)) == (("p", "q"), 1)
    with pytest.raises(MapError, match="3 names, but the header"):
        opened(path, CsvOptions(delimiter=";", columns=("p", "q", "r"), place="m.yaml:3"))
    with pytest.raises(MapError, match="'utf-9' is not known"):
        opened(path, CsvOptions(encoding="utf-9", place="m.yaml:3"))


def test_tabs_gzip_and_utf16(tmp_path: Path) -> None:
    """The suffix says tabs and gzip; a spreadsheet's UTF-16 is read when the map says so."""
    assert rows_of(written(tmp_path, "a\tb\n1\t2\n", "d.tsv"))[0].cells == ["1", "2"]
    packed = written(tmp_path, gzip.compress(b"a,b\n1,2\n"), "d.csv.gz")
    assert rows_of(packed)[0].cells == ["1", "2"]
    wide = written(tmp_path, "a,b\nß,2\n".encode("utf-16"))
    assert opened(wide, CsvOptions(encoding="utf-16"))[1][0].cells == ["ß", "2"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("d.csv", b"", "is empty"),
        ("d.csv.gz", b"no gzip", "is no gzip"),
        ("d.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 9999)[:60], "breaks off"),
        ("d.xlsx", b"PK", "ends in none of .csv"),
        ("data", b"a,b\n", "ends in none of .csv"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    """Empty, cut off and unknown files end in one sentence that names the file."""
    with pytest.raises(FileError, match=said) as caught:
        rows_of(written(tmp_path, content, name))
    assert name in str(caught.value)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    """A file that is not there is a FileError too."""
    with pytest.raises(FileError, match="No such file"):
        Source(tmp_path / "none.csv")


def test_a_column_is_found_or_the_nearest_is_named() -> None:
    """Unknown and doubled columns are refused with what helps."""
    find = column_finder(("sender", "recipient", "x", "x"), "data.csv")
    assert find("recipient", "m.yaml:1") == 1
    with pytest.raises(MapError, match=r"m\.yaml:4: data\.csv has no column 'Sendr'. Did you mean 'sender'"):
        find("Sendr", "m.yaml:4")
    with pytest.raises(MapError, match="has 2 columns named 'x'"):
        find("x", "m.yaml:4")
    with pytest.raises(MapError, match="delimiter right"):
        column_finder(("a;b;c",), "data.csv")("a", "m.yaml:4")
