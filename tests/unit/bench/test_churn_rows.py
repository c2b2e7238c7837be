"""Learners of churn on the same rows."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from bench import churn_rows
from cem.domain.localtime import DAY_MS
from cem.domain.view.portrait import FEATURES


def test_recipes_are_asked_in_time_and_learn_a_month_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who leaves shows in one feature: the oracle ranks by it, and our recipes nearly as well, from labels 30 days old."""
    monkeypatch.setattr(churn_rows, "BOOSTING", tmp_path / "python")
    dice = random.Random(3)
    times, portraits, chances, labels = [], [], [], []
    for at in range(2_400):
        contacts = dice.randrange(4)
        portrait = bytearray([255]) * len(FEATURES)
        portrait[FEATURES.index("contacts_30d")] = contacts
        chance = 0.02 + 0.12 * contacts
        times.append(at * 90 * DAY_MS // 2_400)
        portraits.append(bytes(portrait))
        chances.append(chance)
        labels.append(dice.random() < chance)
    churn_rows.save_rows(tmp_path / "rows.npz", times, portraits, chances, labels)
    with np.load(tmp_path / "rows.npz") as file:
        found = {
            row.name: row.value for row in churn_rows.compared({name: file[name] for name in file.files})
        }
    assert found["churn, rows"] == 1_200
    assert 0.65 < found["churn, AUC, all: oracle"] < 0.85
    assert found["churn, share of the oracle's, all: bayes-trees"] > 0.9
    assert "churn, AUC, all: batch boosting" not in found
