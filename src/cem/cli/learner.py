"""`cem learner`: the one writer of each model."""

from __future__ import annotations

import asyncio

import click

from cem.cli.connection import settings_from
from cem.cli.errors import FAILED, Failure
from cem.cli.logs import configure_logs
from cem.cli.reach import require_kafka, require_redis
from cem.ports import LaneStopped
from cem.settings import Settings

__all__ = ["command"]


@click.command("learner", short_help="Let the models learn from the stream.")
@click.option("--models", help="The models to write, comma-separated.  [default: all]")
@click.option(
    "--metrics-port", type=int, help="Serve Prometheus metrics on this port of the loopback address."
)
@click.pass_context
def command(ctx: click.Context, models: str | None, metrics_port: int | None) -> None:
    """Let the models learn from the stream: one process, the only writer of its models.

    Reads the topics of examples in order, and publishes what was learnt to Redis, from where workers and the API take
    it. A second one by mistake is found out, and ends. Stop it with Ctrl-C or SIGTERM.
    """
    settings = settings_from(ctx, models=models, metrics_port=metrics_port)
    configure_logs(settings)
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    from cem.bootstrap import run_learner
    from cem.learning.snapshot import SnapshotError
    from cem.streams.model_writer import TakenOver

    await require_redis(settings)
    await require_kafka(settings)
    try:
        await run_learner(settings)
    except (TakenOver, LaneStopped, SnapshotError) as error:
        raise Failure(str(error), FAILED) from None
