"""`cem models history`: which recipe spoke when and why, and to which versions one can go back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import click

from cem.cli.connection import settings_from
from cem.cli.models.cards import cards_of, check_name
from cem.cli.output import json_option, note, print_json, print_table

__all__ = ["history"]


@click.command("history")
@click.argument("model")
@json_option
@click.pass_context
def history(ctx: click.Context, model: str, as_json: bool) -> None:
    """Show what changed of MODEL and why, how its recipes do, and which snapshots are kept."""
    card = asyncio.run(cards_of(settings_from(ctx), (check_name(model),)))[model]
    if as_json:
        print_json(
            {
                "model": model,
                "version": None if card is None else card.version,
                "changes": [
                    {"examples": examples, "version": version, "champion": champion, "why": why}
                    for examples, version, champion, why in (() if card is None else card.changes)
                ],
                "recipes": () if card is None else card.recipes,
                "kept": () if card is None else card.kept,
            }
        )
        return
    if card is None:
        note(f"{model} has learnt nothing yet")
        return
    print_table(
        ("recipe", "loss", "examples"), [(r.recipe, f"{r.loss:.4f}", r.examples) for r in card.recipes]
    )
    if card.changes:
        print_table(
            ("version", "examples", "champion", "why"),
            [(f"{version}", examples, champion, why) for examples, version, champion, why in card.changes],
        )
    if card.kept:
        rows = [
            (f"{kept.version}", datetime.fromtimestamp(kept.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC"))
            for kept in card.kept
        ]
        print_table(("kept version", "at"), rows)
