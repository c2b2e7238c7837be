"""What a typical household costs Redis: 120 messages, 20 contacts, two lines, four bills; everything counted.

A server is filled with such states under the product's own keys, and what it holds more than before is divided by
their number: value, key, table entries, the lane's set of names, and jemalloc's rounding. A row with the share of a
due time is what a customer costs of whom something is awaited (a window to close, an alert to end).

    python -m bench.state_size [--customers 100000]
"""

from __future__ import annotations

import argparse
import sys

from bench.common import Row, Target, check_targets, say, show, write_results
from bench.households import fill_redis, household_id, state_of
from cem.stores.connections import pack
from cem.stores.keys import CUSTOMER, LaneKeys
from cem.streams.partition import lane_of
from tests.servers.redis import RedisServer

__all__ = ["main"]

PARTITIONS = 24


def used_bytes(redis: RedisServer) -> int:
    """Return what the server has allocated for its data."""
    stats = redis.command("INFO", "memory")
    text = stats.decode() if isinstance(stats, bytes) else str(stats)
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return int(fields["used_memory"])


def main() -> int:
    """Measure, print, write `bench/results/state-size.json`; 1 when the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    asked = parser.parse_args()
    count: int = asked.customers
    with RedisServer(options={"appendonly": "no"}) as redis:
        empty = used_bytes(redis)
        fill_redis(redis.port, range(count), PARTITIONS)
        filled = used_bytes(redis)
        lanes = [LaneKeys(lane, PARTITIONS) for lane in range(PARTITIONS)]
        ids = [household_id(number) for number in range(count)]
        key = lanes[lane_of(ids[0], PARTITIONS)].of(CUSTOMER + ids[0])
        of_key = int(redis.command("MEMORY", "USAGE", key))
        for start in range(0, count, 1000):
            for customer_id in ids[start : start + 1000]:
                due = lanes[lane_of(customer_id, PARTITIONS)].due
                redis.command("ZADD", due, "1790000000000", customer_id)
        with_due = used_bytes(redis)
    value = len(state_of(0))
    say(
        f"value {value} bytes, key {len(key)} bytes; pack of a SET {len(pack([(b'SET', key, state_of(0))]))} bytes"
    )
    rows = [
        Row("state as encoded", value, "bytes"),
        Row("key and value, MEMORY USAGE", of_key, "bytes"),
        Row("customer in Redis, all counted", (filled - empty) / count, "bytes"),
        Row("customer with a due time, all counted", (with_due - empty) / count, "bytes"),
    ]
    show(
        f"A typical household in Redis ({count:,} of them)", ("", "bytes"), [(r.name, r.value) for r in rows]
    )
    good = check_targets(rows, (Target("customer in Redis, all counted", most=1500, of="value"),))
    write_results("state-size", rows, customers=count)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
