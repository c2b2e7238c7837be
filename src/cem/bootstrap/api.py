"""One API process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import cem
from cem.bootstrap.parts import open_parts
from cem.ports import Unavailable
from cem.settings import Settings, SettingsError
from cem.streams.alert_feed import AlertFeed
from cem.streams.clock import wall_ms
from cem.streams.lag_look import look_at_lanes
from cem.streams.lag_metrics import LagCollector
from cem.streams.lag_reader import LagReader
from cem.streams.lag_watch import LagWatch
from cem.streams.reject_window import DeadLetterLimits
from cem.streams.topics import LANE_TOPICS

__all__ = ["run_api"]


async def run_api(settings: Settings, *, on_listening: Callable[[str], None] = lambda address: None) -> None:
    """Serve the API until it is told to stop. Raises SettingsError; OSError when the address cannot be had.

    `on_listening` is given the address once connections are taken.
    """
    from cem.api import BadHashError, Freshness, KafkaEnds, Services, create_app, listen, new_id, serve, watch
    from cem.bootstrap.policies import keep_policy, policy_record, read_policy
    from cem.nba import INPUT_TOPICS

    policy, texts = read_policy(settings)
    sock = listen(settings)
    freshness = Freshness(INPUT_TOPICS)
    async with open_parts(settings) as parts:
        ends = KafkaEnds(parts.options, settings.partitions)
        reader = LagReader(parts.options)
        rule = DeadLetterLimits(settings.dead_letter_share, settings.dead_letter_run)
        lag = LagWatch(
            settings.group,
            lambda: look_at_lanes(
                reader,
                parts.store,
                group=settings.group,
                topics=LANE_TOPICS,
                lanes=settings.partitions,
                rule=rule,
            ),
        )

        alerts = AlertFeed(parts.options, parts.log, settings.partitions)
        kept = policy_record(policy, texts, settings.currency, wall_ms())

        async def connect_log() -> None:
            # The first decision should not pay for the producer's connection.
            with contextlib.suppress(Unavailable):
                await parts.publisher.publish([])

        services = Services(
            reader=parts.store,
            read_many=parts.store.read_many,
            log=parts.publisher,
            keys=parts.store,
            clock=parts.clock,
            alerts=alerts,
            policy=policy,
            freshness=freshness,
            partitions=settings.partitions,
            new_id=new_id,
            simulated_clock=settings.clock == "simulated",
            timezone=settings.timezone,
            decision_deadline_ms=settings.decision_deadline_ms,
            decision_log_ms=settings.decision_log_ms,
            api_key_hash=settings.api_key_hash,
            public_url=settings.api_url,
            version=cem.__version__,
            background=[
                *parts.background,
                connect_log,
                lambda: keep_policy(parts.publisher, kept),
                lambda: watch(freshness, parts.store, ends),
                lag.run,
                alerts.run,
            ],
        )
        LagCollector(lag, services.metrics.registry)
        try:
            app = create_app(services)
        except BadHashError as error:
            raise SettingsError(str(error)) from None
        host, port = sock.getsockname()[:2]
        on_listening(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
        try:
            await serve(app, settings, sock, on_stop=app.state.streams.end)
        finally:
            await ends.stop()
            await reader.stop()
