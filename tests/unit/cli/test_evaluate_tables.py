"""`cem evaluate` and `cem learn` for churn, propensity and satisfaction, as a user runs them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cem.cli import cli
from tests.builders.tables import leaving

_MAP = """
label: {column: left, positive: ["yes"]}
features: {exclude: [number]}
"""


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    """Write 400 customers, with two rows that cannot be used."""
    file = tmp_path / "customers.csv"
    with file.open("w", newline="") as out:
        names = ["number", "contract", "tenure", "calls", "spent", "area", "left", "stars", "part"]
        rows = csv.DictWriter(out, names)
        rows.writeheader()
        for number, (x, left, chance) in enumerate(leaving(400)):
            stars = round(5 - 4 * chance)
            part = "test" if number % 5 == 0 else "train"
            rows.writerow(
                {"number": number, **x, "left": "yes" if left else "no", "stars": stars, "part": part}
            )
        rows.writerow({"number": 400, "left": "", "stars": ""})
        rows.writerow({"number": 401, "left": "", "stars": "9"})
    return file


def _run(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in args], standalone_mode=False)


def _report(file: Path, model: str, rule: str, *args: object) -> Any:
    map_file = file.with_name(f"{model}.yaml")
    map_file.write_text(rule)
    result = _run("evaluate", model, file, "--map", map_file, "--json", *args)
    assert result.exception is None, result.output
    found = json.loads(result.stdout)
    assert result.return_value == (3 if found["rejected"] else 0)
    return found


def test_churn_is_evaluated_row_by_row(customers: Path) -> None:
    """The report has the measures, the curve, the costs, and how many rows were of no use."""
    found = _report(customers, "churn", _MAP, "--order", "shuffle:3")
    assert (found["model"], found["recipe"], found["rows"], found["rejected"]) == (
        "churn",
        "bayes-trees",
        400,
        2,
    )
    assert {"auc", "auc_last_half", "auc_blocks", "log_loss", "ece", "accuracy"} == set(found["metrics"])
    assert found["metrics"]["auc"] > 0.7
    assert [point["rows"] for point in found["curve"]] == [100, 400]
    assert set(found["cost_us"]) == {"predict", "learn", "features"}
    assert "zero_shot" not in found


def test_the_same_order_gives_the_same_figures(customers: Path) -> None:
    """All but the costs."""
    first, second = (_report(customers, "churn", _MAP, "--order", "shuffle:3") for _ in range(2))
    assert {**first, "cost_us": 0} == {**second, "cost_us": 0}


def test_held_out_rows_are_never_learnt(customers: Path) -> None:
    """The map's rows, or the last share; they have figures of their own."""
    rule = _MAP + "holdout: {column: part, equals: [test]}\n"
    assert _report(customers, "churn", rule, "--recipe", "bayes")["holdout"]["rows"] == 80
    assert _report(customers, "churn", _MAP, "--holdout", 0.25)["holdout"]["rows"] == 100


def test_propensity_takes_the_same_maps(customers: Path) -> None:
    """A table without actions is one action's."""
    found = _report(customers, "propensity", _MAP)
    assert found["recipe"] == "tracking"
    assert found["metrics"]["auc"] > 0.7


def test_satisfaction_has_its_measures(customers: Path) -> None:
    """Errors in points of the scale, coverage and width of the interval; a number beyond the scale is rejected."""
    rule = "label: {column: stars, scale: [1, 5]}\nfeatures: {include: [contract, tenure, calls]}\n"
    found = _report(customers, "satisfaction", rule)
    assert found["rejected"] == 2
    assert found["metrics"]["mae"] < 0.5
    assert 0.8 < found["metrics"]["coverage"] < 1.0
    assert found["metrics"]["width"] < 3.0


def test_a_learnt_model_warms_an_evaluation(customers: Path, tmp_path: Path) -> None:
    """`cem learn --out` writes a snapshot from which `--warm` starts: it has something to say before the first row."""
    map_file, out = tmp_path / "m.yaml", tmp_path / "churn.model"
    map_file.write_text(_MAP)
    result = _run("learn", "churn", customers, "--map", map_file, "--out", out, "--json")
    assert result.return_value == 3
    assert json.loads(result.stdout)["rows"] == 400
    found = _report(customers, "churn", _MAP, "--warm", out)
    assert found["zero_shot"]["auc"] > 0.75
    again = _report(customers, "churn", _MAP, "--warm", customers, "--warm-map", map_file)
    assert again["zero_shot"]["auc"] > 0.75


def test_wrong_recipes_are_named(customers: Path, tmp_path: Path) -> None:
    """An unknown recipe is a wrong command, and the nearest is said."""
    map_file = tmp_path / "m.yaml"
    map_file.write_text(_MAP)
    result = _run("evaluate", "churn", customers, "--map", map_file, "--recipe", "bayes-tree")
    assert "bayes-trees" in str(result.exception)
