"""What an action is worth now: the design's formula, its factors, and the straight lines behind the flips.

    priority = propensity x context x value x lever
    value    = business + price x delta_if_accepted - (1 - p) / p x price x annoyance_if_declined

with business = gain - cost. The priority is linear in the propensity and in the price of satisfaction, which is what
makes the smallest change that would turn a decision computable in closed form.
"""

from __future__ import annotations

import msgspec

from cem.nba.catalogue import Action, Treatment
from cem.nba.params import Params
from cem.nba.rules import Evaluation

__all__ = ["NO_GAIN", "Candidate", "candidate", "value_at"]

#: Rule id under which an action that is worth nothing is dropped.
NO_GAIN = "arbitration.no_gain"


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """An action that passed the funnel, with all that its priority is made of."""

    action: Action
    treatment: Treatment
    propensity: float
    context: float
    lever: float
    #: Minor units; `business` is gain minus cost.
    cost: float
    business: float
    #: CSAT points if accepted, and lost if declined.
    delta: float
    annoyance: float
    price: float
    value: float
    priority: float

    def at(self, propensity: float) -> Candidate:
        """Return the candidate as it would be with another propensity."""
        value = value_at(propensity, self.business, self.price, self.delta, self.annoyance)
        priority = propensity * self.context * value * self.lever
        return msgspec.structs.replace(self, propensity=propensity, value=value, priority=priority)

    def propensity_for(self, priority: float) -> float | None:
        """Return the propensity at which the candidate would have `priority`, if there is one."""
        weight = self.context * self.lever
        loss = self.price * self.annoyance
        slope = self.business + self.price * self.delta + loss
        if weight <= 0 or slope <= 0:
            return None
        return (priority / weight + loss) / slope

    def line_over_price(self) -> tuple[float, float]:
        """Return (a, b) with priority = a + b x price of satisfaction."""
        weight = self.context * self.lever
        p = self.propensity
        return weight * p * self.business, weight * (p * self.delta - (1 - p) * self.annoyance)


def value_at(p: float, business: float, price: float, delta: float, annoyance: float) -> float:
    """Return the value (minor units) of an action with propensity `p` > 0."""
    return business + price * delta - (1 - p) / p * price * annoyance


def candidate(
    action: Action, treatment: Treatment, evaluation: Evaluation, params: Params
) -> Candidate | None:
    """Return the action weighed at the mean of its prior; None if one of its amounts cannot be computed."""
    gain = action.gain.constant if action.gain.expression < 0 else evaluation.values[action.gain.expression]
    cost = action.cost.constant if action.cost.expression < 0 else evaluation.values[action.cost.expression]
    change = action.delta_if_accepted
    delta = change.constant if change.expression < 0 else evaluation.values[change.expression]
    if gain is None or cost is None or delta is None:
        return None
    percent = 0.0
    for rule, add_percent in params.context_weights.get(action.action, ()):
        if evaluation.values[rule.expression] is True:
            percent += add_percent
    context = max(0.0, 1.0 + percent / 100)
    lever = max(0.0, params.levers.get(action.action, 1.0))
    price = params.price_of_satisfaction_minor_per_point
    propensity = action.accepted / (action.accepted + action.declined)
    business = float(gain - cost)
    annoyance = action.annoyance_if_declined
    value = value_at(propensity, business, price, delta, annoyance)
    return Candidate(
        action,
        treatment,
        propensity,
        context,
        lever,
        float(cost),
        business,
        float(delta),
        annoyance,
        price,
        value,
        propensity * context * value * lever,
    )
