"""`cem models pin` and `rollback`: what people want of a model is a record of its log, so a second pass does the same."""

from __future__ import annotations

import asyncio
import getpass
import secrets

import click

from cem.cli.connection import settings_from
from cem.cli.errors import USAGE, Failure
from cem.cli.models.cards import cards_of, check_name
from cem.cli.output import note
from cem.learning.pupil import COMMAND_TYPE, Command, encode_command
from cem.ports import Emission
from cem.settings import Settings
from cem.streams.topics import examples_topic

__all__ = ["pin", "rollback"]


@click.command("pin")
@click.argument("model")
@click.argument("recipe", required=False)
@click.option("--off", is_flag=True, help="Let quality decide again.")
@click.option("--why", default="", help="A reason, for the model's history.")
@click.pass_context
def pin(ctx: click.Context, model: str, recipe: str | None, off: bool, why: str) -> None:
    """Let RECIPE speak for MODEL, however good the others are."""
    if off == (recipe is not None):
        raise Failure("name a recipe, or --off", USAGE)
    settings = settings_from(ctx)
    card = asyncio.run(cards_of(settings, (check_name(model),)))[model]
    known = () if card is None else tuple(row.recipe for row in card.recipes)
    if recipe is not None and known and recipe not in known:
        raise Failure(f"{model} has no recipe {recipe!r}; it has {', '.join(known)}", USAGE)
    asyncio.run(_send(settings, model, Command(pin=recipe or "", by=getpass.getuser(), why=why)))
    click.echo(
        f"{model}: {'the pin comes off' if off else f'{recipe} is pinned'} as soon as the learner reads it"
    )


# Version -1, nothing learnt, is an argument and no option.
@click.command("rollback", context_settings={"ignore_unknown_options": True})
@click.argument("model")
@click.argument("version", type=click.IntRange(min=-1))
@click.option("--why", default="", help="A reason, for the model's history.")
@click.pass_context
def rollback(ctx: click.Context, model: str, version: int, why: str) -> None:
    """Take MODEL back to VERSION: what it has learnt since is forgotten, what comes is learnt.

    A pin that was set since goes, too. VERSION -1 is the model that has learnt nothing.
    """
    settings = settings_from(ctx)
    card = asyncio.run(cards_of(settings, (check_name(model),)))[model]
    if card is None or version >= card.version:
        now = "nothing learnt" if card is None else f"version {card.version}"
        raise Failure(f"{model} has {now}: it cannot go back to {version}", USAGE)
    asyncio.run(_send(settings, model, Command(rollback=version, by=getpass.getuser(), why=why)))
    click.echo(f"{model}: back to version {version} as soon as the learner reads it")
    if card.pinned:
        note(f"if {card.champion} was pinned after version {version}, the pin goes with it: pin it again")


async def _send(settings: Settings, model: str, command: Command) -> None:
    from cem.bootstrap import open_parts

    headers = (("ce_type", COMMAND_TYPE.encode()), ("ce_id", secrets.token_hex(8).encode()))
    record = Emission(examples_topic(model), None, encode_command(command), headers, 0)
    async with open_parts(settings) as parts:
        await parts.publisher.publish([record])
