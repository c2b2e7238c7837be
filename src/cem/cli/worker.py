"""`cem worker`: fold the stream."""

from __future__ import annotations

import asyncio

import click

from cem.cli.connection import settings_from
from cem.cli.errors import FAILED, UNREACHABLE, Failure
from cem.cli.logs import configure_logs
from cem.cli.reach import require_kafka, require_redis
from cem.settings import Settings

__all__ = ["command"]


@click.command()
@click.option(
    "--worker-id", help="A name that stays: a worker restarted under it has its lanes back at once."
)
@click.option(
    "--metrics-port", type=int, help="Serve Prometheus metrics on this port of the loopback address."
)
@click.option("--rebuild", is_flag=True, default=None, help="Make the states of an empty store again.")
@click.option(
    "--accept-loss", is_flag=True, default=None, help="Go on past records that Kafka no longer has."
)
@click.pass_context
def command(
    ctx: click.Context,
    worker_id: str | None,
    metrics_port: int | None,
    rebuild: bool | None,
    accept_loss: bool | None,
) -> None:
    """Fold the stream: one of any number of workers.

    Reads the customers' topics, keeps each customer's state in Redis and says what is wrong on cem.alerts. Workers
    of one group share the lanes; stop one with Ctrl-C or SIGTERM.
    """
    from cem.agents.worker import WorkerFailed

    settings = settings_from(
        ctx, worker_id=worker_id, metrics_port=metrics_port, rebuild=rebuild, accept_loss=accept_loss
    )
    configure_logs(settings)
    try:
        asyncio.run(_run(settings))
    except WorkerFailed as error:
        raise Failure(str(error), UNREACHABLE if error.refused else FAILED) from None


async def _run(settings: Settings) -> None:
    """Run the worker once Kafka, Redis and the topics are known to be as it needs them."""
    from cem.bootstrap import run_worker
    from cem.streams.topic_admin import describe_topics, differences

    await require_redis(settings)
    await require_kafka(settings)
    for difference in differences(settings, await describe_topics(settings)):
        if difference.level == "fail":
            raise Failure(f"{difference.message}: {difference.remedy}", FAILED)
    await run_worker(settings)
