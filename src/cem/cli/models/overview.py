"""`cem models`: a row for each model."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import click
import msgspec

from cem.cli.connection import settings_from
from cem.cli.models.cards import cards_of
from cem.cli.output import print_json, print_table
from cem.learning.published import Card

__all__ = ["overview"]

_COLUMNS = (
    "model",
    "version",
    "recipe",
    "examples",
    "quality",
    "calibration",
    "drifts",
    "passed over",
    "published",
)
#: The figures that sum a model up, by model, and how they are shown.
_SHOWN = {
    "sentiment": (("macro_f1", "macro-F1"), ("accuracy", "accuracy")),
    "reason": (("accuracy", "accuracy"), ("answered", "answered")),
    "satisfaction": (
        ("mean_absolute_error", "error"),
        ("against_mean", "of the mean's"),
        ("coverage", "covers"),
    ),
    "churn": (("auc", "AUC"), ("positives", "leave")),
    "propensity": (("auc", "AUC"), ("positives", "accept")),
}


def overview(ctx: click.Context, as_json: bool) -> None:
    """Print the models."""
    cards = asyncio.run(cards_of(settings_from(ctx)))
    if as_json:
        print_json({"models": [_plain(name, card) for name, card in cards.items()]})
        return
    now_ms = time.time_ns() // 1_000_000
    print_table(_COLUMNS, [_row(name, card, now_ms) for name, card in cards.items()])


def _plain(name: str, card: Card | None) -> dict[str, Any]:
    if card is None:
        return {"model": name, "version": None}
    return dict(msgspec.to_builtins(card))


def _row(name: str, card: Card | None, now_ms: int) -> list[object]:
    if card is None:
        return [name, "nothing learnt yet", "", None, "", "", None, None, ""]
    figures = card.figures
    quality = ", ".join(f"{says} {figures[key]:.3f}" for key, says in _SHOWN[name] if key in figures)
    error = figures.get("calibration_error")
    return [
        name,
        f"{card.version}",
        card.champion + (" (pinned)" if card.pinned else ""),
        int(figures.get("examples", 0)),
        quality,
        "" if error is None else f"{error:.3f}",
        card.drifts,
        sum(card.passed_over.values()),
        f"{max(0, now_ms - card.published_ms) / 1000:.0f} s ago",
    ]
