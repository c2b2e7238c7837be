"""`cem pilot`: an operator's history, lived through by the whole system."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cem.cli.connection import settings_from
from cem.cli.errors import DONE, REJECTS, USAGE, Failure
from cem.cli.output import json_option, note, print_json, print_table, require_folder
from cem.cli.progress_line import ProgressLine

if TYPE_CHECKING:
    from cem.pilot import Report

__all__ = ["command"]


@click.command("pilot", short_help="Live through an operator's history and report what would have been.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option(
    "--map",
    "maps",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="The map of each file, in the same order; one alone is for all.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the report as an HTML page there.")
@click.option(
    "--horizon", default=14, show_default=True, type=click.IntRange(1, 90), metavar="DAYS",
    help="An alert counts as before a contact that comes within so many days.",
)  # fmt: skip
@click.option(
    "--episodes", default=50, show_default=True, type=click.IntRange(0, 10_000), help="List so many."
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    files: tuple[Path, ...],
    maps: tuple[Path, ...],
    out: Path | None,
    horizon: int,
    episodes: int,
    as_json: bool,
) -> int:
    """Fold the rows of FILE... in the order of their times, as if they had come over the stream, and report.

    Nothing is needed but the files: no Kafka, no Redis, and nothing is sent. Reported is what would have been alerted
    and proposed when, and how many contacts of customers it would have come before. Maps are those of `cem import`:
    docs/importing.md. The exit code is 3 if rows could not be used.
    """
    from cem.bootstrap.rules import read_policies
    from cem.cli.mapped_file import read_map
    from cem.importing.event_map import read_import_map
    from cem.importing.progress import hash_key
    from cem.pilot import live, read_history, report_of
    from cem.pilot.page import page_of

    if len(maps) not in (1, len(files)):
        raise Failure(f"{len(files)} files take one map, or {len(files)}: there are {len(maps)}", USAGE)
    if out is not None:
        require_folder(out)
    settings = settings_from(ctx)
    rules, policy, _ = read_policies(settings)
    line = ProgressLine("rows")
    try:
        rules_of = [read_map(path, read_import_map) for path in maps]
        plan = list(zip(files, rules_of * len(files) if len(maps) == 1 else rules_of, strict=False))
        history = read_history(
            plan,
            now_ms=int(time.time() * 1000),
            hash_key=hash_key(settings.state_dir),
            on_rows=lambda path, rows, share: line.show(rows, share, f"  {path.name}"),
        )
        line.end()
        line = ProgressLine("events")
        total = max(1, len(history.pieces))
        lived = live(history.pieces, rules, policy, on_pieces=lambda count: line.show(count, count / total))
    finally:
        line.end()
    report = report_of(history, lived, currency=settings.currency, horizon_days=horizon, episodes=episodes)
    if out is not None:
        out.write_text(page_of(report))
    if as_json:
        print_json(report)
    else:
        _print(report, out)
    return REJECTS if report.rejects else DONE


def _print(report: Report, out: Path | None) -> None:
    print_table(
        ("type", "alerts", "notices", "customers", "before a contact", "hours before"),
        [
            (t.type, t.alerts, t.notices, t.customers, t.before_a_contact, t.median_hours_before)
            for t in report.alerts
        ],
        title="Alerts that would have been told",
    )
    print_table(
        ("action", "with an alert", "at a contact"),
        [(a.action, a.with_an_alert, a.at_a_contact) for a in report.actions],
        title="What would have been proposed",
    )
    note(
        f"{report.records:,} events of {report.customers:,} customers; {report.contacts:,} contacts, "
        f"{report.contacts_warned:,} of them with an alert told within {report.horizon_days} days before"
    )
    if report.rejects:
        said = ", ".join(f"{reason} {count:,}" for reason, count in report.rejects.items())
        note(f"{sum(report.rejects.values()):,} rows could not be used: {said}")
    if out is not None:
        note(f"the report, with {len(report.episodes)} episodes: {out}")
