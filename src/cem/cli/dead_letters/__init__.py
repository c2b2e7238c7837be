"""`cem dead-letters`: the records that could not be used - see why, mend them, send them again."""

from __future__ import annotations

import click

from cem.cli.dead_letters.list_ import list_
from cem.cli.dead_letters.resend import resend
from cem.cli.dead_letters.resume import resume
from cem.cli.dead_letters.show import show

__all__ = ["command"]


@click.group("dead-letters")
def command() -> None:
    """List, show and resend records that could not be used.

    A dead letter has the record's own bytes, where it came from, and a sentence that says why. It stays where it
    is when it is sent again; it goes when the log's retention takes it.
    """


command.add_command(list_)
command.add_command(show)
command.add_command(resend)
command.add_command(resume)
