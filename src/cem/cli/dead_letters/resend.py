"""`cem dead-letters resend`: put records back where they came from, mended or because the reason has gone."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import click
import msgspec

from cem.cli.connection import settings_from
from cem.cli.dead_letters.reading import Filters, filter_options, find, matching, opened_log
from cem.cli.dead_letters.receipts import RECEIPTS, read_receipts
from cem.cli.errors import DONE, REJECTS, USAGE, Failure
from cem.cli.output import json_option, note, print_json
from cem.settings import Settings
from cem.streams.connection import client_options
from cem.streams.producer import EventProducer
from cem.streams.redrive import Mend, Receipt, Redrive, plan_redrive, send_again
from cem.streams.topics import LANE_TOPICS

__all__ = ["resend"]

_SHOWN = 20


@click.command("resend")
@click.argument("letters", metavar="[PARTITION/OFFSET]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that the filters take, instead of named ones.")
@filter_options
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The mended value (of one letter).",
)
@click.option("--key", help="The mended key (of one letter).")
@click.option(
    "--header", "headers", metavar="NAME=VALUE", multiple=True, help="A mended header (of one letter)."
)
@click.option("--dry-run", is_flag=True, help="Say what would be sent; send nothing.")
@click.option(
    "--anyway", is_flag=True, help="Also what was sent before, came back too often, or would come back."
)
@json_option
@click.pass_context
def resend(
    ctx: click.Context,
    letters: tuple[str, ...],
    everything: bool,
    reason: str | None,
    topic: str | None,
    customer: str | None,
    file: Path | None,
    key: str | None,
    headers: tuple[str, ...],
    dry_run: bool,
    anyway: bool,
    as_json: bool,
) -> int:
    """Send records again to the topic they came from, under their own key and CloudEvents id.

    Name the letters, or say --all, best with a filter (--reason unknown_type after an upgrade). To mend one:
    `show PARTITION/OFFSET --value > record.json`, edit, `resend PARTITION/OFFSET --file record.json`. Each is tried
    first: what would be rejected again is held back (exit code 3). Receipts go to resent.jsonl in the state
    directory, and what has a receipt is not sent twice.
    """
    filters = Filters(reason, topic, customer)
    mend = _mend(letters, everything, filters, file, key, headers)
    settings = settings_from(ctx)
    if settings.log_level != "debug":
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    plan, receipts = asyncio.run(_resend(settings, letters, filters, mend, dry_run, anyway))
    held = [redrive for redrive in plan if redrive.held is not None]
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "selected": len(plan),
                "sent": receipts,
                "held": [{"letter": each.letter.name, "why": each.held} for each in held],
            }
        )
    else:
        _report(plan, held, receipts, dry_run)
    return REJECTS if held else DONE


def _mend(
    letters: Sequence[str],
    everything: bool,
    filters: Filters,
    file: Path | None,
    key: str | None,
    headers: Sequence[str],
) -> Mend | None:
    """Return what is mended, None for nothing. Raises Failure when it is not said what to send."""
    if everything == bool(letters):
        raise Failure("name letters (PARTITION/OFFSET), or say --all: nothing is sent by default", USAGE)
    if filters.named and not everything:
        raise Failure(
            "--reason, --topic and --customer choose among --all; named letters need no filter", USAGE
        )
    if file is None and key is None and not headers:
        return None
    if len(letters) != 1:
        raise Failure("--file, --key and --header mend one letter: name exactly one", USAGE)
    pairs: dict[str, bytes] = {}
    for header in headers:
        name, equals, value = header.partition("=")
        if not equals or not name:
            raise Failure(f"--header takes NAME=VALUE, not {header!r}", USAGE)
        pairs[name] = value.encode()
    return Mend(None if file is None else file.read_bytes(), None if key is None else key.encode(), pairs)


async def _resend(
    settings: Settings,
    names: Sequence[str],
    filters: Filters,
    mend: Mend | None,
    dry_run: bool,
    anyway: bool,
) -> tuple[list[Redrive], list[Receipt]]:
    async with opened_log(settings) as log:
        cluster_id = await log.cluster_id()
        if names:
            letters = [await find(log, settings, name) for name in dict.fromkeys(names)]
        else:
            found = await matching(log, settings, filters)
            letters = found.letters
            if not letters:
                note(found.none_because(filters))
    path = settings.state_dir / RECEIPTS
    sent_before = {r.letter for r in read_receipts(path) if r.cluster_id == cluster_id}
    plan = plan_redrive(letters, now_ms=_now_ms(), sent_before=sent_before, mend=mend, anyway=anyway)
    if dry_run or all(redrive.held is not None for redrive in plan):
        return plan, []
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        expected = dict.fromkeys(LANE_TOPICS, settings.partitions)
        async with EventProducer(client_options(settings), expected_partitions=expected) as producer:
            receipts = await send_again(
                producer,
                plan,
                cluster_id=cluster_id,
                mended=mend is not None,
                now_ms=_now_ms,
                on_receipt=lambda receipt: _keep(file, receipt),
            )
    return plan, receipts


def _keep(file: IO[bytes], receipt: Receipt) -> None:
    file.write(msgspec.json.encode(receipt) + b"\n")
    file.flush()


def _report(
    plan: Sequence[Redrive], held: Sequence[Redrive], receipts: Sequence[Receipt], dry_run: bool
) -> None:
    for receipt in receipts[:_SHOWN]:
        click.echo(f"{receipt.letter} -> {receipt.topic}[{receipt.partition}] at offset {receipt.offset}")
    if dry_run:
        for redrive in [each for each in plan if each.held is None][:_SHOWN]:
            click.echo(f"{redrive.letter.name} would go to {redrive.emission.topic}")
    for redrive in held[:_SHOWN]:
        note(f"{redrive.letter.name} is held back: {redrive.held}")
    more = Counter(redrive.held for redrive in held[_SHOWN:])
    for why, count in more.items():
        note(f"{count:,} more are held back: {why}")
    sent = len(plan) - len(held)
    click.echo(f"{sent:,} {'would be sent' if dry_run else 'sent'}, {len(held):,} held back")


def _now_ms() -> int:
    return int(time.time() * 1000)
