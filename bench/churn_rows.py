"""What foresees churn best from the same rows: our recipes, batch gradient boosting, the oracle.

    python -m bench.churn_rows ROWS.npz          # rows of `python -m bench.learning --rows ROWS.npz`

Each row is a customer's weekly look: time, portrait, the oracle's chance, and whether he left within 30 days. A recipe is asked
in the order of time and learns each label when its 30 days are over, as on the stream. Scikit-learn's boosting is a peer in an
environment of its own (`make bench-learning` installs it).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.common import CACHE, ROOT, Row, Target, check_targets, say, show, write_results
from cem.domain.localtime import DAY_MS
from cem.domain.view.portrait import CATEGORIES, features_of
from cem.learning.churn import RECIPES, ChurnModel
from cem.learning.evaluation.measures import auc

__all__ = ["BOOSTING", "TARGETS", "compared", "save_rows"]

Rows = Mapping[str, npt.NDArray[Any]]

BOOSTING = CACHE / "boosting" / "bin" / "python"
#: From this day on there are labels enough for everybody; the later half of the rows begins anew.
_FROM_DAY = 45
_HORIZON_MS = 30 * DAY_MS

TARGETS = (
    Target("churn, share of the oracle's, later half: bayes-trees", least=0.85, of="value"),
    Target("churn, share of batch boosting's, later half: bayes-trees", least=0.95, of="value"),
    Target("churn, AUC, all: oracle", least=0.84, of="value"),
    Target("churn, AUC, all: oracle", most=0.90, of="value"),
)


def save_rows(path: Path, t: Any, portraits: list[bytes], o: Any, y: Any) -> None:
    """Write rows, in the order of time: instants (ms), portraits, the oracle's chances, labels."""
    width = max(map(len, portraits))
    x = np.array([list(each.ljust(width, b"\xff")) for each in portraits], np.uint8)
    np.savez_compressed(
        path, t=np.array(t, np.int64), x=x, o=np.array(o), y=np.array(y, bool), categories=CATEGORIES[:width]
    )


def compared(rows: Rows) -> list[Row]:
    """Return AUC of everybody, over all rows from the 45th day on and over the later half of them, and the shares."""
    labels = rows["y"].astype(bool)
    scores = {"oracle": rows["o"].astype(float)}
    for recipe in RECIPES:
        began = time.process_time()
        scores[recipe] = _asked(rows, recipe)
        say(f"{recipe}: {time.process_time() - began:.0f} s of CPU")
    boosted = _boosted(rows)
    if boosted is not None:
        scores["batch boosting"] = boosted
    day = (rows["t"] - rows["t"].min()) // DAY_MS
    asked = day >= _FROM_DAY
    for each in scores.values():
        asked &= ~np.isnan(each)
    places = np.flatnonzero(asked)
    found: list[Row] = [
        Row("churn, rows", float(len(places)), ""),
        Row("churn, of them left", float(labels[places].sum()), ""),
    ]
    for part, chosen in (("all", places), ("later half", places[len(places) // 2 :])):
        areas = {name: auc(each[chosen], labels[chosen].tolist()) or 0.5 for name, each in scores.items()}
        found += [Row(f"churn, AUC, {part}: {name}", area, "") for name, area in areas.items()]
        for against in ("oracle", "batch boosting"):
            # A world in which too few left to judge has nothing to hold anybody against.
            if areas.get(against, 0.5) > 0.5:
                found += [
                    Row(
                        f"churn, share of {'the oracle' if against == 'oracle' else against}'s, {part}: {name}",
                        (area - 0.5) / (areas[against] - 0.5),
                        "of what is above .5",
                    )
                    for name, area in areas.items()
                    if name not in ("oracle", against)
                ]
    return found


def _asked(rows: Rows, recipe: str) -> npt.NDArray[np.float64]:
    """Return what the recipe says of each row when it is asked, labels having come 30 days late."""
    model = ChurnModel(recipe)
    times, labels = rows["t"].tolist(), rows["y"].tolist()
    portraits = [row.tobytes() for row in rows["x"]]
    scores = np.full(len(times), np.nan)
    learnt = 0
    for at, now_ms in enumerate(times):
        while times[learnt] + _HORIZON_MS <= now_ms:
            model.learn_one(features_of(portraits[learnt]), int(labels[learnt]))
            learnt += 1
        if now_ms - times[0] >= _FROM_DAY * DAY_MS:
            scores[at] = model.predict_one(features_of(portraits[at])).score
    return scores


def _boosted(rows: Rows) -> npt.NDArray[np.float64] | None:
    if not BOOSTING.exists():
        say(f"NOT RUN: batch boosting is not installed in {BOOSTING.parents[1]}")
        return None
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "rows.npz"), Path(folder, "scores.npy")
        np.savez(given, **dict(rows))
        job = ROOT / "bench" / "peers" / "boosting_job.py"
        subprocess.run([BOOSTING, job, given, made], check=True)
        return np.asarray(np.load(made), float)


def main() -> int:
    """Compare, print, write `bench/results/churn_rows.json`; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    with np.load(parser.parse_args().rows) as file:
        rows = {name: file[name] for name in file.files}
    found = compared(rows)
    show("Churn from the same rows", ("figure", "value", "unit"), [(r.name, r.value, r.unit) for r in found])
    write_results("churn_rows", found)
    return 0 if check_targets(found, TARGETS if BOOSTING.exists() else TARGETS[:1] + TARGETS[2:]) else 1


if __name__ == "__main__":
    sys.exit(main())
