"""What managers set about arbitration: the price of satisfaction, levers, context weights, floors, caps."""

from __future__ import annotations

from typing import Literal

import msgspec

from cem.nba.catalogue import Precedence
from cem.nba.rules import Rule

__all__ = ["Cap", "Exploration", "Floor", "Params", "Scope"]


class Scope(msgspec.Struct, frozen=True):
    """Which actions something is about: those that match every field that is set."""

    precedence: Precedence | None = None
    issue: str | None = None
    group: str | None = None
    action: str | None = None


class Floor(msgspec.Struct, frozen=True):
    """Protects a customer while the rule holds: precedence decides before priority, and `drops` are not suggested."""

    rule: Rule
    drops: tuple[Precedence, ...]


class Cap(msgspec.Struct, frozen=True):
    """No more than `times` suggestions in scope that came to one of `states` within the window."""

    id: str
    scope: Scope
    states: tuple[str, ...]
    times: int
    window_ms: int


class Exploration(msgspec.Struct, frozen=True):
    """`none`: the best by the mean of each propensity. `thompson`: the best by one of `samples` joint samples."""

    method: Literal["none", "thompson"] = "none"
    samples: int = 64


class Params(msgspec.Struct, frozen=True):
    """The parameters of `decide`. Amounts in minor units of the operator's currency."""

    #: What one CSAT point of one customer is worth: the one price that weighs satisfaction against business.
    price_of_satisfaction_minor_per_point: float
    currency: str
    #: Language of sentences when the reader's is not known.
    language: str
    #: Action to the conditions that weigh it in the present context, each with the percent that it adds.
    context_weights: dict[str, tuple[tuple[Rule, float], ...]] = {}
    #: Action to lever (1 = neutral): issue's, group's and action's percents added.
    levers: dict[str, float] = {}
    floors: tuple[Floor, ...] = ()
    caps: tuple[Cap, ...] = ()
    exploration: Exploration = Exploration()
    #: Topic of a contact to the labels and words that stand for it.
    topics: dict[str, tuple[str, ...]] = {}
