"""One worker: its lanes, the Faust app that feeds them, its metrics."""

from __future__ import annotations

import asyncio
import gc
import secrets
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import cem
from cem.bootstrap.brakes import Brakes
from cem.bootstrap.checkpoints import CheckpointFiles
from cem.bootstrap.judge import ledger_judge
from cem.bootstrap.learner import model_names
from cem.bootstrap.parts import Parts, open_parts
from cem.bootstrap.rebuilding import Rebuilders, processes_for
from cem.bootstrap.reloading import RulesWatch
from cem.bootstrap.rules import read_rules
from cem.bootstrap.rules_archive import RulesArchive
from cem.bootstrap.segment_watch import segment_watch
from cem.bootstrap.voice_watch import voice_watch
from cem.domain.restraint import NOTHING, Restraint
from cem.domain.scores import Answers
from cem.journal import JOURNAL_TOPIC
from cem.pipeline import LanePipeline, Limits
from cem.ports import NO_TOKEN, Log, Observer, Publisher, StateStore, Unavailable
from cem.settings import Settings
from cem.step import CemStepper
from cem.step_rules import Rules
from cem.stepper import Stepper
from cem.stores.codec import RESTORING
from cem.streams.checkpoints import CheckpointKeeper
from cem.streams.dead_letters import dead_letter
from cem.streams.lag_metrics import LagCollector
from cem.streams.lag_own_lanes import look_at_own_lanes
from cem.streams.lag_reader import LagReader
from cem.streams.lag_watch import LagWatch
from cem.streams.lane import Lane
from cem.streams.lanes import LaneSet
from cem.streams.metrics import WorkerMetrics
from cem.streams.metrics_lanes import LaneCollector
from cem.streams.metrics_ledger import LedgerCollector
from cem.streams.metrics_pauses import PauseCollector
from cem.streams.metrics_rules import RulesCollector
from cem.streams.metrics_segments import SegmentCollector
from cem.streams.metrics_server import serve_metrics
from cem.streams.metrics_timed import TimedPublisher, TimedStepper, TimedStore
from cem.streams.metrics_voice import VoiceCollector
from cem.streams.model_watch import LateShelf, PublishedModels, watch_models
from cem.streams.partition import lane_of
from cem.streams.reject_window import DeadLetterLimits
from cem.streams.stopped_lanes import StoppedLanes
from cem.streams.topics import LANE_TOPICS

__all__ = ["lane_pipeline", "lanes_moving", "make_stepper", "owner_name", "resume_key", "run_worker"]


def make_stepper(
    rules: Rules,
    partitions: int,
    archive: RulesArchive | None = None,
    models: Answers | None = None,
    restraint: Callable[[], Restraint] = lambda: NOTHING,
) -> CemStepper:
    """Return the stream job under `rules`, for a deployment of so many lanes.

    `models` answers what folds ask; `restraint` says what is withheld from customers now.
    """
    return CemStepper(
        rules,
        dead_letter=dead_letter,
        lane_of=lambda customer_id: lane_of(customer_id, partitions),
        find_rules=archive.find if archive else lambda version: None,
        models=models,
        restraint=restraint,
    )


def owner_name(settings: Settings) -> str:
    """Return a name for an owner of lanes that no other process has, and none of before."""
    return f"{settings.worker_id or socket.gethostname()}-{secrets.token_hex(4)}"


def lane_pipeline(
    number: int,
    settings: Settings,
    stepper: Stepper[Any, Any],
    *,
    store: StateStore,
    publisher: Publisher,
    log: Log,
    owner: str,
    pause: Callable[[int, Unavailable], Awaitable[None]],
    at_point: Callable[[str], None] = lambda name: None,
    observer: Observer | None = None,
) -> LanePipeline[Any, Any]:
    """Return the lane's pipeline as the settings want it, in a worker and in what makes lanes again beside it."""
    return LanePipeline(
        number,
        store=store,
        publisher=publisher,
        log=log,
        stepper=stepper,
        topics=LANE_TOPICS,
        owner=owner,
        new_token=lambda: secrets.token_hex(8),
        pause=pause,
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
        observer=observer,
    )


def resume_key(topic: str, lane: int) -> str:
    """Return the store's key by which a person lets a lane read on in a topic that its dead letters paused.

    Its value is the offset at which he saw it stand: what pauses further on he has not seen.
    """
    return f"cem:resume:{topic}:{lane}"


async def run_worker(settings: Settings, *, job: Stepper[Any, Any] | None = None) -> None:
    """Run one worker until it is told to stop. Raises what `cem.agents.worker.run_worker` raises.

    `job` takes the place of the product's own under the same wiring (a benchmark compares it with its peers).
    """
    from cem.agents import make_app
    from cem.agents.crash_points import crash_points
    from cem.agents.worker import run_worker as run

    rules = read_rules(settings)
    owner = owner_name(settings)
    async with open_parts(settings) as parts:
        archive = RulesArchive(settings.checkpoints.parent / "rules", parts.store)
        await archive.keep(rules)
        models = LateShelf()
        brakes = Brakes(parts, settings)
        made = make_stepper(rules, settings.partitions, archive, models, lambda: brakes.restraint)
        stepper: Stepper[Any, Any] = job or made
        watch = RulesWatch(settings, rules, read=read_rules, keep=archive.keep, use=made.use)
        await brakes.start()
        at_point = crash_points(settings.crash_at)
        files = CheckpointFiles(parts.store, settings)
        keeper = CheckpointKeeper(files, every_s=settings.checkpoint_every_s)
        metrics = _worker_metrics(settings)
        store = parts.store if metrics is None else TimedStore(parts.store, metrics)
        publisher = parts.publisher if metrics is None else TimedPublisher(parts.publisher, metrics)

        rebuilders = None
        if settings.rebuild and job is None and processes_for(settings) > 1:
            rebuilders = Rebuilders(settings, lambda lane: _saves_left(parts, lane))
        stopped = StoppedLanes(parts.store, settings.worker_id or socket.gethostname())

        def make_lane(number: int, lanes: LaneSet) -> Lane:
            meter = None if metrics is None else metrics.meter()
            return Lane(
                number,
                make_pipeline=lambda lane: lane_pipeline(
                    number,
                    settings,
                    stepper if metrics is None else TimedStepper(stepper, metrics),
                    store=store,
                    publisher=publisher,
                    log=parts.log,
                    owner=owner,
                    pause=lane.pause,
                    at_point=at_point,
                    observer=meter,
                ),
                topics=LANE_TOPICS,
                clock=parts.clock,
                on_crash=lambda error: lanes.on_crash(error),
                on_opened=lambda lane: opened(lanes, lane),
                checkpoints=keeper,
                rebuild=settings.rebuild,
                rebuild_beside=None if rebuilders is None else rebuilders.rebuild,
                observer=meter,
                refresh_rules=archive.refresh,
            )

        def opened(lanes: LaneSet, lane: Lane) -> None:
            stopped.note(lane)
            lanes.opened(lane)

        async def resumed(topic: str, lane: int, at: int) -> bool:
            return await parts.store.get_raw(resume_key(topic, lane)) == b"%d" % at

        lanes = LaneSet(make_lane, topics=LANE_TOPICS, on_crash=lambda error: None)
        app = make_app(settings, lanes, parts.options)
        judge = ledger_judge(
            parts.store.own_states,
            parts.publisher,
            lambda: brakes.tellings,
            lambda: watch.rules.alerts.ledger,
            lambda: _has_first(lanes),
        )
        voice = voice_watch(parts.store.own_states, parts.clock.now_ms, lambda: _has_first(lanes))
        closers: list[Callable[[], Awaitable[None]]] = [stopped.say, brakes.stop, parts.close]
        runs = [
            lambda: lanes.resume_paused(resumed),
            lambda: stopped.run(lanes.lanes),
            brakes.run,
            judge.run,
            voice.run,
            watch.run,
            lambda: archive.run(lambda: watch.rules),
            *parts.background,
        ]
        names = model_names(settings) if job is None else []
        runs.append(lambda: _after_the_start(lanes, models, parts.store, names))
        if metrics is not None:
            reader = LagReader(parts.options)
            lag = LagWatch(
                settings.group,
                lambda: look_at_own_lanes(reader, lanes, group=settings.group, topics=LANE_TOPICS),
            )
            LaneCollector(lanes, metrics.registry)
            LagCollector(lag, metrics.registry)
            RulesCollector(lambda: watch.rules.version, lambda: bool(watch.refused), metrics.registry)
            PauseCollector(lambda: brakes.tellings, lambda: brakes.restraint, metrics.registry)
            LedgerCollector(lambda: judge.seen, metrics.registry)
            VoiceCollector(lambda: voice.seen, metrics.registry)
            segments = segment_watch(
                parts.store.own_states, lambda: watch.rules.segments, lambda: _has_first(lanes)
            )
            SegmentCollector(lambda: segments.seen, metrics.registry)
            runs.append(segments.run)
            close_port = serve_metrics(
                metrics.registry, host=settings.metrics_host, port=settings.metrics_port
            )
            closers = [reader.stop, lambda: asyncio.to_thread(close_port), *closers]
            runs.append(lag.run)
        # What is here by now stays (some garbage of imports with it): no collection is to walk through it while lanes open.
        gc.freeze()
        await run(app, lanes, parts.log, settings, closers=closers, background=[start() for start in runs])


