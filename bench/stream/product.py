"""The product's run: one worker or several, one Redis, watched through the lanes' positions in the store."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from confluent_kafka.admin import AdminClient, NewTopic

from bench.common import CACHE, ROOT
from bench.stream.job import State
from bench.stream.race import FOLD_S, START_S, Marks, Process, Result, RunFailed
from bench.stream.records import TOPIC
from cem.ports import Unavailable
from cem.stores import open_store
from cem.stores.base import Timeouts
from cem.streams.topics import TOPICS
from tests.servers.redis import RedisServer

__all__ = ["Product", "make_topics"]

#: How often the store is asked how far the lanes are (s): up to so much is added to what a run took.
LOOK_EVERY_S = 0.02


def make_topics(bootstrap: str, partitions: int) -> None:
    """Make the product's topics anew, but for the one with the records: each run begins with an empty journal."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wanted = {spec.name: spec for spec in TOPICS}
    there = set(admin.list_topics(timeout=30).topics)
    fresh = there & set(wanted) - {TOPIC}
    if fresh:
        for done in admin.delete_topics(sorted(fresh), operation_timeout=30).values():
            done.result(30)
    deadline = time.monotonic() + 30
    while fresh & set(admin.list_topics(timeout=30).topics):
        if time.monotonic() > deadline:
            raise RunFailed("topics of the last run do not go away")
        time.sleep(0.2)
    made = [
        NewTopic(spec.name, spec.partitions(partitions), 1, config={"cleanup.policy": spec.cleanup})
        for spec in TOPICS
        if spec.name not in there or spec.name in fresh
    ]
    for done in admin.create_topics(made, operation_timeout=30).values():
        done.result(30)


@dataclass
class Product:
    """`workers` workers of the product on one Redis. `settings` are `CEM_*` variables beside the necessary ones."""

    name: str
    title: str
    workers: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    #: Where to write a profile of the first worker (py-spy's folded stacks of the thread that has the GIL).
    profile: Path | None = None

    def run(
        self,
        env: Mapping[str, str],
        *,
        broker_pid: int,
        records: int,
        customers: int,
        partitions: int,
        out: Path,
    ) -> tuple[Result, dict[str, tuple[int, int]]]:
        """Return what the run took, and what it counted. Raises RunFailed."""
        out.mkdir(parents=True)
        make_topics(env["BENCH_BOOTSTRAP"], partitions)
        with RedisServer(data_dir=out / "redis") as redis:
            assert redis.child is not None
            pids = {"broker": broker_pid, "redis": redis.child.pid}
            marks = Marks(lambda: dict(pids))
            workers = []
            try:
                for number in range(self.workers):
                    worker = Process(
                        [sys.executable, "-m", "bench.stream.worker"],
                        env={
                            **env,
                            "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}",
                            "CEM_KAFKA_BOOTSTRAP": env["BENCH_BOOTSTRAP"],
                            "CEM_REDIS_URL": redis.url,
                            "CEM_GROUP": env["BENCH_GROUP"],
                            "CEM_PARTITIONS": str(partitions),
                            "CEM_STATE_DIR": str(out / f"state-{number}"),
                            **self.settings,
                        },
                        log=out / f"log-{number}.txt",
                        at_mark=marks.set,
                    )
                    workers.append(worker)
                    pids[f"worker-{number}"] = worker.pid
                if self.profile is not None:
                    self._begin_profile(workers[0].pid)
                return asyncio.run(_watch(redis.url, partitions, customers, records, workers, marks))
            finally:
                for worker in workers:
                    worker.stop()
                shutil.rmtree(out / "redis", ignore_errors=True)

    def _begin_profile(self, pid: int) -> None:
        spy = CACHE / "tools" / "bin" / "py-spy"
        command = [
            str(spy),
            "record",
            "--gil",
            "-f",
            "raw",
            "-r",
            "400",
            "-d",
            "600",
            "-o",
            str(self.profile),
        ]
        # It ends with the process that it watches.
        subprocess.Popen([*command, "-p", str(pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def _watch(
    url: str, partitions: int, customers: int, records: int, workers: list[Process], marks: Marks
) -> tuple[Result, dict[str, tuple[int, int]]]:
    """Take the marks from the lanes' positions, then read every customer's state."""
    await asyncio.to_thread(workers[0].wait, marks.first, START_S, "the first record")
    store = open_store(url, partitions, timeouts=Timeouts(read_s=5.0))
    try:
        deadline = time.monotonic() + FOLD_S
        done = 0
        while done < records:
            if dead := [worker for worker in workers if not worker.alive]:
                raise RunFailed(f"a worker ended at {done:,} records\n{dead[0].tail()}")
            if time.monotonic() > deadline:
                raise RunFailed(f"{done:,} records in {FOLD_S:g} s\n{workers[0].tail()}")
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                headers = await store.headers()
            except Unavailable:
                continue
            done = sum(h.positions[TOPIC].next_offset for h in headers.values() if TOPIC in h.positions)
            if done >= records // 2:
                marks.set("half")
        marks.set("last")
        saves = 0
        for header in headers.values():
            saves += header.journal_offset + 1
        # The alerts of the last save are on their way.
        await asyncio.sleep(1.0)
        decode = msgspec.msgpack.Decoder(State).decode
        counts = {}
        names = [f"c{number:07d}" for number in range(customers)]
        for start in range(0, len(names), 2000):
            for blob in await store.read_many(names[start : start + 2000]):
                if blob is not None:
                    state = decode(blob)
                    counts[state.customer] = state.count, state.charge_minor
    finally:
        await store.close()
    result = marks.result(records)
    result.notes["records a save"] = records / saves
    return result, counts


def plain_environment() -> dict[str, str]:
    """Return this process's environment without settings of the product."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("CEM_", "JAVA_TOOL_OPTIONS"))}
