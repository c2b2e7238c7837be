"""A steady thousand records a second through a real worker: how soon a record is in the state, and what that costs.

The delay is taken from outside: from when a record was due to be sent to when a reader of Redis sees the state that
counts it (asked every 2 ms). CPU of worker, Redis and Kafka as the kernel counts it, while the load runs.

    python -m bench.steady [--rate 1000] [--seconds 180] [--linger MS]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from bench.common import ROOT, CpuClock, Row, Target, check_targets, say, show, write_results
from bench.rig import Rig, run_json, settle

__all__ = ["main"]


def load_command(rig: Rig, *, rate: float, seconds: float, report_s: float = 10.0) -> list[str]:
    """Return the command of the load on `rig`."""
    command = [sys.executable, "-m", "bench.steady_load", "--kafka", rig.kafka.bootstrap]
    command += ["--redis-port", str(rig.redis.port), "--partitions", str(rig.partitions)]
    return [*command, "--rate", str(rate), "--seconds", str(seconds), "--report", str(report_s)]


def main() -> int:
    """Measure, print, write `bench/results/steady.json`; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--linger", type=int, help="CEM_LINGER_MS; default: the product's")
    parser.add_argument("--partitions", type=int, default=24)
    asked = parser.parse_args()
    more = {} if asked.linger is None else {"CEM_LINGER_MS": str(asked.linger)}
    with Rig(partitions=asked.partitions) as rig:
        worker = rig.worker(**more)
        say("warming up ...")
        run_json(load_command(rig, rate=asked.rate, seconds=10), timeout_s=120)
        settle(2)
        processes = {
            "worker": worker.pid,
            "Redis": rig.redis.pid,
            "Kafka": rig.kafka.child.pid if rig.kafka.child else 0,
        }
        clock = CpuClock(processes)
        last = ""
        with subprocess.Popen(
            load_command(rig, rate=asked.rate, seconds=asked.seconds),
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        ) as load:
            assert load.stdout is not None
            for line in load.stdout:
                last = line
                say(line.strip())
        wall, cpu = clock.read()
        found = json.loads(last)
    sent = found["sent"]
    rows = [
        Row("sent", found["per_s"], "records/s"),
        Row("event to state visible, p50", found["p50_ms"], "ms"),
        Row("event to state visible, p95", found["p95_ms"], "ms"),
        Row("event to state visible, p99", found["p99_ms"], "ms"),
        Row("event to state visible, longest", found["max_ms"], "ms"),
        Row("worker CPU", cpu["worker"] / wall * 100, "% of a core"),
        Row("worker CPU a record", cpu["worker"] / sent * 1e6, "us"),
        Row("Redis CPU", cpu["Redis"] / wall * 100, "% of a core"),
        Row("Redis CPU a record", cpu["Redis"] / sent * 1e6, "us"),
        Row("Kafka CPU", cpu["Kafka"] / wall * 100, "% of a core"),
        Row("not seen", found["waiting"], "records"),
    ]
    show(
        f"Steady {asked.rate:g} records/s for {asked.seconds:g} s",
        ("", "", ""),
        [(r.name, r.value, r.unit) for r in rows],
    )
    good = check_targets(
        rows,
        (
            Target("event to state visible, p95", most=40, of="value"),
            Target("event to state visible, p99", most=80, of="value"),
            Target("worker CPU", most=25, of="value"),
            Target("not seen", most=0, of="value"),
        ),
    )
    write_results(
        "steady",
        rows,
        rate=asked.rate,
        seconds=asked.seconds,
        linger_ms=asked.linger,
        partitions=asked.partitions,
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
