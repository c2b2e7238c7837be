"""Habits that every file keeps."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.builders.source_code import ROOT, python_files

PLACES = ("src", "tests", "docs", "scripts", "bench", "deploy", "examples", "policies", "schemas", ".ci")
TEXTS = sorted(
    path
    for place in PLACES
    for path in (ROOT / place).rglob("*")
    if path.suffix
    in {".py", ".md", ".toml", ".yaml", ".yml", ".lua", ".json", ".xml", ".html", ".js", ".css", ""}
    and path.is_file()
    and "__pycache__" not in path.parts
) + sorted([*ROOT.glob("*.md"), *ROOT.glob("*.toml"), *ROOT.glob("*.yml"), ROOT / "Makefile"])
TESTS = [path for path in python_files("tests") if path.name.startswith("test_")]

#: Spelt in pieces, so that this file passes its own test.
UNFINISHED = re.compile(
    r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error"]) + r")\b"
)
MACHINE = re.compile(r"(?<![\w.])/(" + "|".join(["work", "home/[a-z]+", "root"]) + r")/")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TEXTS, ids=relative)
def test_nothing_is_left_for_later_and_no_machine_is_named(path: Path) -> None:
    """What is committed is finished, and works on another machine than its author's."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if UNFINISHED.search(line) or MACHINE.search(line)] == []


@pytest.mark.parametrize("path", TESTS, ids=relative)
def test_each_test_states_the_behaviour(path: Path) -> None:
    """A test's docstring says in a sentence what holds; its name alone would not."""
    silent = [
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


@pytest.mark.parametrize("path", python_files("src/cem"), ids=relative)
def test_each_module_says_what_it_is_for(path: Path) -> None:
    """A module with code begins with a sentence about it."""
    tree = ast.parse(path.read_text())
    assert not tree.body or ast.get_docstring(tree)


def test_test_files_have_names_of_their_own() -> None:
    """A failing `test_x.py` can be found by its name alone."""
    names = [path.name for path in TESTS]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []
