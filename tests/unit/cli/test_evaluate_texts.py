"""`cem evaluate sentiment|reason` and `cem learn`: maps, options, the object on standard output, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from cem.cli import main
from tests.builders.texts import contacts, messages

SENTIMENT = """
text: {column: body}
label: {column: verdict, values: {good: positive, bad: negative, meh: neutral}}
channel: {column: source}
holdout: {column: part, equals: [test]}
"""
REASON = "text: {column: body}\nlabel: {column: why}\ntime: {column: day, format: '%Y-%m-%d'}\n"
SHORT = {"positive": "good", "negative": "bad", "neutral": "meh"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with Path("texts.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["body", "verdict", "source", "part"])
        for at, (x, y) in enumerate(messages(120)):
            writer.writerow([x.text, SHORT[y], "email" if at % 2 else "call", "test" if at % 6 == 0 else ""])
        writer.writerow(["no verdict", "", "email", ""])
        writer.writerow(["another verdict", "furious", "email", ""])
    Path("sentiment.yaml").write_text(SENTIMENT)
    rows = [
        {"body": x.text, "why": y, "day": f"2024-01-{1 + at % 28:02}"}
        for at, (x, y) in enumerate(contacts(120))
    ]
    Path("contacts.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    Path("reason.yaml").write_text(REASON)
    Path("foreign.csv").write_text("body\nthe pastry chef folded cinnamon\ngoalkeeper saves penalty\n")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    code, out, err = run(capsys, "evaluate", *arguments, "--json")
    found: dict[str, Any] = json.loads(out)
    assert code == (3 if found["rejected"] else 0), err
    return found


def test_sentiment_of_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The object has the names that scripts rely on; rows with no or another label are counted as rejected."""
    found = evaluated(capsys, "sentiment", "texts.csv", "--map", "sentiment.yaml")
    assert (found["model"], found["recipe"], found["rows"], found["rejected"]) == (
        "sentiment",
        "hashed",
        120,
        2,
    )
    assert set(found["metrics"]) == {"auc", "log_loss", "ece", "accuracy", "macro_f1"}
    assert found["holdout"]["rows"] == 20
    assert found["holdout"]["accuracy"] > found["zero_shot"]["accuracy"]
    assert [point["rows"] for point in found["curve"]] == [100]
    assert set(found["curve"][0]) == {"rows", "prequential", "holdout"}
    assert found["first_500"] == found["metrics"]
    assert set(found["cost_us"]) == {"predict", "learn", "features"}


def test_reason_of_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last share of the order is held out; accuracy and top 3 ignore abstention; foreign texts are unknown."""
    found = evaluated(
        capsys, "reason", "contacts.jsonl", "--map", "reason.yaml", "--order", "time", "--holdout", "0.25",
        "--foreign", "foreign.csv",
    )  # fmt: skip
    assert found["holdout"]["rows"] == 30
    assert set(found["holdout"]) == {
        "rows", "accuracy", "macro_f1", "top3", "log_loss", "ece", "unknown_share",
    }  # fmt: skip
    assert found["holdout"]["top3"] >= found["holdout"]["accuracy"] > 0.9
    assert found["foreign_unknown_share"] == 1.0
    assert "zero_shot" not in found


def test_a_shuffle_is_repeated_by_its_seed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same seed gives the same figures, another seed others; --limit stops after a row of the file."""
    base = ("sentiment", "texts.csv", "--map", "sentiment.yaml", "--limit", "80", "--order")
    first, again, other = (evaluated(capsys, *base, f"shuffle:{seed}") for seed in (1, 1, 2))
    assert first["rows"] == 80
    assert first["metrics"] == again["metrics"] != other["metrics"]


def test_a_snapshot_warms_as_its_file_does(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`cem learn --out` leaves out held-out rows; starting from it is no start from nothing, and is said before the rows."""
    code, out, _ = run(
        capsys, "learn", "sentiment", "texts.csv", "--map", "sentiment.yaml", "--out", "s.model", "--json"
    )
    assert code == 3
    assert json.loads(out) == {
        "model": "sentiment", "file": "texts.csv", "rows": 100, "rejected": 2, "refused": {}, "out": "s.model",
    }  # fmt: skip
    cold = evaluated(capsys, "sentiment", "texts.csv", "--map", "sentiment.yaml")
    warm = evaluated(capsys, "sentiment", "texts.csv", "--map", "sentiment.yaml", "--warm", "s.model")
    assert warm["zero_shot"]["accuracy"] > cold["zero_shot"]["accuracy"]
    with_map = evaluated(
        capsys, "sentiment", "texts.csv", "--map", "sentiment.yaml", "--warm", "texts.csv", "--warm-map", "sentiment.yaml"
    )  # fmt: skip
    assert with_map["zero_shot"]["accuracy"] > cold["zero_shot"]["accuracy"]


def test_people_get_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json the measures stand side by side; which rows were of no use, and why, is on standard error."""
    code, out, err = run(capsys, "evaluate", "sentiment", "texts.csv", "--map", "sentiment.yaml")
    assert code == 3
    assert "sentiment (hashed): 120 rows, 2 rejected" in out
    assert "macro_f1" in out
    assert "1 rejected: no_label (row 121)" in err
    assert "1 rejected: unknown_label (row 122)" in err


def test_a_file_of_which_nothing_is_used_has_no_figures(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a row that can be used there is a sentence instead of a table, and the exit code says why."""
    Path("none.csv").write_text("body,verdict,source,part\nhello,,,\nbye,,,\n")
    code, out, err = run(capsys, "evaluate", "sentiment", "none.csv", "--map", "sentiment.yaml")
    assert (code, out) == (3, "sentiment: no row that can be used, 2 rejected\n")
    assert "2 rejected: no_label (row 1 is the first)" in err
    code, out, _ = run(
        capsys, "learn", "sentiment", "none.csv", "--map", "sentiment.yaml", "--out", "n.model"
    )
    assert (code, out) == (3, "none.csv: 0 rows learnt, n.model; 2 rejected\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("sentimant", "texts.csv", "--map", "sentiment.yaml"), "Did you mean 'sentiment'?"),
        (("sentiment", "texts.csv", "--map", "reason.yaml"), "has no column 'why'"),
        (("sentiment", "texts.csv", "--map", "wrong.yaml"), "Did you mean 'label'?"),
        (("sentiment", "texts.csv", "--map", "sentiment.yaml", "--recipe", "hashd"), "Did you mean 'hashed'?"),
        (("sentiment", "texts.csv", "--map", "sentiment.yaml", "--order", "time"), "needs a 'time' entry"),
        (("sentiment", "texts.csv", "--map", "sentiment.yaml", "--order", "random"), "shuffle:SEED"),
        (("sentiment", "texts.csv", "--map", "sentiment.yaml", "--foreign", "x"), "says nothing to sentiment"),
        (("sentiment", "texts.csv", "--map", "sentiment.yaml", "--warm", "texts.csv"), "needs a --warm-map"),
        (("sentiment", "texts.csv", "--map", "sentiment.yaml", "--warm-map", "x"), "belongs to no --warm"),
        (("reason", "contacts.jsonl", "--map", "reason.yaml", "--warm", "broken.model"), "cut off"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    """Exit code 2, the sentence on standard error, nothing on standard output."""
    Path("wrong.yaml").write_text("text: {column: body}\nlabl: {column: verdict}\n")
    Path("broken.model").write_bytes(b"CEMm\x01\x00\xff\xff\xff\x00 and no more")
    code, out, err = run(capsys, "evaluate", *arguments, "--json")
    assert (code, out) == (2, "")
    assert sentence in " ".join(err.split())


def test_a_folder_that_is_not_there_is_said_before_the_work(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--out` is looked at first: nobody waits for rows whose result cannot be written."""
    for command in (
        ("learn", "sentiment", "nosuch.csv", "--map", "sentiment.yaml", "--out", "gone/s.model"),
        ("pilot", "nosuch.csv", "--map", "sentiment.yaml", "--out", "gone/report.html"),
    ):
        code, out, err = run(capsys, *command)
        assert (code, out) == (2, "")
        assert "there is no folder gone" in err
    code, _, err = run(capsys, "pilot", "texts.csv", "--map", "gone.yaml")
    assert code == 2
    assert "gone.yaml: No such file or directory" in err


def test_nothing_learnt_is_a_version_to_go_back_to(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """-1 is read as a version, not as an option."""
    code, _, err = run(capsys, "models", "rollback", "chrn", "-1")
    assert code == 2
    assert "there is no model 'chrn'" in err