async def _saves_left(parts: Parts, lane: int) -> int:
    """Return how many saves the lane's journal has after the store's. Raises Unavailable."""
    first, end = (await parts.log.bounds(lane, [JOURNAL_TOPIC]))[JOURNAL_TOPIC]
    token = await parts.store.token_of(lane)
    if token != NO_TOKEN and not token.startswith(RESTORING):
        header = (await parts.store.open_lane(lane)).header
        first = first if header is None else header.journal_offset
    return end - first


def _has_first(lanes: LaneSet) -> bool:
    """Return whether lane 0 is this worker's, and open: what there is one of in a deployment is done beside it."""
    lane = lanes.lanes.get(0)
    return lane is not None and lane.pipeline.is_open


async def lanes_moving(lanes: LaneSet, *, every_s: float = 0.1, within_s: float = 30.0) -> None:
    """Return when each lane that this worker has is open and has saved, has nothing to read, or waits for a person.

    After `within_s` at the latest: something may be away for longer.
    """
    loop = asyncio.get_running_loop()
    saves: dict[int, int] = {}
    deadline_s = loop.time() + within_s
    while loop.time() < deadline_s:
        await asyncio.sleep(every_s)
        if lanes.lanes and all(_moves(lane, saves) for lane in lanes.lanes.values()):
            return


def _moves(lane: Lane, saves: dict[int, int]) -> bool:
    """Tell whether the lane has saved since it was first seen open (`saves`, by lane), or has no reason to."""
    if lane.stopped is not None:
        return True
    if not lane.pipeline.is_open or lane.opening:
        return False
    made = lane.pipeline.counts.saves
    return made > saves.setdefault(lane.number, made) or lane.unread() == 0


async def _after_the_start(
    lanes: LaneSet, models: LateShelf, store: PublishedModels, names: Sequence[str]
) -> None:
    """Have the collector of garbage pass by what the start has made, once the lanes move; then read models, for ever.

    By what the import of their library has made, too: without another collection, which would hold up the lanes.
    """
    await lanes_moving(lanes)
    gc.collect()
    gc.freeze()
    if names:
        await watch_models(models, store, names, imported=gc.freeze)


def _worker_metrics(settings: Settings) -> WorkerMetrics | None:
    """Return the worker's metrics; None when nobody would see them."""
    if not settings.metrics_port:
        return None
    worker_id = settings.worker_id or socket.gethostname()
    return WorkerMetrics(worker_id=worker_id, version=cem.__version__, clock=settings.clock)
