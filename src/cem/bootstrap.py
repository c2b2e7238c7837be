"""The only wiring: settings in, running parts out. Nothing else in the program chooses an implementation."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import yaml

import cem
from cem.alerts.policy import AlertPolicyError, read_alert_policy
from cem.journal import JOURNAL_TOPIC
from cem.pipeline import LanePipeline, Limits
from cem.ports import NO_TOKEN, Clock, Emission, JournalEntry, LaneStopped, Unavailable
from cem.settings import Settings, SettingsError
from cem.step import CemStepper, Rules
from cem.stores import MemoryCore, MemoryStore, RedisStore, open_store
from cem.stores.checkpoint import find_checkpoint, restore_checkpoint, write_checkpoint
from cem.stores.codec import RESTORING
from cem.stores.digest import Digest, Digester
from cem.streams import clock as clocks
from cem.streams.checkpoints import CheckpointKeeper
from cem.streams.connection import client_options
from cem.streams.dead_letters import dead_letter
from cem.streams.lag_look import look_at_lanes
from cem.streams.lag_metrics import LagCollector
from cem.streams.lag_own_lanes import look_at_own_lanes
from cem.streams.lag_reader import LagReader
from cem.streams.lag_watch import LagWatch
from cem.streams.lanes import Lane, LaneSet
from cem.streams.log_reader import KafkaLog
from cem.streams.metrics import WorkerMetrics
from cem.streams.metrics_lanes import LaneCollector
from cem.streams.metrics_server import serve_metrics
from cem.streams.metrics_timed import TimedPublisher, TimedStepper, TimedStore
from cem.streams.partition import lane_of
from cem.streams.publisher import KafkaPublisher
from cem.streams.reject_window import DeadLetterLimits
from cem.streams.topics import CUSTOMER_TOPICS

__all__ = [
    "Parts",
    "Replayed",
    "RulesArchive",
    "make_stepper",
    "open_parts",
    "policy_text",
    "read_rules",
    "replay_lanes",
    "run_api",
    "run_worker",
]

logger = logging.getLogger(__name__)


@dataclass
class Parts:
    """What most commands need: the store, the log, a way to publish, and the clock."""

    settings: Settings
    options: dict[str, Any]
    store: RedisStore
    log: KafkaLog
    publisher: KafkaPublisher
    clock: Clock
    #: Runs beside: keeps a simulated clock on its anchors.
    background: list[Callable[[], Awaitable[None]]]

    async def close(self) -> None:
        """Close all connections."""
        for close in (self.publisher.stop, self.log.stop, self.store.close):
            with contextlib.suppress(Exception):
                await close()


@contextlib.asynccontextmanager
async def open_parts(settings: Settings) -> AsyncIterator[Parts]:
    """Make the parts that `settings` name and close them at the end. Nothing is connected before its first use."""
    options = client_options(settings)
    store = open_store(settings.redis_url, settings.partitions)
    clock: Clock = clocks.WallClock()
    background: list[Callable[[], Awaitable[None]]] = []
    if settings.clock == "simulated":
        simulated = clocks.SimulatedClock()
        background.append(lambda: clocks.follow(simulated, store))
        clock = simulated
    parts = Parts(settings, options, store, KafkaLog(options), KafkaPublisher(options), clock, background)
    try:
        yield parts
    finally:
        await parts.close()


# -- rules -----------------------------------------------------------------------------------------------------


def policy_text(settings: Settings, name: str) -> tuple[str, str]:
    """Return the policy file `name` and where it is from: the operator's folder if it has it, else the shipped one."""
    if settings.policies is not None:
        path = settings.policies / name
        if not settings.policies.is_dir():
            raise SettingsError(f"CEM_POLICIES: {settings.policies} is no folder")
        if path.exists():
            return path.read_text("utf-8"), str(path)
    return resources.files("cem.policies").joinpath(name).read_text("utf-8"), f"policies/{name}"


