"""`cem webhooks deliver`: the sender."""

from __future__ import annotations

import asyncio

import click

from cem.cli.connection import settings_from
from cem.cli.logs import configure_logs
from cem.cli.output import note
from cem.cli.reach import require_kafka, require_redis
from cem.cli.webhooks.common import require_topics
from cem.settings import Settings

__all__ = ["deliver"]


@click.command("deliver")
@click.option(
    "--metrics-port", type=int, help="Serve Prometheus metrics on this port of the loopback address."
)
@click.pass_context
def deliver(ctx: click.Context, metrics_port: int | None) -> None:
    """Send alerts to the registered end points: one of any number of processes; stop it with Ctrl-C or SIGTERM.

    Each end point is served by one of them at a time. Killed at any moment, the next one goes on; what was not yet
    noted as delivered is sent again under its id.
    """
    settings = settings_from(ctx, metrics_port=metrics_port)
    configure_logs(settings)
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    from cem.bootstrap.webhooks import run_webhooks

    await require_redis(settings)
    await require_kafka(settings)
    await require_topics(settings)
    await run_webhooks(settings, on_ready=lambda: note("cem webhooks deliver: ready"))
