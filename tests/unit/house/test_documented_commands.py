"""What the documents tell people to type works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from cem.cli import COMMANDS, cli
from tests.builders.source_code import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def typed_commands(page: Path) -> list[str]:
    """Return the `cem` commands of the page: lines of shell blocks, and whole code spans in the text."""
    text = page.read_text()
    lines = [line for block in FENCE.findall(text) for line in block.splitlines()]
    spans = re.findall(r"`(cem [a-z][^`]*)`", FENCE.sub("", text))
    return [line.strip() for line in [*lines, *spans] if line.strip().startswith("cem ")]


CASES = [(page, line) for page in PAGES for line in typed_commands(page)]


@pytest.mark.parametrize(("page", "line"), CASES, ids=[f"{p.name}: {line}" for p, line in CASES])
def test_a_documented_command_is_one(page: Path, line: str) -> None:
    """Each command is there, with the subcommand and the options that the page gives it."""
    words = shlex.split(line, comments=True)[1:]
    current: click.Command = cli
    context = click.Context(cli, info_name="cem")
    while words and isinstance(current, click.Group) and not words[0].startswith("-"):
        found = current.get_command(context, words[0])
        assert found is not None, f"no {words[0]!r} in {context.command_path}"
        current, context = found, click.Context(found, info_name=words.pop(0), parent=context)
    known = {
        name for parameter in current.params for name in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help"}
    assert [word for word in words if word.startswith("--") and word.split("=")[0] not in known] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_of_the_table_has_help(name: str) -> None:
    """Each name in the table of commands is a command, and says what it does."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help
