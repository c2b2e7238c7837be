"""Write the tables of docs/sizing.md from `cem.sizing`; with --check, fail if they are not what would be written.

With --measure first take the costs over from bench/results (`make bench`) into src/cem/sizing/costs.json.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import msgspec

from cem.sizing import FAMILIES, Costs, Demand, measured_costs, plan_for

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "sizing.md"
COSTS = ROOT / "src" / "cem" / "sizing" / "costs.json"
RESULTS = ROOT / "bench" / "results"
SIZES = (1_000_000, 10_000_000, 50_000_000)


def measured() -> Costs:
    """Return the costs that the results of the benchmarks hold. Raises FileNotFoundError, KeyError without one."""
    step, quiet, many, api, size = (
        _results(name) for name in ("step", "steady", "million", "api", "state-size")
    )
    rows = step["rows"]
    steps = {
        name.removeprefix("step, "): value for name, value in rows.items() if name.startswith("step, cem.")
    }
    # The cost of a message is that of one in the middle of a busy day, not in the fold of a year.
    steps["cem.sms-usage"] = rows["step, hot states"]
    machine = step["machine"]
    return Costs(
        # A busy machine makes everything dearer: the load before the run says how far to trust the figures.
        measured_on=f"{machine['cores']} cores, {machine['cpu']}, load average {machine['load_average'][0]:g}",
        measured_at=machine["time"],
        step_us={topic: round(steps[topic], 1) for topic in sorted(steps)},
        # Of so many customers nearly every record needs a state from Redis.
        transport_us=round(
            max(
                0.0,
                many["rows"]["1,000,000 customers, worker CPU us/record"] - rows["step, states loaded"],
            ),
            1,
        ),
        transport_quiet_us=round(
            max(0.0, quiet["rows"]["worker CPU a record"] - rows["step, hot states"]), 1
        ),
        # Small batches cost Redis more a record than a backlog's do.
        redis_us=round(max(rows["Redis on the stream"], quiet["rows"]["Redis CPU a record"]), 1),
        kafka_us=round(rows["Kafka on the stream"], 1),
        api_us=round(api["rows"]["next best action, CPU"], 1),
        customer_bytes=round(size["rows"]["customer in Redis, all counted"], 1),
        due_bytes=round(
            size["rows"]["customer with a due time, all counted"]
            - size["rows"]["customer in Redis, all counted"],
            1,
        ),
        record_bytes=round(rows["Kafka's disk"], 1),
    )


def _results(name: str) -> dict[str, Any]:
    document = json.loads((RESULTS / f"{name}.json").read_text())
    return {"machine": document["machine"], "rows": {row["name"]: row["value"] for row in document["rows"]}}


def tables(costs: Costs) -> dict[str, str]:
    """Return the page's generated parts by name."""
    plans = [plan_for(Demand(customers), costs) for customers in SIZES]
    lines: list[tuple[str, list[str]]] = [
        ("records/s at the peak", [f"{p.records_per_s:,.0f}" for p in plans]),
        ("decisions/s at the peak", [f"{p.decisions_per_s:,.1f}" for p in plans]),
        ("workers", [f"{p.workers}" for p in plans]),
        ("partitions (`CEM_PARTITIONS`)", [f"{p.partitions}" for p in plans]),
        ("API processes", [f"{p.api_processes}" for p in plans]),
        ("Redis memory, GiB, each copy", [f"{p.redis_gib:,.1f}" for p in plans]),
        ("Redis primaries / nodes", [f"{p.redis_primaries} / {p.redis_nodes}" for p in plans]),
        ("brokers", [f"{p.brokers} ({p.brokers_bound_by})" for p in plans]),
        ("brokers' disk, GiB, all copies", [f"{p.broker_disk_gib:,.0f}" for p in plans]),
    ]
    head = (
        "| | " + " | ".join(f"{n // 1_000_000} million" for n in SIZES) + " |\n|---|" + "---:|" * len(SIZES)
    )
    need = "\n".join([head, *(f"| {name} | {' | '.join(cells)} |" for name, cells in lines)])
    steps = "\n".join(
        f"| stream job, a record of `{topic}` | {us:,.1f} us |" for topic, us in costs.step_us.items()
    )
    figures = f"""\
| measured | cost |
|---|---:|
{steps}
| transport, Redis client and publishing, a record, at full load | {costs.transport_us:,.1f} us |
| the same at 1,000 records/s on 24 lanes, where batches are small | {costs.transport_quiet_us:,.1f} us |
| Redis, a record | {costs.redis_us:,.1f} us |
| Kafka, a record and copy | {costs.kafka_us:,.1f} us |
| a next best action of 40 actions | {costs.api_us:,.0f} us |
| a typical household in Redis | {costs.customer_bytes:,.0f} bytes |
| a due time in Redis | {costs.due_bytes:,.0f} bytes |
| a record on a broker's disk | {costs.record_bytes:,.0f} bytes |

Measured on {costs.measured_on}, {costs.measured_at}."""
    demand = Demand(1)
    rates = ", ".join(f"{getattr(demand, name):g} ({name})" for name in (*FAMILIES, "decisions"))
    return {"need": need, "costs": figures, "rates": f"Records a customer and day: {rates}."}


def written(text: str) -> str:
    """Return the page with its generated parts made anew."""
    for name, part in tables(measured_costs()).items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        place = pattern.search(text)
        if place is None:
            raise SystemExit(f"{TARGET.name} has no place for {name}")
        text = f"{text[: place.start()]}{place[1]}{part}\n{place[2]}{text[place.end() :]}"
    return text


def main() -> int:
    """Write or check the page; return the exit code."""
    if "--measure" in sys.argv:
        COSTS.write_bytes(msgspec.json.format(msgspec.json.encode(measured()), indent=2) + b"\n")
        print(f"wrote {COSTS.relative_to(ROOT)}")
    page = written(TARGET.read_text())
    if "--check" in sys.argv:
        if page != TARGET.read_text():
            print("docs/sizing.md is stale: run make docs", file=sys.stderr)
            return 1
        return 0
    TARGET.write_text(page)
    print(f"wrote {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
