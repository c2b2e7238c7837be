"""One `cem up` from start to stop: servers, topics, processes, and what the user is told meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime
from typing import Final

import cem
from cem.cli.errors import DONE, FAILED, Failure
from cem.cli.reach import require_kafka, require_redis
from cem.cli.run_file import remove_run_file, write_run_file
from cem.cli.up.decided import Decided
from cem.cli.up.family import STOP_S, Family
from cem.cli.up.log_tail import LogTail
from cem.cli.up.plan import Plan, api_url
from cem.cli.up.readiness import answers
from cem.cli.up.screen import Screen
from cem.cli.up.states import OldStates, find_old_states, freeze_clock
from cem.cli.up.status import Status, status_line
from cem.cli.up.watcher import Watcher
from cem.embedded.broker import start_broker
from cem.embedded.redis import EmbeddedRedis
from cem.stores import RedisStore, Timeouts, open_store
from cem.streams.topic_admin import ensure_topics

__all__ = ["Service"]

_SERVICE: Final = ("simulate", "webhooks", "api", "worker", "learner")
_BROKER_STOP_S: Final = 1.0
_TAIL_EVERY_S: Final = 3.0


class Service:
    """Everything that one `cem up` starts."""

    def __init__(self, plan: Plan, screen: Screen) -> None:
        self._plan = plan
        self._screen = screen
        self._family = Family(screen.line, plan.logs, restarted=self._write_run_file)
        self._redis: EmbeddedRedis | None = None
        self._started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._stop = asyncio.Event()
        #: What people set is kept here where the log forgets it.
        self._decided = Decided(plan.decided) if plan.embeds_kafka else None

    async def run(self) -> int:
        """Return the exit code once the user has stopped it, or it could not go on. Leaves no process behind."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_stop)
        stopped = asyncio.create_task(self._stop.wait())
        work = asyncio.create_task(self._serve())
        try:
            await asyncio.wait((stopped, work), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            return DONE
        finally:
            stopped.cancel()
            work.cancel()
            await asyncio.gather(stopped, work, return_exceptions=True)
            await self._stop_all()

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            # A second Ctrl-C: the kernel takes the children along.
            os._exit(FAILED)
        self._screen.clear_status()
        self._screen.line("stopping ... (Ctrl-C again to stop at once)")
        self._stop.set()

    async def _serve(self) -> int:
        await self._start_servers()
        settings = self._plan.settings
        store = open_store(settings.redis_url, settings.partitions, timeouts=Timeouts(read_s=2.0))
        try:
            old = await self._prepare(store)
            self._write_run_file()
            await self._start_service(old)
            return await self._watch(store)
        finally:
            await store.close()

    async def _start_servers(self) -> None:
        plan = self._plan
        starts = plan.embeds_kafka or plan.embeds_redis
        self._screen.status(f"{'starting' if starts else 'looking for'} Kafka and Redis ...")
        try:
            async with asyncio.TaskGroup() as tasks:
                redis = tasks.create_task(self._start_redis())
                kafka = tasks.create_task(self._start_kafka())
        except BaseExceptionGroup as group:
            # One sentence is enough: the first that failed, the other was called off.
            raise group.exceptions[0] from None
        changed = {"redis_url": redis.result(), "kafka_bootstrap": kafka.result()}
        self._plan = plan.with_settings(plan.settings.model_copy(update=changed))
        await require_kafka(self._plan.settings)
        await require_redis(self._plan.settings)

    async def _start_redis(self) -> str:
        if not self._plan.embeds_redis:
            return self._plan.settings.redis_url
        self._redis = await EmbeddedRedis.start(self._plan.state_dir / "redis", self._plan.logs / "redis.log")
        self._family.adopt(self._redis.child)
        return self._redis.url

    async def _start_kafka(self) -> str:
        if not self._plan.embeds_kafka:
            return self._plan.settings.kafka_bootstrap
        child, address = await start_broker(self._plan.settings.partitions, self._plan.logs / "broker.log")
        self._family.adopt(child)
        return address

    async def _prepare(self, store: RedisStore) -> OldStates | None:
        """Make topics, states and clock fit each other; return what an earlier run left in the store."""
        plan = self._plan
        if not plan.embeds_kafka:
            created = await ensure_topics(plan.settings)
            if created:
                self._screen.line(f"created {len(created)} topics: {', '.join(created)}")
        old = await find_old_states(
            store, partitions=plan.settings.partitions, embeds_kafka=plan.embeds_kafka
        )
        if old is not None and old.simulated and plan.options.simulate:
            # The states are where the simulated clock has brought them: the wall may be far behind.
            self._plan = plan.with_settings(plan.settings.model_copy(update={"clock": "simulated"}))
        if self._plan.settings.clock == "simulated":
            await freeze_clock(store, old)
        return old

    async def _start_service(self, old: OldStates | None) -> None:
        plan, family = self._plan, self._family
        environ = plan.child_environ(os.environ, adopt_new_log=old is not None and plan.embeds_kafka)
        self._introduce(old)
        if self._decided is not None and (count := await self._decided.say(plan.settings)):
            self._screen.line(f"What was set before holds: {count} brakes, pauses or webhooks.")
        await family.start("worker", plan.worker(), environ, restart=True)
        await family.start("api", plan.api(), environ)
        # A port for metrics is one process's: the worker's.
        beside = environ | {"CEM_METRICS_PORT": "0"}
        await family.start("webhooks", plan.webhooks(), beside, restart=True)
        await family.start("learner", plan.learner(), beside, restart=True)
        self._write_run_file()
        self._screen.status("waiting for the API ...")
        url = api_url(plan.settings)
        # The simulated representatives ask the API, which is ready once the simulator has begun the clock.
        await answers(url, "/livez", family.failed)
        if plan.options.simulate and not family.failed.is_set():
            with_history = old is None or not old.simulated
            await family.start("simulate", plan.simulator(with_history=with_history), environ)
            self._write_run_file()
        await answers(url, "/readyz", family.failed)
        if family.failed.is_set():
            return
        self._screen.clear_status()
        self._screen.line("ready; Ctrl-C stops everything")

    async def _watch(self, store: RedisStore) -> int:
        watcher = Watcher(self._plan.settings, store, say=self._screen.line, show=self._show)
        watching = asyncio.create_task(watcher.run())
        keeping = asyncio.create_task(self._keep_decided())
        failing = asyncio.create_task(self._family.failed.wait())
        tailing = asyncio.create_task(self._tell_errors())
        try:
            await asyncio.wait((watching, failing), return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()
            raise Failure(self._family.failure, self._family.exit_code)
        finally:
            tasks = (watching, failing, tailing, keeping)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_decided(self) -> None:
        if self._decided is None:
            return
        try:
            await self._decided.follow(self._plan.settings)
        except OSError as error:
            self._screen.line(f"brakes, pauses and webhooks set from now on end with this run: {error}")

    async def _tell_errors(self) -> None:
        tail = LogTail([self._plan.logs / f"{name}.log" for name in _SERVICE])
        while True:
            for line in tail.fresh_errors():
                self._screen.line(line)
            await asyncio.sleep(_TAIL_EVERY_S)

    def _show(self, status: Status) -> None:
        self._screen.status(status_line(status))

    def _introduce(self, old: OldStates | None) -> None:
        plan, settings, line = self._plan, self._plan.settings, self._screen.line
        self._screen.clear_status()
        line(f"cem {cem.__version__}, state in {plan.state_dir}")
        line(f"  Kafka  {settings.kafka_bootstrap}" + ("  (embedded)" if plan.embeds_kafka else ""))
        redis = self._redis.url if self._redis is not None else "as CEM_REDIS_URL says"
        line(f"  Redis  {redis}" + ("  (embedded)" if plan.embeds_redis else ""))
        line(f"  API    {api_url(settings)}")
        line(f"  logs   {plan.logs}")
        if plan.options.simulate:
            line(f"  truth  {plan.truth}  (what the simulated customers hide; docs/simulator.md)")
        if plan.embeds_kafka:
            line(
                "The embedded broker is for this one machine: it keeps little, in memory, and forgets its log when "
                "it stops. CEM_KAFKA_BOOTSTRAP points cem at a real Kafka."
            )
        if old is not None:
            then = "starts the new log with the old states" if plan.embeds_kafka else "goes on from there"
            line(f"Found states of an earlier run, up to {old.until}: {then}.")
            if plan.options.history_days and old.simulated:
                line("Their history is in them already, so none is written; another --state-dir begins anew.")

    def _write_run_file(self) -> None:
        content = self._plan.run_file(
            pids=self._family.pids, started_at=self._started_at, version=cem.__version__
        )
        write_run_file(self._plan.state_dir, content)

    async def _stop_all(self) -> None:
        self._screen.clear_status()
        remove_run_file(self._plan.state_dir)
        await self._family.stop(_SERVICE, STOP_S)
        await asyncio.gather(self._family.stop(("broker",), _BROKER_STOP_S), self._stop_redis())
        await self._family.close()

    async def _stop_redis(self) -> None:
        if self._redis is not None:
            await self._redis.stop()
