"""`cem voice`: why customers get in touch, what fails, how satisfied they are; which reasons emerge."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from cem.cli.connection import settings_from
from cem.cli.output import json_option, note, print_json, print_table
from cem.settings import Settings

if TYPE_CHECKING:
    from cem.voice import Group, Report

__all__ = ["command"]


@click.command("voice")
@click.option(
    "--by",
    type=click.Choice(["reason", "area", "product", "segment"]),
    default="reason",
    help="One row for each.",
)
@click.option("--days", type=click.Choice(["1", "7"]), default="1", help="The last 24 hours, or seven days.")
@json_option
@click.pass_context
def command(ctx: click.Context, by: str, days: str, as_json: bool) -> None:
    """Show why customers get in touch, what fails and how satisfied they are, by reason, area, product or segment.

    A reason that emerges (more contacts in 24 hours than its own four weeks before explain) is named below the table.
    """
    found = asyncio.run(_report(settings_from(ctx), by, int(days)))
    if as_json:
        print_json(found)
        return
    if by == "reason":
        print_table(["reason", "contacts"], [(g.name, g.contacts) for g in (found.all, *found.groups)])
    else:
        print_table(
            [by, "contacts", "unresolved", "repeats", "faults", "csat", "answers", "most about"],
            [_row(group) for group in (found.all, *found.groups)],
        )
    for reason in found.emerging:
        note(
            f"emerging: {reason.reason}: {reason.contacts_24h} contacts in 24 hours, usually {reason.usual:g} a day "
            f"(chance {reason.chance:.2g})"
        )


def _row(group: Group) -> list[object]:
    about = ", ".join(f"{reason} {count}" for reason, count in group.reasons.items())
    csat = None if group.csat is None else group.csat
    return [
        group.name,
        group.contacts,
        group.unresolved,
        group.repeats,
        group.faults,
        csat,
        group.rated,
        about,
    ]


async def _report(settings: Settings, by: str, days: int) -> Report:
    from cem.bootstrap import open_parts
    from cem.domain.state.lane import LaneState
    from cem.voice import VOICE, report

    async with open_parts(settings) as parts:
        states = await parts.store.own_states()
        headers = await parts.store.headers()
    voices = [LaneState.decode(data).look(VOICE) for data in states if data]
    now_ms = max((header.lane_time_ms for header in headers.values()), default=0)
    return report(voices, by, days, now_ms)
