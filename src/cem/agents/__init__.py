"""The Faust app and its agents: one agent per topic, each giving whole partition batches to the lanes.

No arithmetic happens here: an agent takes a batch from its topic, and those that came along with it, hands each to its
lane, and acknowledges it when the lane says that it is saved and published.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import faust
from faust.serializers.codecs import Codec, register
from faust.tables import TableManager

from cem.settings import Settings
from cem.streams.lanes import LaneSet
from cem.streams.topics import LANE_TOPICS
from cem.streams.transport import Batch, make_transport

__all__ = ["make_app"]


class _Batches(Codec):  # type: ignore[misc]
    """Passes a batch through Faust's serialisation untouched."""

    def _loads(self, batch: Any) -> Any:
        return batch

    def _dumps(self, batch: Any) -> Any:
        return batch


register("cem-batches", _Batches())


class _NoTables(TableManager):  # type: ignore[misc]
    """Faust's tables, of which there are none: nobody waits a second for them to be declared."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


def make_app(settings: Settings, lanes: LaneSet, options: Mapping[str, Any]) -> faust.App:
    """Return the app that reads the customers' topics for `lanes`. `options` are aiokafka's connection arguments."""
    app = faust.App(
        settings.group,
        broker=[f"kafka://{server}" for server in settings.kafka_bootstrap.split(",")],
        # Nothing listens, nothing is created, nothing is kept beside the lanes.
        web_enabled=False,
        # Faust makes this folder whether or not it has anything to put there.
        datadir=str(settings.state_dir / "faust"),
        topic_allow_declare=False,
        topic_disable_leader=True,
        # A failed batch is never acknowledged: the worker ends, and the next one starts at the store's positions.
        agent_supervisor="mode.CrashingSupervisor",
        stream_ack_exceptions=False,
        stream_wait_empty=False,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 5,
        broker_commit_interval=1.0,
        broker_max_poll_interval=settings.max_poll_interval_s,
        TableManager=_NoTables,
        # An agent that keeps a batch for long is the watchdog's business, which ends the process.
        stream_processing_timeout=3600.0,
    )
    app.transport = make_transport(app, lanes, settings, options)
    for name in LANE_TOPICS:
        _add_agent(app, name, lanes)
    return app


def _add_agent(app: faust.App, name: str, lanes: LaneSet) -> None:
    topic = app.topic(name, key_serializer="cem-batches", value_serializer="cem-batches", value_type=None)

    async def agent(stream: faust.Stream[Any]) -> None:
        async for event in stream.noack().events():
            batch: Batch = event.value
            # In one step, so that their lanes begin together.
            lanes.submit(batch, event.ack)
            for other in batch.others:
                lanes.submit(other, partial(app.consumer.acknowledge, other))

    agent.__doc__ = f"Give the batches of {name} to their lanes."
    app.agent(topic, name=f"cem.agents.{name.removeprefix('cem.')}")(agent)
