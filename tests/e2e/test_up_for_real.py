"""`cem up` as a new user starts it: embedded servers, the real worker, API and simulator, and the other commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders.running_up import RunningUp, gone

pytestmark = pytest.mark.slow

FLAGS = ("--port", "0", "--customers", "25", "--history", "20", "--speed", "3600", "--seed", "3")


def cem(state_dir: Path, *arguments: str) -> Any:
    """Run another command as in a second terminal and return the JSON that it printed."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("CEM_")}
    done = subprocess.run(
        [sys.executable, "-m", "cem", *arguments, "--json"],
        env=environ | {"CEM_STATE_DIR": str(state_dir)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return json.loads(done.stdout)


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """Where this operator lives."""
    return tmp_path / "state"


@pytest.fixture
def up(state_dir: Path) -> Iterator[RunningUp]:
    """A `cem up` with a small operator."""
    running = RunningUp([sys.executable, "-m", "cem", "up", *FLAGS], state_dir)
    yield running
    running.close()


def test_a_new_user_sees_customers_live_and_gets_an_answer(up: RunningUp, state_dir: Path) -> None:
    """History, then life: events, no lag at last, a next best action with its reasons; stop, start, go on."""
    seen = up.until(r"\(x3600\) \| .* events in .*no lag")
    health = cem(state_dir, "doctor")
    assert health["verdict"] == "ok", health
    assert cem(state_dir, "state", "digest")["customers"] >= 25
    assert "alerts" in cem(state_dir, "alerts", "--state", "any")
    assert cem(state_dir, "topics", "check")["verdict"] == "ok"
    run = up.run_file
    with urllib.request.urlopen(f"{run['api_url']}/v1/customers/C000001/next-best-action") as answer:
        decision = json.load(answer)
    assert decision["tier"] == "full"
    assert decision["actions"][0]["factors"].keys() >= {"propensity", "context", "value", "lever"}
    up.until(r"[1-9]\d* decision", after=seen)

    up.process.send_signal(signal.SIGINT)
    assert up.ended() == 0
    assert all(gone(pid) for pid in run["pids"].values())
    assert not any("Traceback" in line for line in up.lines)

    again = RunningUp([sys.executable, "-m", "cem", "up", *FLAGS], state_dir)
    try:
        again.until("starts the new log with the old states")
        again.until(r"\(x3600\) \| [1-9]\d* events? in ")
        pids = again.run_file["pids"]
        again.process.kill()
        again.process.wait()
        while not all(gone(pid) for pid in pids.values()):
            time.sleep(0.01)
    finally:
        again.close()
