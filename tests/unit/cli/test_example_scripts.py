"""The examples say what is missing in one sentence: whoever runs them first has something missing."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

_EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def run(script: str, *args: str, **environ: str) -> str:
    """Return what the script says on standard error; it must fail."""
    done = subprocess.run(
        [sys.executable, str(_EXAMPLES / script), *args], env=environ, capture_output=True, text=True, timeout=60
    )  # fmt: skip
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize(
    ("args", "secret", "sentence"),
    [
        ((), "", "WEBHOOK_SECRET: the secret as `cem webhooks add` has printed it"),
        ((), "whsec_...", "WEBHOOK_SECRET: the secret as `cem webhooks add` has printed it"),
        (("port",), "whsec_" + "A" * 44, "usage: "),
        (("99999",), "whsec_" + "A" * 44, "port 99999: "),
    ],
)
def test_the_receiver_says_what_it_wants(args: tuple[str, ...], secret: str, sentence: str) -> None:
    """No traceback; and the placeholder of the docs is no secret, with which every message would be refused."""
    said = run("webhook_receiver.py", *args, WEBHOOK_SECRET=secret)
    assert said.startswith(sentence)
    assert len(said.splitlines()) == 1


def test_a_port_that_is_taken() -> None:
    """By another receiver, most likely."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = run("webhook_receiver.py", str(port), WEBHOOK_SECRET="whsec_" + "A" * 44)
    assert said.startswith(f"port {port}: ") and len(said.splitlines()) == 1


def test_the_sender_says_what_it_wants(tmp_path: Path) -> None:
    """Arguments, a file with an event, and a system."""
    event = tmp_path / "event.json"
    event.write_text('{"subject": "C1"}')
    nothing = tmp_path / "nothing.json"
    assert run("send_event.py").startswith("usage: ")
    assert run("send_event.py", "cem.calls", str(nothing)).startswith(f"{nothing} holds no CloudEvent")
    nothing.write_text("[1]")
    assert run("send_event.py", "cem.calls", str(nothing)).startswith(f"{nothing} holds no CloudEvent")
    said = run("send_event.py", "cem.calls", str(event), CEM_STATE_DIR=str(tmp_path))
    assert said.startswith("no cem up runs here")
