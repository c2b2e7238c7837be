"""How fast an emptied store is made again: from the lane's checkpoint and its journal, and from the journal alone.

In process, without network: the lane's own pipeline follows its journal over the memory store, reading the records
again from lists. First the messages of a day after the checkpoint, then the whole year from an empty store, every kind
of record in it; then messages that a worker took as they came, so that its journal has an entry for every other one. All
end with the values of the lane that was lost, or the benchmark fails.

Then, with `--stream`, the whole: a worker, Kafka and Redis, which is emptied; from the start of the
worker to the last record of the log, in one process and in as many as there are cores; the digest is that of before.

    python -m bench.rebuild [--households 200] [--messages 60000] [--profile FILE] [--stream RECORDS]
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import cProfile
import os
import pstats
import sys
import time
from pathlib import Path

from bench.common import Row, Target, check_targets, say, show, write_results
from bench.rig import Rig
from bench.step import BATCH, MESSAGE_EVERY_MS, applied_records, household_year, messages, send_messages
from cem.pipeline import Limits
from cem.settings import Settings
from cem.stores import MemoryCore
from tests.builders.one_lane import LANE, OneLane
from tests.builders.records import LogRecord

__all__ = ["main"]

RUNS = 3
#: Records of an entry where a worker keeps up.
FEW = 2


async def _live(lane: OneLane, households: int, count: int, batch: int) -> MemoryCore:
    """Let the lane live through a year and the messages after it, `batch` to an entry of its journal.

    Returns what its checkpoint between them holds.
    """
    pipeline = lane.owner(Limits(customers=BATCH))
    await pipeline.open()

    async def take(records: list[LogRecord]) -> None:
        log = lane.inputs[records[0].topic]
        placed = [r._replace(offset=len(log) + n) for n, r in enumerate(records)]
        log += placed
        while await pipeline.tick(placed[0].timestamp):
            pass
        await pipeline.apply(placed[0].topic, placed, placed[-1].timestamp)

    for moment in household_year(households):
        await take(moment)
    checkpoint = copy.deepcopy(lane.core)
    fresh = list(messages(count, households, len(lane.inputs["cem.sms-usage"]), MESSAGE_EVERY_MS))
    for start in range(0, count, batch):
        await take(fresh[start : start + batch])
    return checkpoint


async def _follow(lane: OneLane, core: MemoryCore) -> tuple[int, float]:
    """Return how many records were followed into `core`, and the CPU seconds that it took."""
    pipeline = lane.owner(Limits(customers=BATCH), core=core)
    began = time.process_time()
    await pipeline.open()
    took = time.process_time() - began
    if core.values(LANE) != lane.core.values(LANE):
        raise RuntimeError("what was rebuilt differs from what was lost")
    return pipeline.counts.records, took


def on_the_stream(count: int, households: int) -> dict[str, float]:
    """Return records a second of a worker that makes all states again, by how many processes do it."""
    rates: dict[str, float] = {}
    with Rig(partitions=4) as rig:
        settings = Settings.from_env(rig.environ)
        asyncio.run(send_messages(settings, count, households, 0))
        worker = rig.worker("builds")
        _applied_at(rig, settings, count)
        worker.stop()
        before = rig.cem("state", "digest")
        for name, processes in (("one process", "1"), ("a process a core", str(os.cpu_count()))):
            rig.redis.command("FLUSHALL")
            # From the start: what is followed is in memory for long before any of it is saved.
            began = time.monotonic()
            worker = rig.start(
                f"rebuilds-{processes}", "cem", "worker", CEM_REBUILD="1", CEM_REBUILD_PROCESSES=processes,
                CEM_WORKER_ID=f"rebuilds-{processes}",
            )  # fmt: skip
            ended = _applied_at(rig, settings, count)
            rates[name] = count / (ended - began)
            say(
                f"on the stream, {name}: {count:,} records in {ended - began:.1f} s, start of the worker included"
            )
            worker.stop()
            if rig.cem("state", "digest") != before:
                raise RuntimeError("what was rebuilt on the stream differs from what was lost")
    return rates


def _applied_at(rig: Rig, settings: Settings, least: int) -> float:
    """Return when so many messages were applied (monotonic seconds)."""
    deadline = time.monotonic() + 900
    while (applied := asyncio.run(applied_records(rig, settings))) < least:
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {applied:,} of {least:,} messages are applied")
        time.sleep(0.05)
    return time.monotonic()


def main() -> int:
    """Measure, print, write `bench/results/rebuild.json`; 1 when the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=200)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument(
        "--profile", type=Path, help="a file for cProfile's table of the following after the checkpoint"
    )
    parser.add_argument(
        "--stream",
        type=int,
        default=0,
        metavar="RECORDS",
        help="also on Kafka and Redis, with so many messages",
    )
    asked = parser.parse_args()
    lane, steady = OneLane(), OneLane()
    checkpoint = asyncio.run(_live(lane, asked.households, asked.messages, BATCH))
    before = asyncio.run(_live(steady, asked.households, asked.messages // 3, FEW))
    rows = []
    for name, lost, start in (
        ("after a checkpoint", lane, checkpoint),
        ("a year from an empty store", lane, MemoryCore()),
        (f"after a checkpoint, {FEW} records an entry", steady, before),
    ):
        rates = []
        for _ in range(RUNS):
            count, took = asyncio.run(_follow(lost, copy.deepcopy(start)))
            rates.append(count / took)
        say(f"{name}: {count:,} records, {', '.join(f'{rate:,.0f}' for rate in rates)} a CPU second")
        rows.append(Row(f"rebuilt {name}", max(rates), "records/CPU s"))
    if asked.profile:
        profile = cProfile.Profile()
        profile.enable()
        asyncio.run(_follow(lane, copy.deepcopy(checkpoint)))
        profile.disable()
        with asked.profile.open("w") as file:
            pstats.Stats(profile, stream=file).sort_stats("tottime").print_stats(60)
    if asked.stream:
        for name, rate in on_the_stream(asked.stream, 20_000).items():
            rows.append(Row(f"rebuilt on the stream, {name}", rate, "records/s"))
    show("How fast a lane is made again", ("", "", ""), [(r.name, r.value, r.unit) for r in rows])
    good = check_targets(rows, (Target("rebuilt after a checkpoint", least=50_000, of="value"),))
    write_results("rebuild", rows, households=asked.households, messages=asked.messages)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
