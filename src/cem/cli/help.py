"""`cem help`: a command's help, or a topic that concerns all commands."""

from __future__ import annotations

import click

from cem.cli.connection import CONNECTION_VARIABLES
from cem.cli.errors import EXIT_CODES, USAGE, Failure
from cem.cli.output import print_table
from cem.settings import Settings

__all__ = ["command"]

TOPICS = {
    "environment": "the variables that set everything",
    "exit-codes": "what a command's exit code means",
}


@click.command("help")
@click.argument("words", nargs=-1, metavar="[TOPIC | COMMAND...]")
@click.pass_context
def command(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of a command, or of a topic: environment, exit-codes."""
    if words == ("exit-codes",):
        _exit_codes()
    elif words == ("environment",):
        _environment()
    else:
        _command_help(ctx, words)


def _exit_codes() -> None:
    print_table(("code", "meaning"), [(str(code), meaning) for code, meaning in EXIT_CODES.items()])


def _environment() -> None:
    click.echo(
        "Every setting is a variable. A flag of a command wins over its variable, a variable over what a running\n"
        "cem up has written into run.json of its state directory, and that over the default. When one of\n"
        f"{', '.join(CONNECTION_VARIABLES)} is set, run.json is not looked at.\n"
        "\n"
        "Every flag has a variable too: CEM_<COMMAND>_<FLAG>, such as CEM_UP_RATE for cem up --rate.\n"
        "NO_COLOR switches colours off; CEM_DEBUG=1 shows where an unexpected error came from.\n"
    )
    rows = [
        (
            f"CEM_{name.upper()}",
            "" if field.default in (None, "") else str(field.default),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]
    print_table(("variable", "default", "meaning"), rows)


def _command_help(ctx: click.Context, words: tuple[str, ...]) -> None:
    root = ctx.find_root()
    current: click.Command = root.command
    where = root
    for word in words:
        found = current.get_command(where, word) if isinstance(current, click.Group) else None
        if found is None:
            raise Failure(f"no help on {' '.join(words)!r}: cem help lists commands and topics", USAGE)
        where = click.Context(found, info_name=word, parent=where)
        current = found
    click.echo(current.get_help(where))
    if not words:
        click.echo("\nTopics (cem help TOPIC):")
        for name, summary in TOPICS.items():
            click.echo(f"  {name:<14}{summary}")
