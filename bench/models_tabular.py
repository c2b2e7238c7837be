"""How good and how dear the models of tables are: churn, propensity, satisfaction.

One pass, each row predicted before it is learnt; churn in seeded shuffles (means), propensity in the order of the
file. The simulator's surveys need no data. Costs are this thread's CPU time; River's best linear recipe runs on the
same rows in the same process, for the ratio.
"""

from __future__ import annotations

import csv
import gzip
import heapq
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from river import compose, linear_model, optim, preprocessing

from bench.common import Row, Target, say
from bench.surveys import PATIENCE_S, Contact, contacts
from cem.learning.churn import ChurnModel
from cem.learning.evaluation.chances import measure
from cem.learning.evaluation.satisfaction import measure as measure_answers
from cem.learning.propensity import Offer, PropensityModel
from cem.learning.satisfaction import SatisfactionModel

__all__ = ["TARGETS", "measured"]

Features = dict[str, float | str]


class Table(NamedTuple):
    """A public data set: where it is, which column is the label, what is left out."""

    path: str
    label: str
    positive: str
    without: tuple[str, ...] = ()


TABLES = {
    "ibm": Table("churn_ibm_telco/WA_Fn-UseC_-Telco-Customer-Churn.csv", "Churn", "Yes", ("customerID",)),
    "mlc": Table("churn_mlc/mlc_churn.csv", "churn", "yes"),
    # `duration` is known only once the call is over.
    "bank": Table("nba_bank_marketing/bank_additional_full.csv.gz", "y", "yes", ("duration",)),
}


class Said(NamedTuple):
    """A prediction as the measures take it."""

    probability: float
    score: float


def rows_of(data: Path, table: Table) -> list[tuple[Features, bool]]:
    """Return features and label of each row; blanks are not there, what reads as a number is one."""
    path = data / table.path
    opened: Any = gzip.open if path.suffix == ".gz" else open
    file: IO[str]
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        return [
            (
                {
                    name: _value(cell)
                    for name, cell in row.items()
                    if cell.strip() and name != table.label and name not in table.without
                },
                row[table.label] == table.positive,
            )
            for row in csv.DictReader(file)
        ]


