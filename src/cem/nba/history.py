"""What became of earlier suggestions, as far as contact policies look back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from cem.nba.rules import FactValue

__all__ = ["Past", "freeze_history", "thaw_history"]

#: Prefix of the features of a decision's record that hold the history.
_PREFIX: Final = "past."


class Past(msgspec.Struct, frozen=True, gc=False):
    """An earlier suggestion: the furthest state it came to, and when."""

    action: str
    state: str
    at_ms: int


def freeze_history(history: Sequence[Past]) -> dict[str, FactValue]:
    """Return the history as features of a decision's record: "past.00": "action/state/ms"."""
    return {f"{_PREFIX}{i:02}": f"{p.action}/{p.state}/{p.at_ms}" for i, p in enumerate(history)}


def thaw_history(features: Mapping[str, FactValue]) -> tuple[Past, ...]:
    """Return the history that `freeze_history` put into `features`, in the same order."""
    found = []
    for name in sorted(n for n in features if n.startswith(_PREFIX)):
        action, state, at_ms = str(features[name]).split("/")
        found.append(Past(action, state, int(at_ms)))
    return tuple(found)
