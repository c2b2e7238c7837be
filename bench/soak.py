"""Holds the service at 3,000 records a second with API load, and watches that nothing grows.

A worker, an API process, Kafka and Redis; messages on a fixed schedule, next best actions asked for at a fixed rate.
After the first minutes, memory and connections of each process are held against what they were then, and the lag that
the worker shows each second is held against one second, from beginning to end. One line a minute, a verdict, and
`bench/results/soak.json`; the exit code is 1 when a bound was broken.

    python -m bench.soak [--minutes 30] [--settle 5] [--rate 3000] [--asks 50]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import Any

from bench.common import ROOT, CpuClock, Row, Target, check_targets, resident_bytes, say, show, write_results
from bench.households import household_id
from bench.rig import Rig, run_json, settle
from bench.steady import load_command
from bench.steady_load import FIRST
from tests.servers.child import die_with_parent

__all__ = ["main"]

#: How much a process may have grown since the start's end, and the longest lag.
GROWTH, LAG_S = 0.05, 1.0
#: Connections that come and go by themselves: a probe, a metadata refresh.
CONNECTIONS = 2
_LAG = re.compile(r"^kafka_consumergroup_group_max_lag_seconds(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


class Watch:
    """What the processes hold, minute by minute, and the worst lag of each."""

    def __init__(self, processes: Mapping[str, int], metrics_url: str) -> None:
        self.processes = dict(processes)
        self.metrics_url = metrics_url
        self.clock = CpuClock(processes)
        self.minutes: list[dict[str, Any]] = []
        self.worst_lag_s = 0.0
        self.unread = 0
        self._stolen_s = stolen_s()

    def look(self) -> float | None:
        """Return the lag that the worker shows now, in seconds; None when it does not answer or does not know."""
        try:
            with urllib.request.urlopen(self.metrics_url, timeout=5) as page:
                found = [float(value) for value in _LAG.findall(page.read().decode())]
        except OSError:
            self.unread += 1
            return None
        known = [value for value in found if not isnan(value)]
        if known:
            self.worst_lag_s = max(self.worst_lag_s, *known)
        else:
            # Not known is not none: a worker that is starved does not say how far it is behind.
            self.unread += 1
        return max(known, default=None)

    def minute(self, at_s: float) -> dict[str, Any]:
        """Note and return what the processes hold, and the worst lag since the last minute."""
        wall, cpu = self.clock.read()
        self.clock.restart()
        found = {
            "at_s": round(at_s),
            "memory": {name: resident_bytes(pid) for name, pid in self.processes.items()},
            "connections": {name: sockets(pid) for name, pid in self.processes.items()},
            "cpu": {name: round(used / wall, 3) for name, used in cpu.items()},
            "worst_lag_s": round(self.worst_lag_s, 3),
            "stolen": round((stolen_s() - self._stolen_s) / wall / (os.cpu_count() or 1), 3),
        }
        self.worst_lag_s = 0.0
        self._stolen_s = stolen_s()
        self.minutes.append(found)
        return found


def stolen_s() -> float:
    """Return the seconds of CPU that the host of a virtual machine has given to others; 0 where nobody says."""
    try:
        shares = Path("/proc/stat").read_text().split("\n", 1)[0].split()
        return int(shares[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0.0


def sockets(pid: int) -> int:
    """Return how many sockets the process has open."""
    count = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += entry.readlink().name.startswith("socket:")
        except FileNotFoundError:
            continue
    return count


def verdict(minutes: list[dict[str, Any]], settle_s: float) -> tuple[list[Row], bool]:
    """Return the rows, each process against itself at the start's end, and whether all bounds held."""
    base = next((m for m in minutes if m["at_s"] >= settle_s), minutes[0])
    later = [m for m in minutes if m["at_s"] > base["at_s"]] or [base]
    rows: list[Row] = []
    targets: list[Target] = []
    for name, held in base["memory"].items():
        first = Row(f"{name}, memory at {base['at_s']:.0f} s", held / 2**20, "MiB")
        most = Row.against(
            f"{name}, most memory after", max(m["memory"][name] for m in later) / 2**20, "MiB", first
        )
        rows += [first, most]
        targets.append(Target(most.name, most=1 + GROWTH))
    for name, held in base["connections"].items():
        most_held = max(m["connections"][name] for m in later)
        row = Row(f"{name}, connections gained", most_held - held, "sockets")
        rows.append(row)
        targets.append(Target(row.name, most=CONNECTIONS, of="value"))
    rows.append(
        Row("most that the host took in a minute", 100 * max(m["stolen"] for m in minutes), "% of the cores")
    )
    lag = Row("longest lag", max(m["worst_lag_s"] for m in minutes), "s")
    rows.append(lag)
    targets.append(Target(lag.name, most=LAG_S, of="value"))
    return rows, check_targets(rows, targets)


