"""`cem models`: how good each model is at this moment, and what people may do about it."""

from __future__ import annotations

import click

from cem.cli.models.command_log import pin, rollback
from cem.cli.models.history import history
from cem.cli.models.overview import overview

__all__ = ["command"]


@click.group("models", invoke_without_command=True, short_help="Show how good the models are.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show how good the models are: each example is predicted before it is learnt.

    Figures are over the last 2,000 examples, as of the model's last publication.
    """
    if ctx.invoked_subcommand is None:
        overview(ctx, as_json)


command.add_command(history)
command.add_command(pin)
command.add_command(rollback)
