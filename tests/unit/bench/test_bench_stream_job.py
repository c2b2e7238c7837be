"""The stream benchmark's own parts: its fold, its verdicts, its measure of CPU."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.common import Row, Target, cpu_s, median_run
from bench.stream.job import BenchStepper, State
from bench.stream.race import Process, RunFailed, verdict
from bench.stream.records import expected, messages
from cem.stepper import Moment
from cem.streams.records import LogRecord

RECORDS, CUSTOMERS = 3_000, 40


def fold_all(times: int) -> tuple[dict[str, State], list[Any]]:
    """Return states and alerts after folding every message `times` times over."""
    encode = msgspec.json.encode
    records = [
        LogRecord("cem.sms-usage", 0, at, 1_700_000_000_000, 0, m.customer.encode(), encode(m), ())
        for at, m in enumerate(messages(RECORDS, CUSTOMERS))
        for _ in range(times)
    ]
    stepper = BenchStepper("alerts", lambda: None)
    items = stepper.read(records)
    states = {customer: stepper.new_state(customer) for customer in stepper.customers(items)}
    outcome = stepper.step(states, items, Moment(0, "cem.sms-usage", 0))
    assert sorted(outcome.changed) == sorted(states)
    again = {
        customer: stepper.decode_state(customer, stepper.encode_state(state))
        for customer, state in states.items()
    }
    assert again == states
    return states, [(e.key, e.value) for e in outcome.emissions]


def test_the_fold_counts_as_brute_force_does_with_and_without_repeats() -> None:
    """Counts, charges and alerts are the expected ones, also when each record comes twice."""
    for times in (1, 2):
        states, alerts = fold_all(times)
        counts = {customer: (state.count, state.charge_minor) for customer, state in states.items()}
        assert verdict(expected(RECORDS, CUSTOMERS), counts, alerts) is None


def test_a_wrong_count_or_alert_voids_a_contestant() -> None:
    """A count that is off by one, an alert too many, twice or missing: each is named."""
    right = expected(RECORDS, CUSTOMERS)
    counts = {c: (n, right.charges[c]) for c, n in right.counts.items()}
    alerts = [(c.encode(), json.dumps({"customer": c}).encode()) for c in sorted(right.alerts)]
    assert verdict(right, counts, alerts) is None
    first = next(iter(counts))
    assert verdict(right, {**counts, first: (counts[first][0] + 1, counts[first][1])}, alerts)
    assert verdict(right, {c: n for c, n in counts.items() if c != first}, alerts)
    assert verdict(right, {**counts, "stranger": (1, 0)}, alerts)
    assert "twice" in str(verdict(right, counts, [*alerts, alerts[0]]))
    assert "missing" in str(verdict(right, counts, alerts[1:]))


def test_cpu_of_a_process_grows_as_it_works() -> None:
    """Half a tenth of a second of work is seen; waiting is not."""
    before = cpu_s(os.getpid())
    started = time.process_time()
    while time.process_time() - started < 0.05:
        pass
    assert cpu_s(os.getpid()) - before >= 0.03


def test_a_target_is_reached_or_not() -> None:
    """At least and at most are both understood, and a row without a ratio reaches nothing."""
    row = Row.against("a", 30.0, "us", Row("b", 20.0, "us"))
    assert row.ratio == 1.5
    assert Target("a", least=1.5).verdict(row)[0]
    assert not Target("a", most=1.4).verdict(row)[0]
    assert not Target("b", least=0).verdict(Row("b", 20.0, "us"))[0]


def test_the_median_run_is_one_that_took_place() -> None:
    """Of an even number of runs the lower of the middle two is taken, whole."""
    assert median_run([3.0, 1.0, 2.0], key=lambda r: r) == 2.0
    assert median_run([4.0, 1.0, 2.0, 3.0], key=lambda r: r) == 2.0


def test_a_contestant_that_stands_still_is_reported_with_its_last_words(tmp_path: Path) -> None:
    """Nobody waits for it until the longest time is over, and what it waits for can be read."""
    program = "import sys, time; print('waiting for the group', file=sys.stderr, flush=True); time.sleep(60)"
    process = Process(
        [sys.executable, "-c", program], env=os.environ, log=tmp_path / "log", at_mark=lambda name: None
    )
    try:
        with pytest.raises(
            RunFailed, match=r"(?s)stalled: .* before its first record.*waiting for the group"
        ):
            process.wait(threading.Event(), 60, "its first record", stall_s=3)
    finally:
        process.stop()
