"""A test that cannot run is not forgotten."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.builders.source_code import ROOT

NEEDS_KAFKA = """
import pytest

@pytest.mark.kafka
def test_with_kafka():
    pass

def test_plain():
    pass
"""


def run_without_java(folder: Path, *, require_all: bool) -> subprocess.CompletedProcess[str]:
    (folder / "test_some.py").write_text(NEEDS_KAFKA)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  kafka\n  redis\n")
    environment = {k: v for k, v in os.environ.items() if k not in {"CEM_REQUIRE_ALL", "PYTEST_ADDOPTS"}}
    environment |= {"PATH": str(folder), "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    if require_all:
        environment["CEM_REQUIRE_ALL"] = "1"
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_a_skip_is_said_in_capitals(tmp_path: Path) -> None:
    """Without Java the run passes, and ends with what did not run and what to do about it."""
    done = run_without_java(tmp_path, require_all=False)
    assert done.returncode == 0, done.stdout
    assert "NOT EVERYTHING RAN" in done.stdout
    assert "1 TEST WAS SKIPPED: NO JAVA ON PATH" in done.stdout


def test_nothing_may_be_skipped_where_everything_is_required(tmp_path: Path) -> None:
    """With CEM_REQUIRE_ALL=1 the same run fails, and gives the same reason."""
    done = run_without_java(tmp_path, require_all=True)
    assert done.returncode == 1, done.stdout
    assert "1 passed, 1 error" in done.stdout
    assert "no java on PATH" in done.stdout
