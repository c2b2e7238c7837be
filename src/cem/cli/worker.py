"""`cem worker`: fold the stream."""

from __future__ import annotations

import asyncio
import logging

import click

from cem.cli.connection import settings_from
from cem.cli.errors import FAILED, Failure

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
    from cem.bootstrap import run_worker

    settings = settings_from(
        ctx, worker_id=worker_id, metrics_port=metrics_port, rebuild=rebuild, accept_loss=accept_loss
    )
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    )
    for noisy in ("aiokafka", "faust", "mode"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
    try:
        asyncio.run(run_worker(settings))
    except WorkerFailed as error:
        raise Failure(str(error), FAILED) from None
