"""`cem lag`: how far readers are behind, in records and in seconds, and what is to be made of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime

import click
import msgspec
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from cem.cli.connection import settings_from
from cem.cli.errors import FAILED, Failure
from cem.cli.output import counted, json_option, note, print_json, print_table, stdout_console, table_of
from cem.cli.reach import require_kafka, require_redis
from cem.ports import LaneStopped, Unavailable
from cem.settings import Settings
from cem.streams.lag import LagReport, Look, PartitionLag
from cem.streams.lag_watch import LagWatch

__all__ = ["command"]

_COLUMNS = ("topic", "partition", "seconds", "records", "verdict", "reason")


@click.command()
@click.option(
    "--group", help="Another consumer group, by the offsets it has committed.  [default: the workers']"
)
@click.option("--watch", is_flag=True, help="Go on looking until Ctrl-C; with --json one object a line.")
@click.option(
    "--window",
    type=click.FloatRange(0.1, 600),
    default=1.0,
    help="Seconds to look on before the verdict, without --watch.",
)
@click.option(
    "--every", type=click.FloatRange(0.5, 600), default=2.0, help="Seconds between looks, with --watch."
)
@click.option(
    "--all", "everything", is_flag=True, help="Show also the partitions that are read to their end."
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    group: str | None,
    watch: bool,
    window: float,
    every: float,
    everything: bool,
    as_json: bool,
) -> None:
    """Show how far readers are behind, in records and seconds.

    Seconds are the age of the oldest unread record by its own timestamp, in wall time. The workers' positions are
    those in the store; Kafka's committed offsets are only used for other groups.

    Verdicts: ok; warn (falls behind, or did not move while watched); stop (nobody reads it); stall (does not move
    although records wait, or is paused); rewind (went back). A dash, or null, is what is not known.
    """
    settings = settings_from(ctx)
    # What Kafka does not have is said in the report.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    asyncio.run(_run(settings, group, watch, window, every, everything, as_json))


async def _run(
    settings: Settings,
    group: str | None,
    watch: bool,
    window: float,
    every: float,
    everything: bool,
    as_json: bool,
) -> None:
    ours = group in (None, settings.group)
    await require_kafka(settings)
    if ours:
        await require_redis(settings)
    async with _looks(settings, group or settings.group, ours=ours) as look:
        if watch:
            await _go_on(LagWatch(group or settings.group, look), every, everything, as_json)
            return
        watching = LagWatch(group or settings.group, look)
        began = time.monotonic()
        report = await watching.once()
        if not report.partitions:
            raise Failure(f"no group {group!r} has committed offsets to Kafka", FAILED)
        await asyncio.sleep(window)
        report = await watching.once()
        seen_s = time.monotonic() - began
        if as_json:
            print_json(report)
        else:
            _print_report(report, everything)
        note(f"judged by two looks {seen_s:.1f} s apart; --watch or --window 30 sees more")


async def _go_on(watching: LagWatch, every_s: float, everything: bool, as_json: bool) -> None:
    """Show look after look; what cannot be asked at the moment is said, and waited for."""
    live = not as_json and sys.stdout.isatty()
    screen = Live(console=stdout_console(), auto_refresh=False) if live else None
    with screen or contextlib.nullcontext():
        while True:
            try:
                report = await watching.once()
            except (Unavailable, LaneStopped, OSError) as error:
                trouble = f"waiting: {error}"
                if screen is not None:
                    screen.update(Text(trouble, style="yellow"), refresh=True)
                else:
                    note(trouble)
            else:
                if screen is not None:
                    screen.update(_page(report, everything), refresh=True)
                elif as_json:
                    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
                    sys.stdout.flush()
                else:
                    _print_report(report, everything)
            await asyncio.sleep(every_s)


@contextlib.asynccontextmanager
async def _looks(
    settings: Settings, group: str, *, ours: bool
) -> AsyncIterator[Callable[[], Awaitable[Look]]]:
    """Give what takes a look at the group; its connections are closed at the end."""
    from cem.stores import Timeouts, open_store
    from cem.streams.connection import client_options
    from cem.streams.lag_look import look_at_group, look_at_lanes
    from cem.streams.lag_reader import LagReader
    from cem.streams.reject_window import DeadLetterLimits
    from cem.streams.topics import LANE_TOPICS

    reader = LagReader(client_options(settings))
    store = (
        open_store(settings.redis_url, settings.partitions, timeouts=Timeouts(read_s=5.0)) if ours else None
    )
    rule = DeadLetterLimits(settings.dead_letter_share, settings.dead_letter_run)

    async def look() -> Look:
        if store is None:
            return await look_at_group(reader, group)
        return await look_at_lanes(
            reader, store, group=group, topics=LANE_TOPICS, lanes=settings.partitions, rule=rule
        )

    try:
        yield look
    finally:
        await reader.stop()
        if store is not None:
            await store.close()


# -- what is shown ---------------------------------------------------------------------------------------------


def rows_of(report: LagReport, everything: bool) -> list[PartitionLag]:
    """Return what a person should see, the worst first: unknown before known, then by seconds, then by records."""
    shown = [lag for lag in report.partitions if everything or lag.lag_records != 0 or lag.verdict != "ok"]
    return sorted(
        shown,
        key=lambda lag: (
            lag.lag_seconds is not None,
            -(lag.lag_seconds or 0.0),
            -(lag.lag_records or 0),
            lag.topic,
            lag.partition,
        ),
    )


def summary_of(report: LagReport, shown: int) -> str:
    """Return one line about all partitions."""
    records = (
        "unread records unknown"
        if report.total_records is None
        else counted(report.total_records, "unread record")
    )
    seconds = "of unknown age" if report.max_seconds is None else f"{report.max_seconds:,.1f} s"
    rest = len(report.partitions) - shown
    more = f"; {counted(rest, 'partition')} read to the end" if rest else ""
    if report.total_records == 0:
        return f"no lag{more}"
    return f"{records}, the oldest {seconds}{more}"


def _cells(lag: PartitionLag) -> Sequence[object]:
    return lag.topic, lag.partition, lag.lag_seconds, lag.lag_records, lag.verdict, lag.reason


def _print_report(report: LagReport, everything: bool) -> None:
    rows = rows_of(report, everything)
    if rows:
        print_table(_COLUMNS, [_cells(lag) for lag in rows])
    click.echo(summary_of(report, len(rows)))


def _page(report: LagReport, everything: bool) -> RenderableType:
    rows = rows_of(report, everything)
    height = max(5, stdout_console().height - 6)
    table = table_of(_COLUMNS, [_cells(lag) for lag in rows[:height]])
    left = f" ({len(rows) - height} more rows)" if len(rows) > height else ""
    line = Text(f"{datetime.now():%H:%M:%S}  {summary_of(report, len(rows))}{left}")  # noqa: DTZ005
    return Group(line, table) if rows else line
