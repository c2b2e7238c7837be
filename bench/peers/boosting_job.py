"""Batch gradient boosting over the rows of `bench.learning --rows`: `python boosting_job.py ROWS.npz SCORES.npy`.

Every two weeks it is fitted anew to every label known by then, and says the log-odds of the two weeks that follow. Settings are
not tuned: for few positives, small trees and many rows a leaf.
"""

from __future__ import annotations

import sys

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

DAY_MS = 86_400_000
HORIZON_DAYS, REFIT_DAYS, LEAST_POSITIVES = 30, 14, 20


def main() -> None:
    """Write a score for each row; NaN where nothing had been fitted yet."""
    rows = np.load(sys.argv[1])
    x = rows["x"].astype(np.float64)
    # 255: not known. The boosting has its own way with what is missing, but none with a column that always is.
    x[x == 255] = -1
    labels, day = rows["y"].astype(bool), (rows["t"] - rows["t"].min()) // DAY_MS
    scores = np.full(len(labels), np.nan)
    for begin in range(HORIZON_DAYS + REFIT_DAYS, int(day.max()) + 1, REFIT_DAYS):
        known = day + HORIZON_DAYS <= begin
        asked = (day >= begin) & (day < begin + REFIT_DAYS)
        if labels[known].sum() < LEAST_POSITIVES or not asked.any():
            continue
        model = HistGradientBoostingClassifier(
            max_iter=200,
            learning_rate=0.05,
            max_leaf_nodes=8,
            min_samples_leaf=40,
            l2_regularization=5.0,
            categorical_features=rows["categories"].astype(bool),
            random_state=1,
        )
        scores[asked] = model.fit(x[known], labels[known]).decision_function(x[asked])
    np.save(sys.argv[2], scores)


if __name__ == "__main__":
    main()
