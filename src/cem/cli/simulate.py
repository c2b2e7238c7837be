"""`cem simulate`: an operator whose customers live, text, pay, call and leave."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from cem.cli.connection import settings_from
from cem.cli.errors import DONE, FAILED, USAGE, Failure
from cem.cli.output import note
from cem.cli.progress_line import ProgressLine
from cem.settings import Settings

if TYPE_CHECKING:
    from cem.simulator.run import Job, Stage
    from cem.simulator.world import World

__all__ = ["command"]

#: Few enough that 120 days of history are written in half a minute, many enough that something happens all the time.
_CUSTOMERS: Final = 220
_OUT_DAYS: Final = 30


@click.command("simulate", short_help="Simulate a telecom operator's customers.")
@click.option(
    "--customers", type=click.IntRange(min=1), default=_CUSTOMERS, metavar="N", help="Paying accounts."
)
@click.option(
    "--history",
    "history_days",
    type=click.IntRange(min=0, max=3650),
    metavar="DAYS",
    help=f"Days written before the live part, as fast as possible.  [default: 0; with --out {_OUT_DAYS}]",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    metavar="K",
    help="Simulated seconds a second in the live part; other than 1 needs CEM_CLOCK=simulated.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="A steady N events a second instead of a speed (load tests).",
)
@click.option("--seed", type=int, default=7, metavar="N", help="Another seed is another operator.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE|-",
    help="Write the history there as JSON lines (CloudEvents with topic and key); send nothing.",
)
@click.option(
    "--truth",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write what nobody is told (moods, causes, abuse, reasons of leaving) there, as JSON lines.",
)
@click.option(
    "--live/--no-live", default=None, help="Live on after the history.  [default: --live without --out]"
)
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="First day of the world.  [default: 2026-01-05; on the wall's clock such that the history ends now]",
)
@click.option(
    "--by-line",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    default=0.0,
    help="Share of households whose message feed knows the line only, and comes over cem.inbox.",
)
@click.option(
    "--texts",
    type=click.Choice(["open", "kept-apart", "all"]),
    default="open",
    help="Sentences that customers use; those kept apart are for judging models.",
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    help="Another rate or share of the world, such as abuse_per_1000_line_weeks=0; may be repeated.",
)
@click.option(
    "--fresh", is_flag=True, help="Forget the world that an earlier run has kept, and begin a new one."
)
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> int:
    """Simulate a telecom operator: households that text, pay, call, get angry, and leave or stay.

    Writes DAYS of history first, then lives on: representatives ask the API what to do for each caller and report
    what became of it, and the customers react. A second run goes on where the first one stopped.

    The same seed and size give the same history, byte for byte.
    """
    settings = settings_from(ctx)
    to_file = given["out"] is not None
    live = given["live"] if given["live"] is not None else not to_file
    days = given["history_days"] if given["history_days"] is not None else _OUT_DAYS if to_file else 0
    if to_file and (live or given["rate"] is not None):
        raise Failure("--out takes the history only: leave --live and --rate away", USAGE)
    if (
        not to_file
        and live
        and given["rate"] is None
        and given["speed"] != 1
        and settings.clock != "simulated"
    ):
        raise Failure(f"--speed {given['speed']:g} needs a simulated clock: set CEM_CLOCK=simulated", USAGE)
    line = ProgressLine("events")
    job = _job(settings, given, days=days, live=live, to_file=to_file, line=line)
    if to_file:
        return _to_file(job, given["out"], line)
    if settings.log_level != "debug":
        # What the client says while it tries again is no news; what came of it is said in a sentence.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return _to_kafka(job, line, fresh=given["fresh"])


def _job(
    settings: Settings, given: dict[str, Any], *, days: int, live: bool, to_file: bool, line: ProgressLine
) -> Job:
    import msgspec

    from cem.simulator.parameters import Parameters
    from cem.simulator.run import Job, minor_per_cent, utc_offset_min

    start = given["start"].date() if given["start"] is not None else None
    if start is None and not to_file and settings.clock == "wall":
        start = datetime.now(tz=UTC).date() - timedelta(days=days)
    values: dict[str, Any] = {
        "seed": given["seed"],
        "customers": given["customers"],
        "texts": given["texts"],
        "share_by_line": given["by_line"],
        "minor_per_cent": minor_per_cent(settings.currency),
    }
    if start is not None:
        values["start"] = start
    at = datetime.combine(start or date(2026, 1, 5), datetime.min.time())
    values["utc_offset_min"] = utc_offset_min(settings.timezone, at)
    values |= _changes(given["changes"])
    try:
        parameters = msgspec.convert(values, Parameters, strict=False)
    except msgspec.ValidationError as error:
        raise Failure(f"--set: {error}", USAGE) from None
    return Job(
        settings=settings,
        parameters=parameters,
        history_days=days,
        live=live,
        speed=given["speed"],
        rate=given["rate"],
        truth=given["truth"],
        beliefs=_beliefs(settings),
        note=line.note,
        on_stage=lambda stage: _show(line, stage),
    )


def _changes(changes: tuple[str, ...]) -> dict[str, str]:
    """Return the parameters that --set names. Raises Failure for an unknown one, with the nearest name."""
    import difflib

    from cem.simulator.parameters import Parameters

    found: dict[str, str] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise Failure(f"--set takes NAME=VALUE, as in --set areas=3, not {change!r}", USAGE)
        if name not in Parameters.__struct_fields__:
            near = difflib.get_close_matches(name, Parameters.__struct_fields__, n=1)
            hint = (
                f"; did you mean {near[0]}?"
                if near
                else f"; there are {', '.join(Parameters.__struct_fields__)}"
            )
            raise Failure(f"--set takes NAME=VALUE, and {name!r} is no name{hint}", USAGE)
        found[name] = value
    return found


def _beliefs(settings: Settings) -> list[Any]:
    """Return what the catalogue in force says of its actions."""
    from cem.bootstrap import policy_text
    from cem.nba import load_policy
    from cem.nba.policy import ACTIONS_FILE, DECISION_FILE
    from cem.simulator.beliefs import beliefs_of

    texts = {name: policy_text(settings, name)[0] for name in (ACTIONS_FILE, DECISION_FILE)}
    return beliefs_of(load_policy(texts, currency=settings.currency).catalogue)


def _to_file(job: Job, out: str, line: ProgressLine) -> int:
    from cem.simulator.run import write_file

    began = time.perf_counter()
    try:
        with _opened(out) as file:
            world, events = write_file(job, file)
    finally:
        line.end()
    seconds = time.perf_counter() - began
    note(f"{events:,} events in {seconds:.1f} s ({events / max(seconds, 1e-9):,.0f} a second)")
    _say_oracle(world)
    return DONE


@contextlib.contextmanager
def _opened(out: str) -> Iterator[IO[bytes]]:
    if out == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with Path(out).open("wb") as file:
        yield file


def _to_kafka(job: Job, line: ProgressLine, *, fresh: bool) -> int:
    from cem.simulator.keeping import Keeper, KeeperBusy, SnapshotError

    try:
        if fresh:
            keeper = Keeper(job.settings.state_dir / "simulator")
            keeper.lock()
            keeper.forget()
            keeper.close()
        world = asyncio.run(_simulate(job))
    except KeeperBusy as error:
        raise Failure(f"{error}: stop it, or give this one another --state-dir", FAILED) from None
    except SnapshotError as error:
        raise Failure(f"{error}; --fresh begins a new world", FAILED) from None
    finally:
        line.end()
    _say_oracle(world)
    return DONE


async def _simulate(job: Job) -> World:
    from cem.simulator.run import simulate

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return await simulate(job, stop)


def _show(line: ProgressLine, stage: Stage) -> None:
    at = datetime.fromtimestamp(stage.now_ms / 1000, tz=UTC)
    rest = f"  {at:%Y-%m-%d %H:%M}"
    if stage.live is not None:
        live = stage.live
        rest += (
            f"  {live.asked:,} calls asked, {live.answered:,} answered, {live.delivered:,} messages delivered"
        )
    line.show(stage.events, stage.share if stage.part == "history" else None, rest)


def _say_oracle(world: World) -> None:
    from cem.simulator.report import oracle_sentence

    if sentence := oracle_sentence(world):
        note(sentence)
