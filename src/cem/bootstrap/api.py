"""One API process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import cem
from cem.alerts.pauses import PREFIXES, Tellings
from cem.bootstrap.parts import open_parts
from cem.domain.customer import Customer
from cem.domain.view.portrait import portrait
from cem.nba import Learnt
from cem.ports import Unavailable
from cem.settings import Settings, SettingsError
from cem.streams.alert_feed import AlertFeed
from cem.streams.clock import wall_ms
from cem.streams.connection import confluent_options
from cem.streams.control_feed import ControlFeed, Setting
from cem.streams.lag_look import look_at_lanes
from cem.streams.lag_metrics import LagCollector
from cem.streams.lag_reader import LagReader
from cem.streams.lag_watch import LagWatch
from cem.streams.metrics_rules import RulesCollector
from cem.streams.model_watch import LateShelf, watch_models
from cem.streams.record_publisher import RecordPublisher
from cem.streams.reject_window import DeadLetterLimits
from cem.streams.topics import LANE_TOPICS

__all__ = ["learnt_propensities", "run_api"]


def learnt_propensities(
    models: LateShelf,
    timezone: str,
    customer: Customer,
    now_ms: int,
    actions: Sequence[tuple[str, str]],
    channel: str,
) -> tuple[str, dict[str, Learnt]]:
    """Return the model's version, and what it says of each action, beside its group, of which it has learnt something."""
    if models.shelf is None or not models.shelf.is_ready("propensity"):
        # As long as there are few outcomes: nobody need look at the customer for a model that is not asked.
        return "", {}
    version, said = models.shelf.propensities(portrait(customer, now_ms, timezone), actions, channel)
    return version, {action: Learnt(mean, outcomes) for action, (mean, outcomes) in said.items()}


async def run_api(settings: Settings, *, on_listening: Callable[[str], None] = lambda address: None) -> None:
    """Serve the API until it is told to stop. Raises SettingsError; OSError when the address cannot be had.

    `on_listening` is given the address once connections are taken.
    """
    from cem.api import BadHashError, Freshness, KafkaEnds, Services, create_app, listen, new_id, serve, watch
    from cem.bootstrap.decision_rules import DecisionRules, read_decision_rules
    from cem.bootstrap.policies import keep_policy
    from cem.bootstrap.reloading import RulesWatch
    from cem.nba import INPUT_TOPICS

    rules = read_decision_rules(settings)
    sock = listen(settings)
    freshness = Freshness(INPUT_TOPICS)
    async with open_parts(settings) as parts:
        # One record at a time is published here; with the lanes' publisher it would cost more than the decision.
        log = RecordPublisher(confluent_options(settings))
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

        tellings = Tellings()

        def take(key: str, setting: Setting) -> None:
            tellings.take(setting.event, setting.timestamp_ms)

        decided = ControlFeed(parts.options, parts.log, settings.partitions, PREFIXES, take)
        alerts = AlertFeed(parts.options, parts.log, settings.partitions)
        kept = rules.record(settings.currency, wall_ms())

        async def keep(rules: DecisionRules) -> None:
            await log.publish([rules.record(settings.currency, wall_ms())])

        def use(rules: DecisionRules) -> None:
            services.decide_by(rules.policy, rules.value, rules.segments)

        watch_rules = RulesWatch(settings, rules, read=read_decision_rules, keep=keep, use=use)

        async def connect_log() -> None:
            # The first decision should not pay for the producer's connection.
            with contextlib.suppress(Unavailable):
                await log.publish([])

        models = LateShelf()
        services = Services(
            reader=parts.store,
            read_many=parts.store.read_many,
            own_states=parts.store.own_states,
            log=log,
            keys=parts.store,
            clock=parts.clock,
            alerts=alerts,
            lag=lag,
            tellings=lambda: tellings if decided.complete.is_set() else None,
            policy=rules.policy,
            value=rules.value,
            segments=rules.segments,
            rules_version=lambda: watch_rules.rules.version,
            rules_refused=lambda: watch_rules.refused,
            freshness=freshness,
            partitions=settings.partitions,
            new_id=new_id,
            simulated_clock=settings.clock == "simulated",
            timezone=settings.timezone,
            propensities=lambda *asked: learnt_propensities(models, settings.timezone, *asked),
            decision_deadline_ms=settings.decision_deadline_ms,
            decision_log_ms=settings.decision_log_ms,
            api_key_hash=settings.api_key_hash,
            public_url=settings.api_url,
            version=cem.__version__,
            background=[
                *parts.background,
                connect_log,
                lambda: keep_policy(log.publish, kept),
                watch_rules.run,
                lambda: watch(freshness, parts.store, ends),
                lag.run,
                alerts.run,
                decided.run,
                lambda: watch_models(models, parts.store, ["propensity"]),
            ],
        )
        LagCollector(lag, services.metrics.registry)
        RulesCollector(services.rules_version, lambda: bool(watch_rules.refused), services.metrics.registry)
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
            await log.stop()
