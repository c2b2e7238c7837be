"""`cem webhooks resend`, `recover`: sending again what was sent, or was not."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
import msgspec

from cem.cli.connection import settings_from
from cem.cli.deciding import SOURCE, by
from cem.cli.errors import FAILED, USAGE, Failure
from cem.cli.instant import instant
from cem.cli.output import note
from cem.cli.webhooks.common import find, opened
from cem.settings import Settings

if TYPE_CHECKING:
    from cem.ports import Log

__all__ = ["recover", "resend"]

_PLACE = re.compile(r"[0-9]{1,4}/[0-9]{1,18}").fullmatch


@click.command("resend")
@click.argument("name")
@click.argument("place")
@click.pass_context
def resend(ctx: click.Context, name: str, place: str) -> None:
    """Send the alert at PLACE (partition/offset, as attempts shows it) to the end point NAME again, under its id."""
    if _PLACE(place) is None:
        raise Failure(f"{place!r} is no place; it is partition/offset, as in 3/1289", USAGE)
    asyncio.run(_replay(settings_from(ctx), name, place, None, None))
    note(f"{place} is sent to {name} again")


@click.command("recover")
@click.argument("name")
@click.option(
    "--since",
    help="An instant of the wall clock, as in 2026-03-01T10:00:00Z: send again what was said from then on.",
)
@click.option("--until", help="And before this one.  [default: now]")
@click.pass_context
def recover(ctx: click.Context, name: str, since: str | None, until: str | None) -> None:
    """Turn the end point NAME on again; with --since, send again all alerts of that time, also those that expired.

    They come in their order and under their ids, so a receiver drops those that it has.
    """
    first = None if since is None else instant("--since", since)
    stop = None if until is None else instant("--until", until)
    if first is None and stop is not None:
        raise Failure("--until needs --since", USAGE)
    if first is not None and first > datetime.now(UTC):
        raise Failure(f"--since {since} is still to come: there is nothing to send again", USAGE)
    if first is not None and stop is not None and stop <= first:
        raise Failure(f"--until {until} is not after --since {since}: nothing lies between", USAGE)
    asyncio.run(_replay(settings_from(ctx), name, None, first, stop))
    note(f"{name} is on" + (f", and gets what was said since {since} again" if since else ""))


async def _require_in_log(log: Log, lanes: int, place: str) -> None:
    """Return if the log has the alert at `place`. Raises Failure."""
    from cem.streams.topics import ALERTS

    partition, offset = (int(part) for part in place.split("/"))
    if partition >= lanes:
        raise Failure(f"{place}: {ALERTS} has the partitions 0 to {lanes - 1}", USAGE)
    first, end = (await log.bounds(partition, [ALERTS]))[ALERTS]
    if not first <= offset < end:
        held = f"holds offsets {first} to {end - 1}" if end > first else "holds nothing"
        raise Failure(f"{place}: partition {partition} of {ALERTS} {held} now", FAILED)


async def _replay(
    settings: Settings, name: str, place: str | None, since: datetime | None, until: datetime | None
) -> None:
    from cem.bootstrap.objects import set_object
    from cem.domain.events import ControlWebhookReplayed

    async with opened(settings) as (parts, service):
        record = find(service, name).record
        if place is not None:
            await _require_in_log(parts.log, settings.partitions, place)
        if place is not None or since is not None:
            replay = ControlWebhookReplayed(webhook_id=name, by=by(), place=place, since=since, until=until)
            await set_object(parts.publisher, replay, source=SOURCE)
        if not record.enabled and place is None:
            on = msgspec.structs.replace(record, enabled=True, reason=None)
            await set_object(parts.publisher, on, source=SOURCE)
