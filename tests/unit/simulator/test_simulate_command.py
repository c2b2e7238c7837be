"""`cem simulate` as a user meets it, without servers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cem.cli import main
from cem.domain.events import Received, decode
from cem.simulator.lines import rfc3339
from tests.builders.records import LogRecord


def cem(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(args))
    return int(ended.value.code or 0)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and no settings of the developer's own."""
    monkeypatch.chdir(tmp_path)
    for name in ("CEM_CLOCK", "CEM_KAFKA_BOOTSTRAP", "CEM_REDIS_URL", "CEM_TIMEZONE", "CEM_CURRENCY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_a_file_of_structured_cloud_events(here: Path) -> None:
    """Each line is a CloudEvent that the lanes take as it is, with its topic and key beside."""
    assert (
        cem("simulate", "--customers", "12", "--history", "6", "--out", "h.jsonl", "--truth", "t.jsonl") == 0
    )
    lines = (here / "h.jsonl").read_bytes().splitlines()
    assert len(lines) > 100
    for line in lines:
        event = json.loads(line)
        record = LogRecord(
            event["topic"],
            0,
            0,
            1_767_571_200_000,
            event["key"].encode(),
            line,
            [("content-type", b"application/cloudevents+json")],
        )
        received = decode(record)
        assert isinstance(received, Received), received
        assert received.sequence == int(event["sequence"])
        assert rfc3339(received.ingested_ms) == event["recordedtime"]
    truths = [json.loads(line) for line in (here / "t.jsonl").read_text("utf-8").splitlines()]
    assert sum(t["truth"] == "household" for t in truths) == 12
    assert all("at" in t for t in truths)


def test_the_same_command_writes_the_same_bytes(here: Path) -> None:
    """To a file and to standard output, today and tomorrow."""
    for name in ("a", "b"):
        assert cem("simulate", "--customers", "8", "--history", "4", "--seed", "3", "--out", name) == 0
    assert (here / "a").read_bytes() == (here / "b").read_bytes()


def test_a_rate_of_the_world_can_be_set(here: Path) -> None:
    """--set reaches every parameter."""
    assert (
        cem("simulate", "--customers", "20", "--history", "9", "--out", "a", "--set", "questions_per_week=5")
        == 0
    )
    assert b"call.started" in (here / "a").read_bytes()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--set", "areas"], "--set takes NAME=VALUE, as in --set areas=3, not 'areas'"),
        (["--set", "abuse_per_1000_line_week=0"], "did you mean abuse_per_1000_line_weeks?"),
        (["--set", "areas=many"], "--set:"),
        (["--live"], "--out takes the history only"),
        (["--rate", "5"], "--out takes the history only"),
    ],
)
def test_what_cannot_be_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str], args: list[str], says: str
) -> None:
    """A wrong option ends with exit code 2 and one sentence."""
    assert cem("simulate", "--out", "x", *args) == 2
    assert says in capsys.readouterr().err


def test_a_speed_needs_a_simulated_clock(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the wall's clock an hour lasts an hour."""
    assert cem("simulate", "--speed", "600") == 2
    assert "CEM_CLOCK=simulated" in capsys.readouterr().err
