"""`cem dead-letters list`: how many of which reason, and which."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import click

from cem.cli.connection import settings_from
from cem.cli.dead_letters.reading import (
    Filters,
    Matching,
    filter_options,
    key_text,
    masked,
    matching,
    moment,
    opened_log,
)
from cem.cli.dead_letters.receipts import RECEIPTS, SentAgain, read_receipts, sent_again
from cem.cli.output import json_option, note, print_json, print_table
from cem.settings import Settings
from cem.streams.dead_letters import DeadLetter

__all__ = ["list_"]


@click.command("list")
@filter_options
@click.option(
    "--limit", type=click.IntRange(min=0), default=20, help="Show so many of the newest; 0: only the counts."
)
@click.option("--unmasked", is_flag=True, help="Show customers and lines in full.")
@json_option
@click.pass_context
def list_(
    ctx: click.Context,
    reason: str | None,
    topic: str | None,
    customer: str | None,
    limit: int,
    unmasked: bool,
    as_json: bool,
) -> None:
    """Count dead letters by topic and reason, and list the newest of them."""
    filters = Filters(reason, topic, customer)
    found, again = asyncio.run(_read(settings_from(ctx), filters))
    letters = found.letters
    newest = letters[len(letters) - limit :] if limit < len(letters) else letters
    counts = _counts(letters)
    if as_json:
        print_json(
            {
                "total": len(letters),
                "reasons": counts,
                "letters": [_described(letter, again, unmasked) for letter in reversed(newest)],
            }
        )
        return
    if not letters:
        note(found.none_because(filters))
        return
    print_table(
        ("reason", "topic", "letters", "first", "last"),
        [(each["reason"], each["topic"], each["letters"], each["first"], each["last"]) for each in counts],
    )
    if newest:
        click.echo()
        rows = [_described(letter, again, unmasked) for letter in reversed(newest)]
        print_table(
            (
                "letter",
                "since",
                "topic[partition]@offset",
                "reason",
                "what is wrong",
                "customer",
                "sent again",
            ),
            [
                (
                    row["letter"],
                    row["stored"],
                    f"{row['topic']}[{row['partition']}]@{row['offset']}",
                    row["reason"],
                    f"{row['path']}: {row['detail']}" if row["path"] else row["detail"],
                    row["customer"],
                    str(again.get(str(row["letter"]), SentAgain())),
                )
                for row in rows
            ],
        )


async def _read(settings: Settings, filters: Filters) -> tuple[Matching, dict[str, SentAgain]]:
    async with opened_log(settings) as log:
        found = await matching(log, settings, filters)
        cluster_id = await log.cluster_id()
    return found, sent_again(read_receipts(settings.state_dir / RECEIPTS), cluster_id)


def _counts(letters: Sequence[DeadLetter]) -> list[dict[str, object]]:
    """Return one entry for each reason and topic, the most frequent first."""
    groups: dict[tuple[str, str], list[DeadLetter]] = {}
    for letter in letters:
        groups.setdefault((letter.code, letter.topic), []).append(letter)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        {
            "reason": code,
            "topic": topic,
            "letters": len(group),
            "first": moment(group[0].stored_ms),
            "last": moment(group[-1].stored_ms),
        }
        for (code, topic), group in ordered
    ]


def _described(letter: DeadLetter, again: Mapping[str, SentAgain], unmasked: bool) -> dict[str, object]:
    """Return the letter for a list. redrives: how often it had been sent again before it became this letter."""
    key = key_text(letter)
    sent = again.get(letter.name, SentAgain())
    return {
        "letter": letter.name,
        "stored": moment(letter.stored_ms),
        "topic": letter.topic,
        "partition": letter.source_partition,
        "offset": letter.source_offset,
        "reason": letter.code,
        "detail": letter.detail,
        "path": letter.path,
        "customer": key if unmasked else masked(key),
        "redrives": letter.redrives,
        "sent_again": sent.times,
        "sent_again_last": sent.last,
    }
