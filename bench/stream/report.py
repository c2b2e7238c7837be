"""The stream benchmark's table, targets and file of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.common import Row, Target, check_targets, median_run, say, show, write_results
from bench.stream.product import Product
from bench.stream.race import Peer, Result

__all__ = ["report"]

#: Compared with; the first that was run counts.
BASELINES = {
    "streams-exactly": 1.1,
    "quix": 2.0,
    "quix-exactly": 2.0,
    "bytewax": 2.0,
    "faust": 20.0,
}


def report(
    contestants: Sequence[Peer | Product],
    results: Mapping[str, Sequence[Result]],
    failures: Mapping[str, str],
    *,
    records: int,
    customers: int,
    mean_bytes: int,
) -> bool:
    """Print the table and whether the targets are reached; write the results. Returns whether all are.

    `failures`: why a contestant's last failed run failed, by name, its last words among it.
    """
    right = {
        name: median_run([r for r in runs if r.wrong is None], key=lambda r: r.rate)
        for name, runs in results.items()
        if runs and all(r.wrong is None for r in runs)
    }
    lines: list[list[object]] = []
    for contestant in contestants:
        best, runs = right.get(contestant.name), results[contestant.name]
        if best is None:
            why = runs[0].wrong if runs else failures.get(contestant.name, "failed").partition("\n")[0]
            lines.append([contestant.title, why, *["-"] * 6])
            continue
        redis = best.cpu.get("redis")
        cpu = best.cpu_us()
        own = None if redis is None else 1e6 * redis / best.records
        rates = sorted(r.rate for r in runs)
        lines.append(
            [
                contestant.title,
                best.rate,
                f"{rates[0]:,.0f} - {rates[-1]:,.0f}",
                cpu,
                own,
                best.cpu_us(broker=True),
                best.late_rate,
                best.cpu_us(late=True),
            ]
        )
    show(
        f"Stream job: {records:,} records of {mean_bytes} bytes, {customers:,} customers, "
        f"median of {max(len(r) for r in results.values())}",
        [
            "",
            "records/s",
            "lowest - highest",
            "CPU us/record",
            "of it Redis",
            "broker's CPU",
            "2nd half records/s",
            "2nd half CPU",
        ],
        lines,
    )
    for contestant in contestants:
        if (failure := failures.get(contestant.name)) is not None:
            say(f"\n{contestant.title}, no result of a run: {failure}")
    rows: list[Row] = []
    for contestant in contestants:
        if (run := right.get(contestant.name)) is not None:
            rows += [
                Row(f"{contestant.name} records/s", run.rate, "records/s"),
                Row(f"{contestant.name} CPU", run.cpu_us(), "us/record"),
                Row(f"{contestant.name} broker CPU", run.cpu_us(broker=True), "us/record"),
            ]
    by_name = {row.name: row for row in rows}
    targets = []

    def compare(
        first: str, second: str, figure: str, *, least: float | None = None, most: float | None = None
    ) -> None:
        one, two = by_name.get(f"{first} {figure}"), by_name.get(f"{second} {figure}")
        if one is not None and two is not None:
            row = Row.against(f"{first} / {second}: {figure}", one.value, one.unit, two)
            rows.append(row)
            targets.append(Target(row.name, least, most))

    for name, least in BASELINES.items():
        compare("cem", name, "records/s", least=least)
    compare("cem", "streams-exactly", "CPU", most=0.65)
    compare("cem-2", "cem", "CPU", most=1.10)
    reached = check_targets(rows, targets)
    write_results(
        "stream", rows, records=records, customers=customers, record_bytes=mean_bytes, failures=dict(failures)
    )
    return reached and len(right) == len(contestants)
