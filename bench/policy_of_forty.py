"""The shipped policy grown to 40 actions: the shipped actions again under further names, each worth a little else."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from tests.builders.nba import shipped_texts

__all__ = ["ACTIONS", "write_policies"]

ACTIONS = 40


def write_policies(folder: Path, actions: int = ACTIONS) -> None:
    """Write the policy files with `actions` actions into `folder`, as CEM_POLICIES reads them."""
    texts = shipped_texts()
    catalogue = yaml.safe_load(texts["actions.yaml"])
    known: dict[str, Any] = catalogue["actions"]
    shipped = [name for name in known if name != catalogue["fallback"]]
    for number in range(actions - len(known)):
        name = shipped[number % len(shipped)]
        action = copy.deepcopy(known[name])
        action["annoyance_if_declined"] = action.get("annoyance_if_declined", 0) + 0.01 * (number + 1)
        known[f"{name}_{number}"] = action
    texts["actions.yaml"] = yaml.safe_dump(catalogue, sort_keys=False, allow_unicode=True)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
