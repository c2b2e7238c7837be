"""`cem up`: the whole service on this machine, with simulated customers."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import click

from cem.cli.up.plan import Options, Plan, make_plan, require_free_port

__all__ = ["command"]


@click.command("up")
@click.option("--no-simulate", is_flag=True, help="Start without simulated customers.")
@click.option(
    "--customers", type=click.IntRange(min=1), metavar="N", help="How many customers are simulated."
)
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Events a wall second, about."
)
@click.option("--seed", type=int, metavar="N", help="Another seed is another operator with other customers.")
@click.option("--history", type=click.IntRange(min=0), metavar="DAYS", help="Days of history to write first.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    metavar="K",
    help="Simulated seconds a second, afterwards.",
)
@click.option(
    "--by-line",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Share of households whose messages come over cem.inbox, by the line alone.",
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="The API's port; 0 takes a free one.  [default: 8080]"
)
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where run.json, logs and the embedded store are kept.  [default: .cem]",
)
@click.pass_context
def command(
    ctx: click.Context,
    no_simulate: bool,
    customers: int | None,
    rate: float | None,
    seed: int | None,
    history: int | None,
    speed: float | None,
    by_line: float | None,
    port: int | None,
    state_dir: Path | None,
) -> int:
    """Run the whole service on this machine: Kafka, Redis, worker, API, simulated customers.

    Needs nothing installed. The Kafka broker inside is for one machine and forgets; Redis keeps the customers'
    states in the state directory. With CEM_KAFKA_BOOTSTRAP and CEM_REDIS_URL the same processes run on a real
    Kafka and Redis. Ctrl-C stops everything.
    """
    flags: dict[str, object] = dict(ctx.find_object(dict) or {})
    flags |= {
        name: value for name, value in {"api_port": port, "state_dir": state_dir}.items() if value is not None
    }
    options = Options(
        simulate=not no_simulate,
        customers=customers,
        rate=rate,
        seed=seed,
        history_days=history,
        speed=speed,
        by_line=by_line,
    )
    return run(make_plan(os.environ, flags, options))


def run(plan: Plan) -> int:
    """Return the exit code when the service has been stopped. The state directory is ours meanwhile."""
    from cem.cli.run_file import StateDirLock
    from cem.cli.up.screen import Screen
    from cem.cli.up.service import Service

    plan.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = StateDirLock(plan.state_dir)
    try:
        require_free_port(plan.settings.api_host, plan.settings.api_port)
        return asyncio.run(Service(plan, Screen(sys.stdout, time.monotonic)).run())
    finally:
        lock.release()
