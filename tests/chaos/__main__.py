"""`python -m tests.chaos`: all of chaos, long; a table at the end, and exit code 1 if anything was violated."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PYTEST: Sequence[str] = (sys.executable, "-m", "pytest")
#: What a whole run has to reach.
SIGKILLS = 300
RECORDS = 2_000_000
MUTATIONS = 1_000_000


def main() -> int:
    """Return 0 if every row held and the run was as large as it has to be."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=main.__doc__)
    parser.add_argument("--rows", help="only the tests whose names match, as pytest's -k (row_01, redis ...)")
    parser.add_argument("--seed", type=int, help="one seed for all tests (default: each draws its own)")
    parser.add_argument("--report", type=Path, help="append each test's verdict there, as a line of JSON")
    parser.add_argument("--jobs", type=int, default=2, help="tests at a time, each on servers of its own (2)")
    options = parser.parse_args()
    report = options.report or Path(tempfile.mkdtemp(prefix="cem-chaos-")) / "report.jsonl"
    known = len(report.read_text().splitlines()) if report.exists() else 0
    environment = {**os.environ, "CEM_CHAOS": "long", "CEM_CHAOS_REPORT": str(report)}
    if options.seed is not None:
        environment["CEM_CHAOS_SEED"] = str(options.seed)
    tests = find_tests(options.rows, environment)
    if not tests:
        print(f"no test matches {options.rows!r}")
        return 2
    if not options.rows:
        environment["CEM_MUTATIONS"] = str(MUTATIONS)
        tests.append("tests/unit/domain/events/test_mutations.py")
    began = time.monotonic()
    with ThreadPoolExecutor(options.jobs) as pool:
        held = list(pool.map(lambda test: run(test, environment), tests))
    failed = [test for test, one in zip(tests, held, strict=True) if not one]
    lines = report.read_text().splitlines()[known:] if report.exists() else []
    verdicts = [json.loads(line) for line in lines]
    kills, records = show(verdicts, time.monotonic() - began)
    print(f"report: {report}")
    for test in failed:
        print(f"FAILED: {test}")
    if failed or not verdicts:
        print("VIOLATED, or a test failed otherwise: see above")
        return 1
    if not options.rows and (kills < SIGKILLS or records < RECORDS):
        print(f"too small: {SIGKILLS} SIGKILLs over {RECORDS:,} records are wanted")
        return 1
    print("everything holds")
    return 0


def find_tests(rows: str | None, environment: dict[str, str]) -> list[str]:
    """Return the names of the tests, rows first and in order: the first is the longest by far."""
    command = [*PYTEST, "--collect-only", "-q", "tests/chaos", *(["-k", rows] if rows else [])]
    listed = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    ).stdout
    names = [line for line in listed.splitlines() if "::" in line]
    return sorted(names, key=lambda name: ("::test_row_" not in name, name.partition("::")[2]))


def run(test: str, environment: dict[str, str]) -> bool:
    """Return whether the test held; what it prints is seen at once, behind its name."""
    name = test.rpartition("::")[2].removeprefix("test_")
    command = [*PYTEST, "-q", "-s", "-o", "faulthandler_timeout=3600", test]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(f"{name[:24]:<24} | {line}", end="", flush=True)
    return process.returncode == 0


def show(verdicts: list[dict[str, Any]], seconds: float) -> tuple[int, int]:
    """Print the table; return SIGKILLs and records in all."""
    columns = ("records", "counted", "repeated", "rejected", "emissions", "copies")
    print(
        f"\n{'test':<52} {'seed':>7} {'s':>6} {'kills':>6} " + " ".join(f"{c:>9}" for c in columns),
        " violations",
    )
    for verdict in verdicts:
        found = verdict["counters"]
        wrong = {name: number for name, number in verdict["violations"].items() if number}
        print(
            f"{verdict['test'][:52]:<52} {verdict['seed']:>7} {verdict['seconds']:>6.0f} "
            f"{verdict['sigkills']:>6} "
            + " ".join(f"{found[c]:>9,}" for c in columns)
            + f"  {wrong or 'none'}"
        )
    kills = sum(verdict["sigkills"] for verdict in verdicts)
    records = sum(verdict["counters"]["records"] for verdict in verdicts)
    print(f"{kills} SIGKILLs of running processes over {records:,} records in {seconds:.0f} s")
    return kills, records


if __name__ == "__main__":
    sys.exit(main())
