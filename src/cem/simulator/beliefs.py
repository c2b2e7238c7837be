"""What the operator's catalogue believes of its actions, for the simulated truth to differ from."""

from __future__ import annotations

from cem.nba.catalogue import Action, Amount, Catalogue
from cem.simulator.world.effects import Belief

__all__ = ["beliefs_of"]


def beliefs_of(catalogue: Catalogue) -> list[Belief]:
    """Return the catalogue's beliefs; what it computes from a customer's facts is left to the hidden world."""
    return [_belief(action) for action in catalogue.actions]


def _belief(action: Action) -> Belief:
    cost = _constant(action.cost)
    return Belief(
        action.action,
        action.precedence,
        accept=action.accepted / (action.accepted + action.declined),
        delta_if_accepted=_constant(action.delta_if_accepted),
        annoyance_if_declined=action.annoyance_if_declined,
        cost_minor=None if cost is None else round(cost),
    )


def _constant(amount: Amount) -> float | None:
    return amount.constant if amount.expression < 0 else None
