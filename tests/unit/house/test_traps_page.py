"""The page of traps: every row has a test, and every test that it names is there."""

from __future__ import annotations

import re

import pytest

from tests.builders.source_code import ROOT

ROWS = [line for line in (ROOT / "docs/traps.md").read_text().splitlines() if line.startswith("| ")]
TRAPS = [row for row in ROWS if re.match(r"\| \d+ \|", row)]
DEFINED = {
    name
    for path in (ROOT / "tests").rglob("*.py")
    for name in re.findall(r"^\s*(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
}


def test_the_traps_are_numbered() -> None:
    """Rows are numbered from 1 on without a gap, so that tests can carry the number."""
    assert [int(row.split("|")[1]) for row in TRAPS] == list(range(1, len(TRAPS) + 1))


@pytest.mark.parametrize("row", [row for row in ROWS if "`" in row], ids=lambda row: row[2:30])
def test_every_row_has_its_tests(row: str) -> None:
    """Each row names at least one test, and each test that it names is defined somewhere."""
    named = re.findall(r"`(test_\w+)`", row)
    assert named
    assert [name for name in named if name not in DEFINED] == []


def test_numbered_tests_stand_on_the_page() -> None:
    """A test that carries a trap's number is named in that trap's row."""
    for name in sorted(DEFINED):
        if found := re.match(r"test_trap_(\d\d)_", name):
            assert int(found[1]) <= len(TRAPS), name