def _value(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell.strip()


def shuffled(rows: Sequence[Any], seed: int) -> list[Any]:
    """Return the rows in the order of `cem evaluate --order shuffle:SEED`."""
    mixed = list(rows)
    random.Random(seed).shuffle(mixed)
    return mixed


def one_pass(
    rows: Sequence[tuple[Any, bool]], predict: Callable[[Any], Any], learn: Callable[[Any, bool], object]
) -> dict[str, float]:
    """Return measures and microseconds of CPU of one pass."""
    clock = time.thread_time_ns
    predictions, predict_ns, learn_ns = [], 0, 0
    for x, y in rows:
        before = clock()
        said = predict(x)
        between = clock()
        learn(x, y)
        learn_ns += clock() - between
        predict_ns += between - before
        predictions.append(said)
    found = {
        name: value for name, value in measure([y for _, y in rows], predictions).items() if value is not None
    }
    return found | {"predict": predict_ns / len(rows) / 1000, "learn": learn_ns / len(rows) / 1000}


def rivers() -> tuple[Callable[[Any], Said], Callable[[Any, bool], object]]:
    """Return predict and learn of River's best linear recipe."""
    model = (compose.SelectType(float) | preprocessing.StandardScaler()) + (
        compose.SelectType(str) | preprocessing.OneHotEncoder()
    )
    pipeline = model | linear_model.LogisticRegression(optim.AdaGrad(0.1))

    def predict(x: Any) -> Said:
        p = pipeline.predict_proba_one(x).get(True, 0.5)
        return Said(p, p)

    return predict, pipeline.learn_one


def churn_rows(data: Path, shuffles: int) -> Iterator[Row]:
    """Yield the rows on churn, means of the shuffles."""
    for name in ("ibm", "mlc"):
        if not (data / TABLES[name].path).exists():
            say(f"{TABLES[name].path} is not in {data}: left out")
            continue
        rows = rows_of(data, TABLES[name])
        makers: dict[str, Callable[[], tuple[Any, Any]]] = {"River LR": rivers}
        for recipe in ("bayes", "bayes-trees"):
            makers[recipe] = lambda recipe=recipe: _bound(ChurnModel(recipe))
        peer: dict[str, Row] = {}
        for recipe, make in makers.items():
            say(f"churn {name}: {recipe}")
            runs = [one_pass(shuffled(rows, seed), *make()) for seed in range(1, shuffles + 1)]
            for figure, unit in (
                ("auc", ""),
                ("auc_last_half", ""),
                ("ece", ""),
                ("log_loss", "nat"),
                ("predict", "us"),
                ("learn", "us"),
            ):
                value = statistics.mean(run[figure] for run in runs)
                title = f"churn {name} {recipe}: {figure}"
                row = (
                    Row(title, value, unit)
                    if recipe == "River LR"
                    else Row.against(title, value, unit, peer[figure])
                )
                peer.setdefault(figure, row)
                yield row


def propensity_rows(data: Path) -> Iterator[Row]:
    """Yield the rows on propensity, in the order of time."""
    table = TABLES["bank"]
    if not (data / table.path).exists():
        say(f"{table.path} is not in {data}: left out")
        return
    say("propensity bank: tracking")
    model = PropensityModel()
    rows = [(Offer(x), y) for x, y in rows_of(data, table)]
    found = one_pass(rows, model.predict_one, model.learn_one)
    for figure, unit in (
        ("auc", ""),
        ("auc_blocks", ""),
        ("ece", ""),
        ("log_loss", "nat"),
        ("predict", "us"),
        ("learn", "us"),
    ):
        yield Row(f"propensity bank tracking: {figure}", found[figure], unit)


def satisfaction_rows(seeds: Sequence[int]) -> Iterator[Row]:
    """Yield the rows on the simulator's surveys, means over worlds."""
    found: list[dict[str, float]] = []
    for seed in seeds:
        say(f"satisfaction: the simulator's surveys, seed {seed}")
        with tempfile.TemporaryDirectory() as folder:
            events, truths = Path(folder, "events.jsonl"), Path(folder, "truth.jsonl")
            subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "cem",
                    "simulate",
                    "--customers",
                    "600",
                    "--history",
                    "120",
                    "--seed",
                    str(seed),
                    "--out",
                    str(events),
                    "--truth",
                    str(truths),
                ],
                check=True,
                capture_output=True,
            )
            with events.open() as told, truths.open() as hidden:
                found.append(_surveys(contacts(told, hidden)))
    for figure in found[0]:
        unit = "points" if figure.endswith(("error", "width")) else ""
        yield Row(f"satisfaction surveys: {figure}", statistics.mean(each[figure] for each in found), unit)


def _surveys(every: Sequence[Contact]) -> dict[str, float]:
    """Return the figures of one world: predicted when the contact ends, learnt when the answer comes or stays away."""
    model = SatisfactionModel()
    waiting: list[tuple[float, int]] = []
    said: list[Any] = []
    means: list[float] = []
    total, answers = 3.0, 1
    for number, contact in enumerate(every):
        while waiting and waiting[0][0] <= contact.ended_s:
            then = every[heapq.heappop(waiting)[1]]
            model.learn_asked(then.x, then.answer is not None)
            if then.answer is not None:
                model.learn_one(then.x, then.answer)
                total, answers = total + then.answer, answers + 1
        said.append(model.predict_one(contact.x))
        means.append(total / answers)
        due_s = contact.answered_s if contact.answer is not None else contact.ended_s + PATIENCE_S
        heapq.heappush(waiting, (due_s, number))
    figures: dict[str, float] = {}
    answered = [number for number, contact in enumerate(every) if contact.answer is not None]
    for who, numbers in (("answered", answered), ("everybody", list(range(len(every))))):
        truths = [every[at].truth or 0.0 for at in numbers]
        found = measure_answers(truths, [said[at] for at in numbers])
        naive = statistics.mean(abs(means[at] - truth) for at, truth in zip(numbers, truths, strict=True))
        error = found["mae"] or 0.0
        figures[f"{who}, mean absolute error"] = error
        figures[f"{who}, of the running mean's"] = error / naive
        figures[f"{who}, coverage of the 90 % interval"] = found["coverage"] or 0.0
        figures[f"{who}, width"] = found["width"] or 0.0
    return figures


