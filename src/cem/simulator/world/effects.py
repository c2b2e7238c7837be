"""What actions truly do to customers, which is not what the catalogue believes.

The operator believes in a chance of acceptance, points of satisfaction gained if accepted and lost if declined. The
truth is each of these times a factor of its own, drawn once by the seed between 1/spread and spread; and an action
helps only where it meets what is really wrong or needed (`effects.yaml`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec
import yaml

from cem.simulator.draws import unit

__all__ = ["Belief", "Effects", "TrueAction"]

_EFFECTS: Final = 11
_SERVICE: Final = ("service", "hardship")


class Belief(msgspec.Struct, frozen=True):
    """What the operator's catalogue says of an action. Money in minor units; None: it does not say."""

    action: str
    precedence: str
    #: Prior chance of acceptance.
    accept: float | None = None
    #: CSAT points.
    delta_if_accepted: float | None = None
    annoyance_if_declined: float | None = None
    cost_minor: int | None = None
    gain_minor: int | None = None


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of action as the hidden world knows it; an action is of the first kind one of whose words it contains."""

    kind: str
    words: tuple[str, ...]
    precedence: str
    accept: float
    delta: float
    annoyance: float
    cost_cents: int = 0
    #: Problem to the chance that the action, once accepted, ends it.
    cures: dict[str, float] = {}
    #: Need that makes it welcome.
    need: str = ""
    #: Taken off the logarithm of the hazard of leaving, if accepted.
    goodwill: float = 0.0
    #: Further things that it does: see contacts.carry_out.
    does: tuple[str, ...] = ()


class TrueAction(msgspec.Struct, frozen=True):
    """What one action truly does."""

    action: str
    kind: Kind
    #: Log-odds of acceptance by a customer of middling mood who has the need half.
    accept: float
    delta: float
    annoyance: float
    cost_minor: int
    #: The seed's factors: of acceptance (odds), of satisfaction gained, of annoyance.
    factors: tuple[float, float, float]

    @property
    def serves(self) -> bool:
        """True for what helps, False for what sells or keeps."""
        return self.kind.precedence in _SERVICE


@cache
def kinds() -> tuple[Kind, ...]:
    """Return the kinds of actions that the hidden world knows; the last takes whatever is left."""
    text = resources.files("cem.simulator.world").joinpath("effects.yaml").read_text("utf-8")
    raw: list[dict[str, Any]] = yaml.safe_load(text)
    return msgspec.convert(tuple(raw), tuple[Kind, ...])


class Effects:
    """The true effects in one world."""

    def __init__(
        self, seed: int, spread: float, minor_per_cent: int = 1, beliefs: Iterable[Belief] = ()
    ) -> None:
        self._seed = seed
        self._spread = spread
        self._minor = minor_per_cent
        self.beliefs = {belief.action: belief for belief in beliefs}
        self._known: dict[str, TrueAction] = {}

    def of(self, action: str) -> TrueAction:
        """Return what `action` truly does; an action that nobody has heard of does what its name promises."""
        found = self._known.get(action)
        if found is None:
            found = self._known[action] = self._make(action)
        return found

    def _make(self, action: str) -> TrueAction:
        parts = set(action.lower().replace("_", "-").replace(".", "-").split("-"))
        belief = self.beliefs.get(action)
        kind = next(k for k in kinds() if not k.words or parts.intersection(k.words))
        if belief is not None and belief.precedence != kind.precedence:
            kind = msgspec.structs.replace(kind, precedence=belief.precedence)
        low = -math.log(self._spread)
        factors = tuple(
            math.exp(low * (1 - 2 * unit(self._seed, _EFFECTS, n, *action.encode()))) for n in range(3)
        )
        accept = kind.accept if belief is None or belief.accept is None else belief.accept
        accept = min(0.97, max(0.02, accept))
        delta = kind.delta
        annoyance = kind.annoyance
        cost = kind.cost_cents * self._minor
        if belief is not None:
            delta = delta if belief.delta_if_accepted is None else belief.delta_if_accepted
            annoyance = annoyance if belief.annoyance_if_declined is None else belief.annoyance_if_declined
            cost = cost if belief.cost_minor is None else belief.cost_minor
        return TrueAction(
            action,
            kind,
            math.log(accept / (1 - accept)) + math.log(factors[0]),
            delta * factors[1],
            abs(annoyance) * factors[2],
            cost,
            (factors[0], factors[1], factors[2]),
        )
