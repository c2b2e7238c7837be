"""`cem up` as a process: start, status, alerts, failures of its children, stop, kill. The service itself is a fake."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.builders import fake_service
from tests.builders.running_up import RunningUp, gone
from tests.servers.child import wait_until

RUN_UP = """
import sys
from cem.cli import up
import cem.cli.up.plan as planning

make = planning.make_plan
fake = sys.argv.pop(1)
up.make_plan = lambda *a: __import__("msgspec").structs.replace(make(*a), program=(sys.executable, fake))
from cem.cli import main
main(["up", *sys.argv[1:]])
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RunningUp]]:
    """Start `cem up`; whatever is left at the end is killed."""
    started: list[RunningUp] = []

    def run(*flags: str, state_dir: Path | None = None, environ: dict[str, str] | None = None) -> RunningUp:
        command = [sys.executable, "-c", RUN_UP, fake_service.__file__, "--port", "0", *flags]
        started.append(RunningUp(command, state_dir or tmp_path / "state", environ))
        return started[-1]

    yield run
    for up in started:
        up.close()


def test_up_starts_everything_shows_it_and_stops_it(start: Callable[..., RunningUp]) -> None:
    """Addresses, the broker's nature, status, alerts; then Ctrl-C and nothing is left."""
    up = start("--seed", "7", "--speed", "60", environ={"CEM_METRICS_PORT": "9999"})
    up.until("ready; Ctrl-C stops everything")
    assert any("forgets its log" in line for line in up.lines)
    assert "--seed" in up.environ_of("simulate")
    assert {"CEM_CLOCK=simulated", "CEM_METRICS_PORT=9999"} <= set(up.environ_of("worker"))
    assert "CEM_METRICS_PORT=0" in up.environ_of("webhooks")
    run = up.run_file
    assert set(run["pids"]) == {
        "broker",
        "redis",
        "worker",
        "api",
        "webhooks",
        "learner",
        "simulate",
    }
    assert stat.S_IMODE((up.state_dir / "run.json").stat().st_mode) == 0o600
    up.until(r"1 event in.*\d+ alert")
    up.process.send_signal(signal.SIGINT)
    assert up.ended() == 0
    assert all(gone(pid) for pid in run["pids"].values())
    assert not (up.state_dir / "run.json").exists()


def test_an_alert_is_shown_as_it_opens(start: Callable[..., RunningUp]) -> None:
    """In one line that a person reads."""
    up = start()
    up.until("sms.allowance customer c-1")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_kill_9_leaves_no_orphan_and_the_next_start_goes_on(start: Callable[..., RunningUp]) -> None:
    """No process survives; the directory is free; the states are there."""
    up = start("--no-simulate")
    up.until("ready;")
    pids = up.run_file["pids"]
    up.process.kill()
    up.process.wait()
    while not all(gone(pid) for pid in pids.values()):
        time.sleep(0.01)
    again = start("--no-simulate")
    again.until("ready;")
    again.process.terminate()
    assert again.ended() == 0


