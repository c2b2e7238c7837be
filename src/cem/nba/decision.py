"""What goes into one decision and what comes out."""

from __future__ import annotations

import msgspec

from cem.domain.events import DroppedAction, RankedAction
from cem.nba.history import Past
from cem.nba.propensity import Learnt
from cem.nba.rules import FactValue

__all__ = ["ActiveFloor", "Context", "Decision", "Flip", "Said", "Tier"]

#: How an answer came about: see docs/next-best-action.md.
Tier = str


class Context(msgspec.Struct, frozen=True):
    """The customer at a stated time, and what the desktop says of the call. All of it is frozen in the record."""

    decision_id: str
    customer_id: str
    as_of_ms: int
    #: Every fact of the catalogue's `fact_names`; None = unknown.
    facts: dict[str, FactValue]
    history: tuple[Past, ...] = ()
    #: Age (s) of each input stream; None = unknown.
    staleness_s: dict[str, float | None] = {}
    #: Versions of the models whose estimates are among the facts, by name.
    versions: dict[str, str] = {}
    #: What the model has learnt of actions for this customer, by action.
    propensities: dict[str, Learnt] = {}


class Flip(msgspec.Struct, frozen=True, gc=False):
    """The smallest change of one factor after which another action would be first."""

    #: The action whose factor changes; for the price of satisfaction the action that would win.
    action: str
    factor: str
    now: float
    #: Beyond this value `winner` is first.
    at: float
    winner: str


class ActiveFloor(msgspec.Struct, frozen=True, gc=False):
    """A floor that protects the customer now: why the first action need not have the highest priority."""

    #: Id of the floor.
    rule: str
    #: The fact that it saw, or several in words.
    observed: FactValue
    #: Which precedence comes before which, whatever the priority.
    order: str
    #: Precedences that are not suggested at all.
    drops: tuple[str, ...]


class Said(msgspec.Struct, frozen=True, gc=False):
    """One sentence for the representative, one for the customer."""

    rep: str
    customer: str


class Decision(msgspec.Struct, frozen=True):
    """What was decided, and why. Every action of the catalogue is either in `ranked` or in `dropped`."""

    decision_id: str
    customer_id: str
    as_of_ms: int
    tier: Tier
    #: Best first.
    ranked: tuple[RankedAction, ...]
    dropped: tuple[DroppedAction, ...]
    flips: tuple[Flip, ...]
    sentences: Said
    #: The floors that protect the customer now, as the policy lists them.
    floors: tuple[ActiveFloor, ...] = ()
