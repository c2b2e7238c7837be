from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cem.cli import main

MAP = """
event: sms.rated
fields:
  line: {column: sender}
  recipient: {column: recipient}
time: {column: t, format: unix}
key: {column: sender, null: ["0"]}
"""
ROWS = "sender,recipient,t\n1,2,1700000000\n0,2,1700000001\n3,4,soon\n5,6,1700000003\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CEM_KAFKA_BOOTSTRAP", "CEM_REDIS_URL", "CEM_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text(ROWS)
    (tmp_path / "map.yaml").write_text(MAP)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["import", "data.csv", "--map", "map.yaml", *arguments])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_events_go_to_a_file_without_kafka(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--out writes one CloudEvent a line; the summary has its seven names, and rejects make exit code 3."""
    code, out, _ = run(capsys, "--out", "events.jsonl", "--json")
    assert code == 3
    assert json.loads(out) == {
        "file": "data.csv",
        "rows": 4,
        "events": 2,
        "rejects": 2,
        "skipped": 0,
        "reasons": {"bad_time": 1, "unidentified": 1},
        "rejects_file": "events.jsonl.rejects.jsonl",
    }
    events: list[dict[str, Any]] = [
        json.loads(line) for line in Path("events.jsonl").read_text().splitlines()
    ]
    assert [event["subject"] for event in events] == ["1", "5"]
    assert [event["sequence"] for event in events] == ["1", "4"]
    rejects = [json.loads(line) for line in Path("events.jsonl.rejects.jsonl").read_text().splitlines()]
    assert [(each["line"], each["reason"]) for each in rejects] == [(3, "unidentified"), (4, "bad_time")]


def test_a_person_reads_how_many_rows_were_rejected_for_which_reason(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line a reason under the summary, the most frequent first; a dry run says it too."""
    (folder / "data.csv").write_text(ROWS + "7,8,later\n")
    _, out, _ = run(capsys, "--out", "events.jsonl")
    assert out.splitlines()[1:] == ["  2 bad_time", "  1 unidentified"]
    assert "  2 bad_time\n  1 unidentified\n" in run(capsys, "--dry-run")[2]


def test_all_good_is_exit_code_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without rejects the code is 0, no file is named, and a person reads a sentence."""
    code, out, _ = run(capsys, "--out", "events.jsonl", "--limit", "1")
    assert (code, out) == (0, "data.csv: 1 rows: 1 events, 0 rejects, 0 skipped\n")


def test_a_dry_run_shows_and_sends_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--dry-run prints the first events and rejects, leaving no file of events or rejects behind."""
    code, out, _ = run(capsys, "--dry-run", "--json")
    shown = json.loads(out)
    assert code == 3
    assert (shown["rows"], shown["events"], shown["rejects"]) == (4, 2, 2)
    assert shown["first_events"][0]["data"] == {"line": "1", "recipient": "2"}
    assert shown["first_rejects"][1]["detail"] == "'soon' is no number of Unix seconds"
    code, out, err = run(capsys, "--dry-run")
    assert '"type": "sms.rated"' in out
    assert "line 4: bad_time" in err
    assert not list(folder.glob("*.jsonl"))


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (("map.yaml", MAP.replace("sender, null", "sendr, null")), 2, "Did you mean 'sender'"),
        (("map.yaml", MAP.replace("sms.rated", "sms.rate")), 2, "Did you mean 'sms.rated'"),
        (("map.yaml", "["), 2, "no YAML"),
        (("data.csv", ""), 1, "is empty"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], code: int, said: str
) -> None:
    """A wrong map is exit code 2, a wrong file 1, each with one sentence and nothing on standard output."""
    name, content = change
    (folder / name).write_text(content)
    got, out, err = run(capsys, "--out", "events.jsonl")
    assert (got, out) == (code, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_missing_files_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file or map that is not there is named."""
    (folder / "data.csv").unlink()
    code, _, err = run(capsys, "--out", "events.jsonl")
    assert code == 1
    assert "data.csv: No such file" in err
    (folder / "map.yaml").unlink()
    code, _, err = run(capsys, "--out", "events.jsonl")
    assert code == 2
    assert "map.yaml: No such file" in err
