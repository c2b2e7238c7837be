"""Each guard around the pipeline has a test that fails when the guard is gone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.guards import GUARDS, Guard


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, int]]:
    """How each guard's test ends with it and without it."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.faults.guards"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    return {line.pop("name"): line for line in lines}


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_no_guard_goes_unnoticed(guard: Guard, outcomes: dict[str, dict[str, int]]) -> None:
    """Its test passes with it, and fails without."""
    assert outcomes[guard.name] == {"with": 0, "without": 1}