def test_what_people_set_outlives_the_embedded_log(start: Callable[..., RunningUp]) -> None:
    """A brake and a pause hold after a kill, from before the worker starts, since when they were set; `off` holds too."""

    def cem(*arguments: str) -> str:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("CEM_")}
        done = subprocess.run(
            [sys.executable, "-m", "cem", *arguments],
            env=environ | {"CEM_STATE_DIR": str(up.state_dir)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    up = start("--no-simulate")
    up.until("ready;")
    cem("brake", "on", "--type", "bill_shock", "--reason", "wrong sums", "--by", "mai")
    cem("brake", "on", "--by", "mai")
    cem("brake", "off", "--by", "mai")
    cem("ledger", "pause", "repeat_call", "--by", "mai")
    before = cem("brake", "status", "--json")
    kept = up.state_dir / "decided.jsonl"
    wait_until(
        lambda: kept.exists() and b"ruled:repeat_call" in kept.read_bytes(),
        timeout_s=20,
        what="they are kept",
    )
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    pids = up.run_file["pids"]
    up.process.kill()
    up.process.wait()
    wait_until(lambda: all(gone(pid) for pid in pids.values()), timeout_s=20, what="all are gone")
    up = start("--no-simulate")
    up.until("What was set before holds: 2 brakes, pauses or webhooks")
    up.until("ready;")
    after = json.loads(cem("brake", "status", "--json"))
    assert after == json.loads(before)
    assert [(row["scope"], row["by"], row["reason"]) for row in after["brakes"]] == [
        ("type:bill_shock", "mai", "wrong sums")
    ]
    up.process.terminate()
    assert up.ended() == 0


def test_what_was_set_and_cannot_be_read_stops_the_start(
    start: Callable[..., RunningUp], tmp_path: Path
) -> None:
    """A brake must not be lost in silence."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "decided.jsonl").write_text("{")
    up = start("--no-simulate")
    assert up.ended() == 1
    assert any("decided.jsonl" in line and "move it away" in line for line in up.lines)


def test_a_second_up_on_the_same_directory_says_so(start: Callable[..., RunningUp]) -> None:
    """And leaves the first alone."""
    up = start("--no-simulate")
    up.until("ready;")
    second = start("--no-simulate")
    assert second.ended() == 1
    assert any(f"already running in {up.state_dir} (pid {up.process.pid})" in line for line in second.lines)
    assert up.process.poll() is None


def test_a_second_up_on_the_same_port_says_so(start: Callable[..., RunningUp], tmp_path: Path) -> None:
    """One sentence with the flag that helps."""
    up = start("--no-simulate")
    up.until("ready;")
    port = up.run_file["api_url"].rpartition(":")[2]
    second = start("--no-simulate", "--port", port, state_dir=tmp_path / "other")
    assert second.ended() == 1
    assert any(f"port {port} on 127.0.0.1 is taken" in line and "--port" in line for line in second.lines)


def test_a_worker_that_dies_is_shown_and_started_again(start: Callable[..., RunningUp]) -> None:
    """With its last words, and the service goes on."""
    up = start("--no-simulate")
    seen = up.until("ready;")
    before = up.run_file["pids"]["worker"]
    (up.state_dir / "worker.die").write_text("70")
    seen = up.until(r"worker ended with code 70 \(a watchdog", after=seen)
    seen = up.until(r"\| the worker was told to end with 70", after=seen)
    up.until("worker starts again in 1 s", after=seen)
    (up.state_dir / "worker.env").unlink()
    assert up.environ_of("worker")
    wait_until(lambda: up.run_file["pids"]["worker"] != before, timeout_s=20, what="run.json names it")
    up.process.terminate()
    assert up.ended() == 0


def test_an_api_that_dies_ends_everything(start: Callable[..., RunningUp]) -> None:
    """Half a service would only look like one."""
    up = start("--no-simulate")
    up.until("ready;")
    pids = up.run_file["pids"]
    (up.state_dir / "api.die").write_text("5")
    assert up.ended() == 1
    assert any("the api was told to end with 5" in line for line in up.lines)
    assert up.lines[-2].startswith("cem: api ended with code 5")
    assert all(gone(pid) for pid in pids.values())


def test_a_worker_with_a_wrong_setting_is_not_started_again(start: Callable[..., RunningUp]) -> None:
    """Its exit code is ours."""
    up = start("--no-simulate")
    up.until("ready;")
    (up.state_dir / "worker.die").write_text("2")
    assert up.ended() == 2


def test_a_server_that_dies_ends_everything(start: Callable[..., RunningUp]) -> None:
    """Without the log there is no service."""
    up = start("--no-simulate")
    up.until("ready;")
    os.kill(up.run_file["pids"]["broker"], signal.SIGKILL)
    assert up.ended() == 1
    assert any("broker was ended by SIGKILL" in line for line in up.lines)


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"CEM_KAFKA_BOOTSTRAP": "127.0.0.1:9"}, "nobody listens at 127.0.0.1:9"),
        ({"CEM_REDIS_URL": "redis://127.0.0.1:9"}, "127.0.0.1:9"),
    ],
    ids=["kafka", "redis"],
)
def test_a_real_server_that_is_away_is_one_sentence(
    start: Callable[..., RunningUp], environ: dict[str, str], sentence: str
) -> None:
    """Exit code 4, no trace, nothing left running."""
    up = start("--no-simulate", environ=environ)
    assert up.ended() == 4
    assert any(line.startswith("cem: ") and sentence in line for line in up.lines)
    assert not any("Traceback" in line for line in up.lines)