def read_rules(settings: Settings) -> Rules:
    """Return the rules of the stream job. Raises SettingsError with file and place when a policy is wrong."""
    text, origin = policy_text(settings, "alerts.yaml")
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{origin}: {error}") from None
    try:
        return _rules_of(_bundle(document, settings.late_limit_s, settings.timezone), origin)
    except AlertPolicyError as error:
        raise SettingsError(str(error)) from None


def _bundle(alerts: object, late_limit_s: int, timezone: str) -> dict[str, Any]:
    return {"alerts": alerts, "late_limit_s": late_limit_s, "timezone": timezone, "fold": 1}


def _rules_of(bundle: Mapping[str, Any], origin: str) -> Rules:
    text = json.dumps(bundle, sort_keys=True, separators=(",", ":"))
    return Rules(
        hashlib.sha256(text.encode()).hexdigest()[:16],
        alerts=read_alert_policy(bundle["alerts"], origin),
        late_limit_ms=int(bundle["late_limit_s"]) * 1000,
        timezone=str(bundle["timezone"]),
        bundle=text,
    )


class RulesArchive:
    """Keeps every version of the rules that saves were made under, so that following the journal finds it.

    In the store, for all workers; and in a file beside the checkpoints, for when the store is lost.
    """

    def __init__(self, folder: Path, store: RedisStore) -> None:
        self._folder = folder
        self._store = store
        self._known: dict[str, Rules] = {}

    async def keep(self, rules: Rules) -> None:
        """Keep `rules`, and take note of all versions kept so far."""
        self._known[rules.version] = rules
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{rules.version}.json"
        if not path.exists():
            path.write_text(rules.bundle, "utf-8")
        for file in sorted(self._folder.glob("*.json")):
            self._note(file.stem, file.read_text("utf-8"))
        kept = json.loads(await self._store.get_raw("cem:rules") or b"{}")
        for version, bundle in kept.items():
            self._note(version, bundle)
        if rules.version not in kept:
            kept[rules.version] = rules.bundle
            await self._store.set_raw("cem:rules", json.dumps(kept).encode())

    def find(self, version: str) -> Rules | None:
        """Return the rules of that version, None if they were not kept."""
        return self._known.get(version)

    def _note(self, version: str, bundle: str) -> None:
        if version not in self._known:
            self._known[version] = _rules_of(json.loads(bundle), f"rules {version}")


def make_stepper(rules: Rules, partitions: int, archive: RulesArchive | None = None) -> CemStepper:
    """Return the stream job under `rules`, for a deployment of so many lanes."""
    return CemStepper(
        rules,
        dead_letter=dead_letter,
        lane_of=lambda customer_id: lane_of(customer_id, partitions),
        find_rules=archive.find if archive else lambda version: None,
    )


def resume_key(topic: str, lane: int) -> str:
    """Return the store's key by which a person lets a lane read on in a topic that its dead letters paused."""
    return f"cem:resume:{topic}:{lane}"


# -- the worker ------------------------------------------------------------------------------------------------