def size_rows(data: Path) -> Iterator[Row]:
    """Yield the sizes of snapshots, and how long writing and reading them takes."""
    table = TABLES["mlc"]
    rows = rows_of(data, table) if (data / table.path).exists() else _noise(5000)
    makers: dict[str, tuple[Callable[[], Any], Callable[[Features], Any]]] = {
        "churn bayes-trees": (ChurnModel, lambda x: x),
        "propensity tracking": (PropensityModel, Offer),
    }
    for name, (make, given) in makers.items():
        model = make()
        for x, y in rows:
            model.learn_one(given(x), y)
        began = time.perf_counter()
        snapshot = model.snapshot()
        written = time.perf_counter()
        make().restore(snapshot)
        yield Row(f"{name}: snapshot", len(snapshot) / 1e6, "MB")
        yield Row(f"{name}: snapshot written", (written - began) * 1000, "ms")
        yield Row(f"{name}: snapshot read", (time.perf_counter() - written) * 1000, "ms")


def _noise(count: int) -> list[tuple[Features, bool]]:
    dice = random.Random(1)
    return [({f"n{i}": dice.gauss(0, 1) for i in range(20)}, dice.random() < 0.2) for _ in range(count)]


def _bound(model: Any) -> tuple[Any, Any]:
    return model.predict_one, model.learn_one


#: What must be reached.
TARGETS = (
    Target("churn ibm bayes-trees: auc", least=0.842, of="value"),
    Target("churn mlc bayes-trees: auc", least=0.893, of="value"),
    Target("churn mlc bayes-trees: auc_last_half", least=0.915, of="value"),
    Target("churn ibm bayes-trees: ece", most=0.015, of="value"),
    Target("churn mlc bayes-trees: ece", most=0.015, of="value"),
    Target("churn mlc bayes-trees: predict", most=60, of="value"),
    Target("churn mlc bayes-trees: learn", most=250, of="value"),
    Target("churn ibm bayes: auc", least=0.840, of="value"),
    Target("churn mlc bayes: auc", least=0.860, of="value"),
    Target("churn mlc bayes: predict", most=25, of="value"),
    Target("churn mlc bayes: learn", most=65, of="value"),
    Target("propensity bank tracking: auc", least=0.800, of="value"),
    Target("propensity bank tracking: auc_blocks", least=0.605, of="value"),
    Target("satisfaction surveys: answered, of the running mean's", most=0.85, of="value"),
    Target("satisfaction surveys: answered, coverage of the 90 % interval", least=0.88, of="value"),
    Target("satisfaction surveys: answered, coverage of the 90 % interval", most=0.92, of="value"),
    Target("churn bayes-trees: snapshot", most=16, of="value"),
    Target("churn bayes-trees: snapshot written", most=300, of="value"),
    Target("churn bayes-trees: snapshot read", most=300, of="value"),
)


def measured(data: Path, shuffles: int = 5, worlds: Sequence[int] = (7, 8, 9)) -> list[Row]:
    """Return all rows."""
    return [
        *churn_rows(data, shuffles),
        *propensity_rows(data),
        *satisfaction_rows(worlds),
        *size_rows(data),
    ]
