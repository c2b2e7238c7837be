"""Next best action over HTTP against the least that could answer: a FastAPI handler with one Redis GET.

Both are served by uvicorn with the product's own settings, on the same loop and protocol, from the same Redis, one
process each, while Kafka acknowledges every decision of the product before it is answered. In turn, several times:
closed loop for requests a second, open loop at a fixed rate for latency. The load comes from a process of its own.

    python -m bench.api [--seconds 8] [--runs 3] [--rate 500] [--connections 16]
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from bench.common import CpuClock, Row, Target, check_targets, medians, say, show, write_results
from bench.households import fill_redis, household_id
from bench.policy_of_forty import ACTIONS, write_policies
from bench.rig import Rig, run_json, settle, wait_for
from tests.servers.child import free_port

__all__ = ["main"]

HOUSEHOLDS = 2_000
BARE, NBA = "bare", "next best action"


def measure(
    url: str, paths: Path, pid: int, seconds: float, connections: int, rate: float | None
) -> dict[str, float]:
    """Return the figures of one load, with the server's CPU."""
    clock = CpuClock({"server": pid})
    command = [sys.executable, "-m", "bench.http_load", url, "--paths", str(paths), "--seconds", str(seconds)]
    command += ["--connections", str(connections)] + ([] if rate is None else ["--rate", str(rate)])
    found: dict[str, Any] = json.loads(run_json(command, timeout_s=seconds + 60))
    wall, cpu = clock.read()
    if found["unanswered"] or found["lost_connections"] or set(found["statuses"]) != {"200"}:
        say(f"not all was answered: {found}")
    return {
        "per_s": found["per_s"],
        "p50_ms": found["p50_ms"],
        "p99_ms": found["p99_ms"],
        "max_ms": found["max_ms"],
        "cpu_us": cpu["server"] / found["requests"] * 1e6,
        "cpu_share": cpu["server"] / wall,
        "generator": found["generator_cpu_share"],
    }


def decided(url: str) -> dict[str, float]:
    """Return how many answers there were so far, and how many were unlogged or fell back."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as page:
        lines = page.read().decode().splitlines()

    def total(name: str) -> float:
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    return {
        "decisions": total("cem_decisions_total{"),
        "unlogged": total("cem_decisions_unlogged_total "),
        "fallbacks": total("cem_decision_fallbacks_total{"),
    }


def main() -> int:
    """Run the comparison, print it, write `bench/results/api.json`; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rate", type=float, default=500.0)
    parser.add_argument("--connections", type=int, default=16)
    asked = parser.parse_args()
    with Rig() as rig:
        fill_redis(rig.redis.port, range(HOUSEHOLDS), rig.partitions)
        policies = rig.folder / "policies"
        write_policies(policies)
        api, api_url = rig.api(CEM_POLICIES=str(policies))
        port = free_port()
        bare_url = f"http://127.0.0.1:{port}"
        arguments = ("--port", str(port), "--redis", rig.redis.url, "--partitions", str(rig.partitions))
        bare = rig.start("bare", "bench.bare_api", *arguments)
        wait_for(f"{bare_url}/v1/customers/{household_id(0)}/size")
        paths = {BARE: rig.folder / "bare.txt", NBA: rig.folder / "nba.txt"}
        ids = [household_id(number) for number in range(HOUSEHOLDS)]
        paths[BARE].write_text("\n".join(f"/v1/customers/{i}/size" for i in ids))
        paths[NBA].write_text("\n".join(f"/v1/customers/{i}/next-best-action?reason=billing" for i in ids))
        with urllib.request.urlopen(
            f"{api_url}/v1/customers/{ids[0]}/next-best-action?reason=billing"
        ) as answer:
            example = json.load(answer)
        settle(3)
        sides = {BARE: (bare_url, bare.pid), NBA: (api_url, api.pid)}
        for name, (url, pid) in sides.items():
            measure(url, paths[name], pid, 2, asked.connections, None)
        before = decided(api_url)
        closed: dict[str, list[dict[str, float]]] = {BARE: [], NBA: []}
        opened: dict[str, list[dict[str, float]]] = {BARE: [], NBA: []}
        for run in range(asked.runs):
            for rate, kept in ((None, closed), (asked.rate, opened)):
                for name, (url, pid) in sides.items():
                    found = measure(url, paths[name], pid, asked.seconds, asked.connections, rate)
                    kept[name].append(found)
                    say(f"run {run + 1} {name} {'closed' if rate is None else f'{rate:g}/s'}: {found}")
        after = decided(api_url)
    counts = {name: after[name] - before[name] for name in after}
    return report(
        {name: medians(runs) for name, runs in closed.items()},
        {name: medians(runs) for name, runs in opened.items()},
        counts,
        asked,
        {"ranked": len(example["actions"]), "dropped": len(example["dropped"]), "tier": example["tier"]},
    )


def report(
    closed: dict[str, dict[str, float]],
    opened: dict[str, dict[str, float]],
    counts: dict[str, float],
    asked: argparse.Namespace,
    example: dict[str, Any],
) -> int:
    """Print and write the figures; return the exit code."""
    show(
        f"Next best action, {ACTIONS} actions, against a bare FastAPI handler (medians of {asked.runs})",
        ("", "requests/s", "CPU us/request", f"p50 ms at {asked.rate:g}/s", "p99 ms", "CPU share"),
        [
            (
                n,
                closed[n]["per_s"],
                closed[n]["cpu_us"],
                opened[n]["p50_ms"],
                opened[n]["p99_ms"],
                opened[n]["cpu_share"],
            )
            for n in (BARE, NBA)
        ],
    )
    unlogged = counts["unlogged"] / max(1.0, counts["decisions"])
    say(
        f"one answer: {example}; unlogged {unlogged:.2%}, fallbacks {counts['fallbacks']:.0f} of {counts['decisions']:.0f}"
    )
    bare_rate = Row("bare FastAPI handler, closed loop", closed[BARE]["per_s"], "requests/s")
    bare_cpu = Row("bare FastAPI handler, CPU", closed[BARE]["cpu_us"], "us/request")
    bare_p50 = Row(f"bare FastAPI handler, p50 at {asked.rate:g}/s", opened[BARE]["p50_ms"], "ms")
    bare_p99 = Row(f"bare FastAPI handler, p99 at {asked.rate:g}/s", opened[BARE]["p99_ms"], "ms")
    rows = [
        bare_rate,
        Row.against("next best action, closed loop", closed[NBA]["per_s"], "requests/s", bare_rate),
        bare_cpu,
        Row.against("next best action, CPU", closed[NBA]["cpu_us"], "us/request", bare_cpu),
        bare_p50,
        Row.against(f"next best action, p50 at {asked.rate:g}/s", opened[NBA]["p50_ms"], "ms", bare_p50),
        bare_p99,
        Row.against(f"next best action, p99 at {asked.rate:g}/s", opened[NBA]["p99_ms"], "ms", bare_p99),
        Row("answers before the log had acknowledged", unlogged, "share"),
        Row("answers without the customer's facts", counts["fallbacks"], "answers"),
    ]
    good = check_targets(
        rows,
        (
            Target("next best action, closed loop", least=0.5),
            Target(f"next best action, p99 at {asked.rate:g}/s", most=3.0),
            Target("answers before the log had acknowledged", most=0.01, of="value"),
            Target("answers without the customer's facts", most=0, of="value"),
        ),
    )
    write_results(
        "api",
        rows,
        actions=ACTIONS,
        connections=asked.connections,
        rate=asked.rate,
        seconds=asked.seconds,
        runs=asked.runs,
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