async def run_worker(settings: Settings) -> None:
    """Run one worker until it is told to stop. Raises what `cem.agents.worker.run_worker` raises."""
    from cem.agents import make_app
    from cem.agents.crash_points import crash_points
    from cem.agents.worker import run_worker as run

    rules = read_rules(settings)
    owner = f"{settings.worker_id or socket.gethostname()}-{secrets.token_hex(4)}"
    async with open_parts(settings) as parts:
        archive = RulesArchive(settings.checkpoints.parent / "rules", parts.store)
        await archive.keep(rules)
        stepper = make_stepper(rules, settings.partitions, archive)
        at_point = crash_points(settings.crash_at)
        files = _CheckpointFiles(parts.store, settings)
        keeper = CheckpointKeeper(files, every_s=settings.checkpoint_every_s)
        metrics = _worker_metrics(settings)
        store = parts.store if metrics is None else TimedStore(parts.store, metrics)
        publisher = parts.publisher if metrics is None else TimedPublisher(parts.publisher, metrics)

        def make_lane(number: int, lanes: LaneSet) -> Lane:
            meter = None if metrics is None else metrics.meter()
            return Lane(
                number,
                make_pipeline=lambda lane: LanePipeline(
                    number,
                    store=store,
                    publisher=publisher,
                    log=parts.log,
                    stepper=stepper if metrics is None else TimedStepper(stepper, metrics),
                    topics=CUSTOMER_TOPICS,
                    owner=owner,
                    new_token=lambda: secrets.token_hex(8),
                    pause=lane.pause,
                    limits=Limits(
                        customers=settings.save_max_customers,
                        bytes=settings.save_max_bytes,
                        cached=max(1, settings.cache_customers // settings.partitions),
                    ),
                    reject_limits=DeadLetterLimits(settings.dead_letter_share, settings.dead_letter_run),
                    rebuild=settings.rebuild,
                    accept_loss=settings.accept_loss,
                    adopt_new_log=settings.adopt_new_log,
                    at_point=at_point,
                    observer=meter,
                ),
                topics=CUSTOMER_TOPICS,
                clock=parts.clock,
                on_crash=lambda error: lanes.on_crash(error),
                on_opened=lanes.opened,
                checkpoints=keeper,
                rebuild=settings.rebuild,
                observer=meter,
            )

        async def resumed(topic: str, lane: int) -> bool:
            return await parts.store.get_raw(resume_key(topic, lane)) is not None

        lanes = LaneSet(make_lane, topics=CUSTOMER_TOPICS, on_crash=lambda error: None)
        app = make_app(settings, lanes, parts.options)
        closers: list[Callable[[], Awaitable[None]]] = [parts.close]
        runs = [lambda: lanes.resume_paused(resumed), *parts.background]
        if metrics is not None:
            reader = LagReader(parts.options)
            lag = LagWatch(
                settings.group,
                lambda: look_at_own_lanes(reader, lanes, group=settings.group, topics=CUSTOMER_TOPICS),
            )
            LaneCollector(lanes, metrics.registry)
            LagCollector(lag, metrics.registry)
            close_port = serve_metrics(
                metrics.registry, host=settings.metrics_host, port=settings.metrics_port
            )
            closers = [reader.stop, lambda: asyncio.to_thread(close_port), *closers]
            runs.append(lag.run)
        await run(app, lanes, parts.log, settings, closers=closers, background=[start() for start in runs])


def _worker_metrics(settings: Settings) -> WorkerMetrics | None:
    """Return the worker's metrics; None when nobody would see them."""
    if not settings.metrics_port:
        return None
    worker_id = settings.worker_id or socket.gethostname()
    return WorkerMetrics(worker_id=worker_id, version=cem.__version__, clock=settings.clock)


# -- the API ---------------------------------------------------------------------------------------------------


async def run_api(settings: Settings, *, on_listening: Callable[[str], None] = lambda address: None) -> None:
    """Serve the API until it is told to stop. Raises SettingsError; OSError when the address cannot be had.

    `on_listening` is given the address once connections are taken.
    """
    from cem.api import BadHashError, Freshness, KafkaEnds, Services, create_app, listen, new_id, serve, watch
    from cem.nba import INPUT_TOPICS, PolicyError, load_policy

    files = {name: policy_text(settings, name) for name in ("actions.yaml", "decision.yaml")}
    try:
        policy = load_policy({name: text for name, (text, _) in files.items()}, currency=settings.currency)
    except PolicyError as error:
        raise SettingsError(f"{files[error.file][1]}:{error.line}: {error.message}") from None
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
                topics=CUSTOMER_TOPICS,
                lanes=settings.partitions,
                rule=rule,
            ),
        )

        async def connect_log() -> None:
            # The first decision should not pay for the producer's connection.
            with contextlib.suppress(Unavailable):
                await parts.publisher.publish([])

        services = Services(
            reader=parts.store,
            log=parts.publisher,
            keys=parts.store,
            clock=parts.clock,
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
                lambda: watch(freshness, parts.store, ends),
                lag.run,
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
            await serve(app, settings, sock)
        finally:
            await ends.stop()
            await reader.stop()


class _CheckpointFiles:
    """The lanes of a store and the checkpoint files of the settings."""

    def __init__(self, store: RedisStore | MemoryStore, settings: Settings) -> None:
        self._store = store
        self._folder = settings.checkpoints
        self._partitions = settings.partitions

    async def write(self, lane: int) -> Path | None:
        return await write_checkpoint(
            self._store, self._folder, lane, self._partitions, written_ms=clocks.wall_ms()
        )

    async def restore(self, lane: int) -> list[str] | None:
        token = await self._store.token_of(lane)
        if token != NO_TOKEN and not token.startswith(RESTORING):
            return None
        reader, passed = find_checkpoint(self._folder, lane, self._partitions)
        if reader is None:
            return None
        await restore_checkpoint(self._store, reader)
        return passed


# -- replay ----------------------------------------------------------------------------------------------------


class Replayed(msgspec.Struct, frozen=True):
    """What a replay of the journal gave, beside what the store has."""

    replayed: Digest
    saves: int
    records: int
    stored: Digest | None
    equal: bool
    #: Customers whose states differ, or that only one side has; at most 1,000.
    different: list[str]


async def replay_lanes(
    settings: Settings, lanes: Sequence[int], *, compare: bool, progress: Callable[[str], None]
) -> Replayed:
    """Make the states of `lanes` again from the log, in memory, and compare them with the store's.

    Raises LaneStopped when the journal or the log no longer reaches back to the lanes' beginning.
    """
    rules = read_rules(settings)
    replayed, stored = Digester(), Digester()
    saves = records = 0
    different: list[str] = []
    async with open_parts(settings) as parts:
        archive = RulesArchive(settings.checkpoints.parent / "rules", parts.store)
        await archive.keep(rules)
        headers = await parts.store.headers()
        for lane in lanes:
            if compare and lane not in headers:
                continue
            memory = MemoryStore(settings.partitions, core=MemoryCore(history=1))
            files = _CheckpointFiles(memory, settings)
            if await _journal_is_cut(parts.log, lane) and await files.restore(lane) is None:
                msg = f"lane {lane}: the journal does not reach back to the beginning, and there is no checkpoint"
                raise LaneStopped(msg)
            pipeline = LanePipeline(
                lane,
                store=memory,
                publisher=_Silence(),
                log=parts.log,
                stepper=make_stepper(rules, settings.partitions, archive),
                topics=CUSTOMER_TOPICS,
                owner="replay",
                new_token=lambda: secrets.token_hex(8),
                pause=_give_up,
                rebuild=True,
                follow_until=headers[lane].token if compare else None,
            )
            await pipeline.open()
            saves += pipeline.saves
            records += pipeline.records
            made = {
                k.removeprefix("c:"): v for k, v in memory.core.values(lane).items() if k.startswith("c:")
            }
            for customer_id, state in made.items():
                replayed.add(customer_id, state)
            if compare:
                async for customer_id, state in parts.store.scan_customers(lane):
                    stored.add(customer_id, state)
                    if made.pop(customer_id, None) != state:
                        different.append(customer_id)
                different.extend(made)
            progress(f"lane {lane}: {pipeline.saves} saves, {pipeline.records} records")
    ours, theirs = replayed.result(), stored.result() if compare else None
    return Replayed(
        ours, saves, records, theirs, theirs is None or ours.digest == theirs.digest, different[:1000]
    )


async def _journal_is_cut(log: KafkaLog, lane: int) -> bool:
    """Tell whether the lane's history begins before its journal: by retention, or because the log was replaced."""
    first, end = (await log.bounds(lane, [JOURNAL_TOPIC]))[JOURNAL_TOPIC]
    if first == end:
        return first > 0
    entries, _ = await log.journal(lane, first, first + 1)
    return not entries or entries[0][1].previous != NO_TOKEN


class _Silence:
    """A publisher for a replay: everything it could say has been said."""

    async def publish(self, emissions: Sequence[Emission]) -> None:
        return

    async def append_journal(self, entry: JournalEntry) -> int:
        raise AssertionError("a replay announces nothing")


async def _give_up(attempt: int, reason: Unavailable) -> None:
    if attempt >= 5:
        raise reason
    await asyncio.sleep(0.1 * 2**attempt)
