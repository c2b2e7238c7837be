"""A pilot: files of an operator's history, lived through in the order of time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cem.cli import main

CALLS_MAP = """event: call.started
fields:
  call_id: {column: id}
  reason: {column: reason}
time: {column: at, format: iso}
key: {column: customer}
"""
SMS_MAP = """event: sms.rated
fields:
  line: {column: line}
  recipient: {column: to}
  segments: {constant: 1}
  destination: {constant: onnet}
time: {column: at, format: iso}
key: {column: customer}
"""
#: The father calls twice about his bill within a week, and once more; a neighbour calls once.
CALLS = """id,at,customer,reason
c1,2025-03-03T09:00:00Z,father,billing
c9,2025-03-03T10:00:00Z,neighbour,plan
c2,2025-03-05T09:00:00Z,father,billing
c3,2025-03-07T09:00:00Z,father,billing
"""


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with two files of a history, and their maps."""
    monkeypatch.setenv("CEM_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "calls.yaml").write_text(CALLS_MAP)
    (tmp_path / "sms.yaml").write_text(SMS_MAP)
    (tmp_path / "calls.csv").write_text(CALLS)
    rows = ["at,customer,line,to"]
    # The daughter, whose line is new, writes to 250 people within five hours, between the first two calls.
    rows += [f"2025-03-04T{15 + n // 50}:{n % 50:02d}:00Z,father,+4915100000001,r{n}" for n in range(250)]
    rows.append("not a time,father,+4915100000001,r")
    (tmp_path / "sms.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def report(files: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, object]:
    """Run the pilot over both files and return its report; a row that cannot be used is said by the exit code."""
    code = run(
        "pilot", str(files / "calls.csv"), str(files / "sms.csv"), "--map", str(files / "calls.yaml"),
        "--map", str(files / "sms.yaml"), "--json", *more,
    )  # fmt: skip
    assert code == 3
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_what_would_have_been_told_before_which_contact(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both files are one history: the repeat is told at the second call, which is before the third."""
    found = report(files, capsys)
    assert (found["rows"], found["records"], found["customers"], found["contacts"]) == (255, 254, 2, 4)
    assert sum(found["rejects"].values()) == 1  # type: ignore[attr-defined]
    repeat = next(t for t in found["alerts"] if t["type"] == "repeat_call")  # type: ignore[attr-defined]
    assert (repeat["alerts"], repeat["customers"]) == (1, 1)
    assert (repeat["before_a_contact"], repeat["median_hours_before"]) == (1, 48.0)
    assert found["contacts_repeated"] == 2
    episodes: list[dict[str, object]] = found["episodes"]  # type: ignore[assignment]
    told = next(e for e in episodes if e["type"] == "repeat_call")
    assert (told["told_at"], told["contact_at"]) == ("2025-03-05T09:00:00.000Z", "2025-03-07T09:00:00.000Z")
    assert told["remedy"]
    assert told["proposed"]


def test_the_texting_is_told_before_the_call_about_it(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The daughter's line is named on the evening before her father's second call."""
    episodes: list[dict[str, object]] = report(files, capsys)["episodes"]  # type: ignore[assignment]
    texting = [e for e in episodes if str(e["type"]).startswith("sms_")]
    assert {e["subject"] for e in texting} == {"+4915100000001"}
    assert all(str(e["told_at"]).startswith("2025-03-04") for e in texting)
    assert all(str(e["contact_at"]).startswith("2025-03-05T09") for e in texting)


def test_the_same_files_give_the_same_report_and_a_page(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing depends on when it is run; the page shows what the report has, and what is in it is text only."""
    page = files / "report.html"
    assert report(files, capsys) == report(files, capsys, "--out", str(page))
    shown = page.read_text()
    assert "repeat_call" in shown
    assert "Before <b>" in shown
    assert "<script" not in shown


def test_maps_that_do_not_fit_are_refused(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Too few maps, and a map of another file."""
    calls, sms = str(files / "calls.csv"), str(files / "sms.csv")
    maps = [part for _ in range(3) for part in ("--map", str(files / "calls.yaml"))]
    assert run("pilot", calls, sms, *maps) == 2
    assert "2 files take one map, or 2" in capsys.readouterr().err
    assert run("pilot", sms, "--map", str(files / "calls.yaml")) == 2
    assert "id" in capsys.readouterr().err
    assert run("pilot", str(files / "none.csv"), "--map", str(files / "calls.yaml")) == 1