def _printing(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, preexec_fn=die_with_parent)


def main() -> int:
    """Run the soak; return 1 when a bound was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--settle", type=float, default=5, help="minutes until memory is held against")
    parser.add_argument("--rate", type=float, default=3000)
    parser.add_argument("--asks", type=float, default=50, help="next best actions a second")
    asked = parser.parse_args()
    seconds = asked.minutes * 60
    settle_s = min(asked.settle, asked.minutes / 2) * 60
    # What the heap of Kafka takes up would otherwise count as growth.
    with Rig(java_options=("-Xms1g", "-XX:+AlwaysPreTouch")) as rig:
        worker, metrics_url = rig.watched_worker()
        api, api_url = rig.api()
        rig.wait_lanes(metrics_url)
        say("warming up: the worker imports its models, and all customers become known ...")
        run_json([*load_command(rig, rate=asked.rate, seconds=15), "--numbered"], timeout_s=120)
        settle(2)
        assert rig.kafka.child is not None
        processes = {
            "worker": worker.pid,
            "api": api.pid,
            "Redis": rig.redis.pid,
            "Kafka": rig.kafka.child.pid,
        }
        paths = rig.folder / "paths.txt"
        # Few enough that each has all the decisions that a state keeps before memory is held against anything.
        ids = [household_id(FIRST + number) for number in range(1_000)]
        paths.write_text("\n".join(f"/v1/customers/{i}/next-best-action?reason=billing" for i in ids))
        asks = [sys.executable, "-m", "bench.http_load", api_url, "--paths", str(paths)]
        asks += ["--seconds", str(seconds), "--rate", str(asked.asks)]
        # The load shares the cores with what it loads: it sends a hundred times a second, and looks as often. Its events
        # are numbered: these few customers write so much that the window of ids would grow for an hour, by design.
        records = load_command(rig, rate=asked.rate, seconds=seconds, report_s=60)
        records += ["--every-ms", "10", "--poll-ms", "10", "--numbered"]
        with _printing(records) as stream, _printing(asks) as asking:
            watch = Watch(processes, metrics_url)
            began = time.perf_counter()
            next_minute = 60.0
            while stream.poll() is None or asking.poll() is None:
                time.sleep(1)
                watch.look()
                at_s = time.perf_counter() - began
                for name, child in (("worker", worker), ("api", api)):
                    if not child.alive:
                        raise RuntimeError(f"{name} ended:\n{child.tail()}")
                if at_s >= next_minute:
                    next_minute += 60
                    say(_line(watch.minute(at_s)))
            watch.minute(time.perf_counter() - began)
            assert stream.stdout is not None and asking.stdout is not None
            delays = json.loads(stream.stdout.read().strip().splitlines()[-1])
            answers = json.loads(asking.stdout.read().strip().splitlines()[-1])
    rows, good = verdict(watch.minutes, settle_s)
    rows += [
        Row("records sent", delays["per_s"], "records/s"),
        Row("event to state visible, p99", delays["p99_ms"], "ms"),
        Row("event to state visible, longest", delays["max_ms"], "ms"),
        Row("next best action, p99", answers["p99_ms"], "ms"),
        Row("next best actions unanswered", answers["unanswered"] + answers["lost_connections"], "requests"),
        Row("looks at which the lag was not known", watch.unread, "looks"),
    ]
    good = good and not answers["unanswered"] and not delays["waiting"] and watch.unread < seconds * 0.02
    # What the worker says of itself is held against what a reader of Redis saw.
    good = good and delays["p99_ms"] <= LAG_S * 1000
    show(
        f"Soak of {asked.minutes:g} minutes",
        ("", "", "", "ratio"),
        [(r.name, r.value, r.unit, r.ratio) for r in rows],
    )
    print(
        f"\n{'HELD' if good else 'BROKEN'}: {asked.minutes:g} minutes at {asked.rate:g} records/s, {asked.asks:g} asks/s"
    )
    about = {"minutes": asked.minutes, "settle_s": settle_s, "rate": asked.rate, "asks": asked.asks}
    write_results("soak", rows, **about, by_minute=watch.minutes)
    return 0 if good else 1


def _line(minute: dict[str, Any]) -> str:
    held = ", ".join(
        f"{name} {size / 2**20:.0f} MiB {minute['connections'][name]} conn {minute['cpu'][name]:.0%}"
        for name, size in minute["memory"].items()
    )
    stolen = f", host took {minute['stolen']:.0%}" if minute["stolen"] >= 0.01 else ""
    return f"{minute['at_s']:5} s  lag {minute['worst_lag_s']:.2f} s  {held}{stolen}"


if __name__ == "__main__":
    sys.exit(main())
