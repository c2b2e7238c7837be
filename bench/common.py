"""What every benchmark shares: the machine, CPU of processes, medians, the table, the file of results.

A benchmark makes `Row`s, `show`s them, and writes them with `write_results("stream", rows)` to
`bench/results/stream.json`: `{"machine": {...}, "rows": [{"name", "value", "unit", "ratio_to", "ratio"}]}`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

__all__ = [
    "CACHE",
    "RESULTS",
    "ROOT",
    "CpuClock",
    "Row",
    "Target",
    "check_targets",
    "cpu_s",
    "machine",
    "median_run",
    "medians",
    "resident_bytes",
    "say",
    "show",
    "write_results",
]

ROOT = Path(__file__).resolve().parents[1]
#: Peers' environments and built jars; never part of what `make run` or `make test` install.
CACHE = ROOT / ".cache" / "bench"
RESULTS = ROOT / "bench" / "results"

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")

R = TypeVar("R")


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure. `ratio` compares it with the row called `ratio_to`: this value divided by that one."""

    name: str
    value: float
    unit: str
    ratio_to: str | None = None
    ratio: float | None = None

    @classmethod
    def against(cls, name: str, value: float, unit: str, other: Row) -> Row:
        """Return the row of `value` with its ratio to `other`."""
        return cls(name, value, unit, other.name, value / other.value if other.value else None)


@dataclasses.dataclass(frozen=True)
class Target:
    """What a row's ratio (or value, where `of` is "value") must reach: at least `least`, at most `most`."""

    row: str
    least: float | None = None
    most: float | None = None
    of: str = "ratio"

    def verdict(self, row: Row) -> tuple[bool, str]:
        """Return whether `row` reaches the target, and a sentence that says both."""
        got = row.ratio if self.of == "ratio" else row.value
        wanted = f">= {self.least:g}" if self.least is not None else f"<= {self.most:g}"
        good = (
            got is not None
            and (self.least is None or got >= self.least)
            and (self.most is None or got <= self.most)
        )
        to = f" of {row.ratio_to}" if self.of == "ratio" else f" {row.unit}"
        shown = "nothing" if got is None else f"{got:.3g}"
        return good, f"{'reached' if good else 'MISSED '}  {row.name}: {shown}{to} (wanted {wanted})"


def cpu_s(pid: int) -> float:
    """Return the CPU seconds (user and system, all threads, ended children) that the process has used.

    Raises ProcessLookupError if it is gone. Resolution: 10 ms.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    fields = text[text.rindex(")") + 2 :].split()
    return sum(map(int, fields[11:15])) * _TICK_S


def resident_bytes(pid: int) -> int:
    """Return the memory that the process holds in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class CpuClock:
    """Wall and CPU seconds of named processes since it was made, or since `restart`."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self.processes = dict(processes)
        self.restart()

    def restart(self) -> None:
        """Begin anew."""
        self._cpu = {name: cpu_s(pid) for name, pid in self.processes.items()}
        self._wall = time.perf_counter()

    def read(self) -> tuple[float, dict[str, float]]:
        """Return the wall seconds, and the CPU seconds of each process."""
        wall = time.perf_counter() - self._wall
        return wall, {name: cpu_s(pid) - self._cpu[name] for name, pid in self.processes.items()}


def medians(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each figure over the runs."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def median_run(runs: Sequence[R], key: Callable[[R], float]) -> R:
    """Return the run whose `key` is the median (the lower of the middle two), so that its figures belong together."""
    return sorted(runs, key=key)[(len(runs) - 1) // 2]


def machine() -> dict[str, Any]:
    """Return what the figures were taken on: processor, memory, versions, commit, load before the run, time."""
    cpu = ""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": cpu or platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "java": _first_line("java", "-version"),
        "redis": _first_line("redis-server", "--version"),
        "commit": _first_line("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ((done.stdout or done.stderr).splitlines() or [""])[0].strip()


def show(title: str, columns: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    """Print a table: the first column to the left, numbers to the right."""
    cells = [[_cell(value) for value in line] for line in lines]
    widths = [max(len(row[i]) for row in [list(columns), *cells]) for i in range(len(columns))]
    print(f"\n{title}\n")
    for row in [list(columns), ["-" * width for width in widths], *cells]:
        first, *others = row
        print(
            "  ".join(
                [first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(others, widths[1:], strict=True))]
            )
        )
    sys.stdout.flush()


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return (
            f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"
        )
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def check_targets(rows: Sequence[Row], targets: Sequence[Target]) -> bool:
    """Print for each target whether its row reaches it; return whether all do. A row that is not there is passed by."""
    by_name = {row.name: row for row in rows}
    print()
    good = True
    for target in targets:
        if (row := by_name.get(target.row)) is None:
            print(f"not run  {target.row}")
            continue
        reached, sentence = target.verdict(row)
        good &= reached
        print(sentence)
    sys.stdout.flush()
    return good


def write_results(name: str, rows: Sequence[Row], **about: object) -> Path:
    """Write `bench/results/<name>.json` and return its path. `about` is added to the description of the machine."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    document = {"machine": {**machine(), **about}, "rows": [dataclasses.asdict(row) for row in rows]}
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(f"\nwritten: {path.relative_to(ROOT)}", flush=True)
    return path


def say(text: str) -> None:
    """Print progress on standard error."""
    print(text, file=sys.stderr, flush=True)
