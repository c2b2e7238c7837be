"""`cem evaluate usage`, as a user runs it, and its measures on cases made by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cem.cli import cli
from cem.cli.evaluate.usage_measures import Episode, Told, measures, read_labels

_DAY = 86_400
_START = 20_000 * _DAY
_MAP = """
line: {column: from}
time: {column: sent, format: unix}
recipient: {column: to}
charge_minor: {column: price, decimals: 2}
destination: {column: class}
"""


def _run(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in args], standalone_mode=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write 30 quiet days of five lines, a burst of one of them, and a row without a time."""
    rows = [
        (_START + d * _DAY + 40_000 + n, f"{n}", "friend", "0.05", "onnet")
        for d in range(30)
        for n in range(5)
    ]
    rows += [(_START + 25 * _DAY + 50_000 + 30 * i, "3", f"s{i}", "0.05", "onnet") for i in range(120)]
    path = tmp_path / "messages.csv"
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("sent", "from", "to", "price", "class"))
        writer.writerows(sorted(rows))
        writer.writerow(("never", "3", "s", "0.05", "onnet"))
    path.with_name("map.yaml").write_text(_MAP)
    labels = [
        {"meta": {"seed": 1}},
        {
            "line": "3",
            "start": rows[-120][0],
            "end": rows[-1][0],
            "kind": "burst",
            "label": "abuse",
            "note": 1,
        },
        {"line": "*", "start": _START, "end": _START + _DAY, "kind": "holiday", "label": "benign"},
    ]
    path.with_name("labels.jsonl").write_text("\n".join(json.dumps(each) for each in labels))
    return path


def test_alerts_and_measures_by_tier(file: Path) -> None:
    """The burst is a hit of both tiers after some tens of messages, and nothing is false."""
    result = _run(
        "evaluate", "usage", file, "--map", file.with_name("map.yaml"),
        "--labels", file.with_name("labels.jsonl"), "--json",
    )  # fmt: skip
    assert result.exception is None, result.output
    found = json.loads(result.stdout)
    assert result.return_value == 3
    assert (found["model"], found["rows"], found["rejected"]) == ("usage", 270, 1)
    assert [(a["line"], a["kind"], a["tier"]) for a in found["alerts"]] == [("3", "sms_velocity", "alert")]
    for tier in ("alert", "notice"):
        measured = found["metrics"][tier]
        assert measured["recall"] == measured["precision"] == measured["recall_by_kind"]["burst"] == 1.0
        assert measured["false_per_1000_line_weeks"] == 0.0
        assert measured["line_weeks"] == pytest.approx(5 * (29 / 7 + 1), abs=0.1)
    assert found["metrics"]["notice"]["delay_messages"] <= found["metrics"]["alert"]["delay_messages"] < 60


def test_the_table_is_for_people(file: Path) -> None:
    """Without --json there is a table, with labels of the measures, without of the alerts."""
    arguments = ("evaluate", "usage", file, "--map", file.with_name("map.yaml"))
    assert "recall of burst" in _run(*arguments, "--labels", file.with_name("labels.jsonl")).stdout
    assert "sms_velocity" in _run(*arguments).stdout


def test_a_wrong_label_is_named_with_its_line(file: Path) -> None:
    """A label that is neither abuse nor benign ends the command and names the line."""
    labels = file.with_name("labels.jsonl")
    labels.write_text('{"line": "3", "start": 1, "end": 2, "kind": "burst", "label": "bad"}')
    result = _run("evaluate", "usage", file, "--map", file.with_name("map.yaml"), "--labels", labels)
    assert "labels.jsonl:1" in str(result.exception)


def test_first_alert_in_an_episode_is_its_hit_and_others_are_neutral() -> None:
    """Between start and end + 24 h one alert counts and others do not; outside, or of another line, they are false."""
    labels = read_labels(
        '{"line": 7, "start": 1000, "end": 2000, "kind": "burst", "label": "abuse"}\n{"meta": 1}', "labels"
    )
    assert labels == [Episode("7", 1000, 2000, "burst", "abuse")]
    alerts = [
        Told("7", at, "sms_velocity", tier, {})
        for at, tier in (
            (999, "alert"),
            (1500, "notice"),
            (1600, "alert"),
            (88_400, "alert"),
            (88_401, "alert"),
        )
    ]
    alerts.append(Told("8", 1500, "sms_rise", "alert", {}))
    found = measures(alerts, labels, {"7": [0, 1000, 1200, 1550, 7 * _DAY], "8": [0]})
    assert found["alert"]["false_per_1000_line_weeks"] == 1000.0
    assert found["alert"]["precision"] == 0.25
    assert (found["alert"]["delay_messages"], found["notice"]["delay_messages"]) == (3, 2)
    assert found["alert"]["line_weeks"] == 3.0
