"""A million customers against ten thousand: the same worker and the same backlog, spread over all of them.

Redis is filled with typical states under the product's own keys, a backlog of text messages is written to Kafka, and a
fresh worker works it off. Ten thousand fit into its memory; of a million, nearly every message needs a state from
Redis. Throughput is taken between a tenth and nine tenths of the backlog, so start and end do not count.

    python -m bench.million [--customers 1000000] [--few 10000] [--backlog 200000]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from bench.common import CpuClock, Row, Target, check_targets, say, show, write_results
from bench.households import fill_redis
from bench.rig import Rig
from bench.step import applied_records, send_messages
from cem.settings import Settings

__all__ = ["main"]


def throughput(customers: int, backlog: int) -> dict[str, float]:
    """Return records a second and CPU us a record with so many customers in Redis."""
    with Rig(redis_options={"appendonly": "no"}) as rig:
        say(f"filling Redis with {customers:,} states ...")
        fill_redis(rig.redis.port, range(customers), rig.partitions)
        settings = Settings.from_env(rig.environ)
        say(f"writing a backlog of {backlog:,} messages ...")
        asyncio.run(send_messages(settings, backlog, customers, 0))
        worker = rig.worker()
        done, began, clock = 0, 0.0, None
        deadline = time.monotonic() + 1800
        while True:
            found = asyncio.run(applied_records(rig, settings))
            if clock is None and found >= backlog * 0.1:
                clock = CpuClock({"worker": worker.pid, "Redis": rig.redis.pid})
                began, done = time.perf_counter(), found
            if found >= backlog * 0.9 and clock is not None:
                took = time.perf_counter() - began
                _, cpu = clock.read()
                counted = found - done
                return {
                    "per_s": counted / took,
                    "worker_us": cpu["worker"] / counted * 1e6,
                    "redis_us": cpu["Redis"] / counted * 1e6,
                }
            if time.monotonic() > deadline:
                raise RuntimeError("the worker does not catch up:\n" + worker.tail())
            time.sleep(0.05)


def main() -> int:
    """Measure, print, write `bench/results/million.json`; 1 when the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--backlog", type=int, default=200_000)
    asked = parser.parse_args()
    few = throughput(asked.few, asked.backlog)
    many = throughput(asked.customers, asked.backlog)
    names = {"per_s": "records/s", "worker_us": "worker CPU us/record", "redis_us": "Redis CPU us/record"}
    rows: list[Row] = []
    for figure, unit in names.items():
        base = Row(f"{asked.few:,} customers, {unit}", few[figure], unit)
        rows += [base, Row.against(f"{asked.customers:,} customers, {unit}", many[figure], unit, base)]
    show("Many customers against few", ("", "", "ratio"), [(r.name, r.value, r.ratio) for r in rows])
    good = check_targets(rows, (Target(f"{asked.customers:,} customers, records/s", least=0.8),))
    write_results("million", rows, backlog=asked.backlog)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
