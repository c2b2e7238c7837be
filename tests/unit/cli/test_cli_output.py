"""What commands print."""

from __future__ import annotations

import json

import pytest

from cem.cli.output import print_json, print_table


def test_json_in_a_pipe_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A script reads one document a line."""
    print_json({"a": [1, None], "b": "é"})
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"a": [1, None], "b": "é"}


def test_a_table_in_a_pipe_is_plain_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """No colours, no cut cells, no trailing blanks; unknown is not zero; brackets are text."""
    print_table(("topic", "lag", "note"), [("x" * 300, 1234567, "[red]"), ("cem.calls", None, True)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].split() == ["x" * 300, "1,234,567", "[red]"]
    assert lines[2].split() == ["cem.calls", "-", "yes"]
    assert not any("\x1b" in line or line.endswith(" ") for line in lines)
