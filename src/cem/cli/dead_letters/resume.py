"""`cem dead-letters resume`: let the workers read on where too many dead letters made them pause."""

from __future__ import annotations

import asyncio

import click

from cem.cli.connection import settings_from
from cem.cli.errors import FAILED, Failure
from cem.cli.output import json_option, print_json
from cem.settings import Settings

__all__ = ["resume"]

#: How long a worker has to notice (it looks every second).
_VALID_MS = 30_000


@click.command()
@click.argument("topic", required=False)
@click.option(
    "--lane", "lanes", type=int, multiple=True, help="Only these lanes (repeatable). Default: all paused."
)
@json_option
@click.pass_context
def resume(ctx: click.Context, topic: str | None, lanes: tuple[int, ...], as_json: bool) -> None:
    """Let paused partitions be read on; their counts of dead letters start anew.

    Without TOPIC, only lists what is paused. Mend the sender first: a sender that goes on as before pauses the
    partition again.
    """
    settings = settings_from(ctx)
    found = asyncio.run(_resume(settings, topic, lanes))
    if as_json:
        print_json({"paused": [{"topic": t, "lane": lane, "reason": why} for t, lane, why in found]})
        return
    if not found and topic is not None:
        raise Failure(f"nothing is paused in {topic}", FAILED)
    if not found:
        click.echo("nothing is paused")
    for name, lane, why in found:
        click.echo(f"{'resumed' if topic else 'paused'}  {name}[{lane}]: {why}")


async def _resume(
    settings: Settings, topic: str | None, lanes: tuple[int, ...]
) -> list[tuple[str, int, str]]:
    """Return what is paused (topic, lane, why); if a topic is named, let it be read on."""
    from cem.bootstrap import open_parts, resume_key
    from cem.streams.reject_window import DeadLetterLimits

    limits = DeadLetterLimits(settings.dead_letter_share, settings.dead_letter_run)
    async with open_parts(settings) as parts:
        headers = await parts.store.headers()
        found = [
            (name, lane, why)
            for lane, header in sorted(headers.items())
            for name, counts in sorted(header.rejects.items())
            if (why := limits.tripped(counts)) is not None
            and topic in (None, name)
            and (not lanes or lane in lanes)
        ]
        if topic is not None:
            for name, lane, _ in found:
                at = headers[lane].positions[name].next_offset
                await parts.store.set_raw(resume_key(name, lane), b"%d" % at, ttl_ms=_VALID_MS)
    return found
