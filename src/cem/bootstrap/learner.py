"""One learner: the writer of each model, beside each other in one process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import signal
import socket

from cem.bootstrap.parts import open_parts
from cem.ports import Unavailable
from cem.settings import Settings, SettingsError
from cem.streams.metrics_server import serve_metrics
from cem.streams.topics import EXAMPLE_MODELS

__all__ = ["model_names", "run_learner"]

_log = logging.getLogger(__name__)


def model_names(settings: Settings) -> list[str]:
    """Return the models that the settings name. Raises SettingsError for one that there is not."""
    names = [name.strip() for name in settings.models.split(",") if name.strip()]
    for name in names:
        if name not in EXAMPLE_MODELS:
            raise SettingsError(
                f"CEM_MODELS: there is no model {name!r}; there are {', '.join(EXAMPLE_MODELS)}"
            )
    return names


async def run_learner(settings: Settings) -> None:
    """Learn until told to stop; what was learnt is published at the end. Raises what ends a writer."""
    from prometheus_client import CollectorRegistry

    from cem.learning.pupil import Limits
    from cem.streams.metrics_models import ModelCollector
    from cem.streams.model_writer import KeptFiles, ModelWriter

    owner = f"{socket.gethostname()}-{secrets.token_hex(4)}"
    async with open_parts(settings) as parts:
        writers = [
            ModelWriter(
                name,
                store=parts.store,
                log=parts.log,
                files=KeptFiles(settings.state_dir / "models" / name, most=settings.model_snapshots),
                owner=owner,
                publish_every_s=settings.model_publish_s,
                publish_examples=settings.model_publish_examples,
                keep_every_s=settings.model_keep_s,
                adopt_new_log=settings.adopt_new_log,
                limits=Limits(settings.model_correct_days, settings.model_correct_examples),
            )
            for name in model_names(settings)
        ]
        registry = CollectorRegistry()
        ModelCollector(writers, registry)
        close_port = None
        if settings.metrics_port:
            close_port = serve_metrics(registry, host=settings.metrics_host, port=settings.metrics_port)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        _log.info("learning: %s", ", ".join(writer.name for writer in writers))
        tasks = [asyncio.create_task(writer.run(pause=_pause)) for writer in writers]
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            for task in (*tasks, stopping):
                task.cancel()
            await asyncio.gather(*tasks, stopping, return_exceptions=True)
            if stop.is_set():
                with contextlib.suppress(Unavailable, TimeoutError):
                    async with asyncio.timeout(settings.shutdown_s / 2):
                        for writer in writers:
                            if writer.has_news:
                                await writer.publish()
            if close_port is not None:
                await asyncio.to_thread(close_port)


async def _pause(reason: Unavailable) -> None:
    _log.warning("waiting: %s", reason)
    await asyncio.sleep(1.0)
