"""The catalogue: what can be done for a customer, as values that were checked when the policy was loaded."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec.structs import force_setattr

from cem.nba.rules import Expressions, Rule
from cem.nba.sentences import Sentences

__all__ = ["PRECEDENCE", "Action", "Amount", "Catalogue", "ContactPolicy", "Precedence", "Treatment"]

Precedence = Literal["hardship", "service", "retention", "selling"]

#: What comes first for a customer who must be protected; the first is the highest.
PRECEDENCE: tuple[Precedence, ...] = ("hardship", "service", "retention", "selling")


class Amount(msgspec.Struct, frozen=True):
    """A number, or an expression over the facts that makes one."""

    constant: float = 0
    #: Number of the expression; -1: the constant.
    expression: int = -1


class Treatment(msgspec.Struct, frozen=True):
    """How an action is put to the customer over one channel."""

    treatment: str
    channel: str
    #: What the customer is told, if this channel says it in its own way.
    customer: Sentences | None = None


class ContactPolicy(msgspec.Struct, frozen=True):
    """When the customer has had enough of an action."""

    #: State of an earlier suggestion of it (offered, declined, ...) to the time (ms) for which it then rests.
    cool_down_ms: dict[str, int] = {}
    #: True: service that nobody is protected from; caps do not count.
    exempt: bool = False


class Action(msgspec.Struct, frozen=True):
    """One thing that can be done, with what it is worth and what the company believes before it has learnt."""

    action: str
    issue: str
    group: str
    precedence: Precedence
    title: Sentences
    #: Eligibility, then applicability, then suitability; the first rule that does not hold drops the action.
    rules: tuple[Rule, ...]
    #: Input topic to the greatest age (s) of its facts at which the action may still be suggested.
    max_staleness_s: dict[str, float]
    treatments: dict[str, Treatment]
    contact: ContactPolicy
    #: What the company gains if it is accepted, and what that costs it, in minor units.
    gain: Amount
    cost: Amount
    #: What the customer pays for it, in minor units; 0 = nothing. For sentences and alerts' remedies.
    price_minor: int
    #: CSAT points.
    delta_if_accepted: Amount
    annoyance_if_declined: float
    #: The stated prior of the propensity: a Beta distribution's pseudo-counts.
    accepted: float
    declined: float
    rep: Sentences
    customer: Sentences
    #: Alerts whose remedy it can be: types, or `type.matter` for those of a type that are about that; None: any.
    helps_with: frozenset[str] | None = None

    def helps(self, alert_type: str, matter: str) -> bool:
        """Return whether it helps with an alert of that type that is about `matter` ("": nobody knows)."""
        named = self.helps_with
        return named is None or alert_type in named or f"{alert_type}.{matter}" in named


class Catalogue(msgspec.Struct, frozen=True):
    """All actions, ordered by id, and the expressions that their rules and amounts refer to."""

    actions: tuple[Action, ...]
    expressions: Expressions
    #: Every fact that a decision by this policy can depend on, sorted: the frozen features of a decision.
    fact_names: tuple[str, ...]
    #: Digest of the policy's files: what a replay must load.
    version: str
    #: Action said when nothing else is left or known.
    fallback: str
    #: The actions by id; made of them.
    by_name: dict[str, Action] = {}

    def __post_init__(self) -> None:
        force_setattr(self, "by_name", {action.action: action for action in self.actions})

    def action(self, name: str) -> Action | None:
        """Return the action called `name`."""
        return self.by_name.get(name)
