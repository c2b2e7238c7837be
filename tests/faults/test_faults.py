"""The pipeline under seeded faults, and proof that the simulation would notice if it were wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.mutants import MUTANTS, Mutant
from tests.faults.runner import Summary, run_many
from tests.faults.shrink import failure_of, shrink

HISTORIES = 5_000
#: A mutant has to be caught within so many histories.
PATIENCE = 20_000


def test_histories_hold() -> None:
    """No seed loses a record, counts one twice, says one thing in two ways, or fails to converge; all faults occur."""
    summary = Summary()
    for result in run_many(range(HISTORIES)):
        summary.add(result)
    assert not summary.failures, "\n".join(f"seed {r.seed}: {r.failure}" for r in summary.failures[:5])
    assert not summary.unseen, f"these faults were never met: {summary.unseen}"


def test_a_seed_is_one_history() -> None:
    """The same seed gives the same trace in another process with other hash seeds."""
    program = (
        "from tests.faults.shrink import failure_of\n"
        "print(*[failure_of(seed)[0].trace for seed in range(40)], sep='\\n')"
    )
    root = Path(__file__).parents[2]
    traces = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert traces[0] == traces[1]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_mutants_die(mutant: Mutant) -> None:
    """Each wrong pipeline breaks an invariant in some history."""
    options = mutant.build()
    for seed in range(PATIENCE):
        if failure_of(seed, **options)[1] is not None:
            return
    pytest.fail(f"{mutant.name!r} survived {PATIENCE} histories")


def test_a_failing_history_shrinks() -> None:
    """What is reported of a failing history are faults without which it holds."""
    options = next(m for m in MUTANTS if m.name == "outbox not published again").build()
    seed = next(s for s in range(1_000) if failure_of(s, **options)[1] is not None)
    faults, _ = shrink(seed, **options)
    whole = failure_of(seed, **options)[0].faults
    assert len(faults) < max(2, len(whole))
