"""The answer when the customer cannot be read or time has run out: service only, the same whoever it is, never empty."""

from __future__ import annotations

from cem.domain.events import DroppedAction
from cem.nba.arbitration import Candidate, value_at
from cem.nba.catalogue import Catalogue
from cem.nba.decide import ranked, said
from cem.nba.decision import Decision
from cem.nba.params import Params

__all__ = ["SERVICE_ONLY", "service_only"]

#: Tier of an answer that no facts went into, and the rule id under which it drops everything else.
SERVICE_ONLY = "service_only"
_RULE = "tier.service_only"


def service_only(
    decision_id: str,
    customer_id: str,
    as_of_ms: int,
    cause: str,
    catalogue: Catalogue,
    params: Params,
    *,
    channel: str = "call",
    language: str = "",
) -> Decision:
    """Return the catalogue's fallback action alone; every other action is dropped for `cause`."""
    action = catalogue.action(catalogue.fallback)
    assert action is not None, "the fallback is in the catalogue: checked at load"
    treatment = action.treatments.get(channel) or next(iter(action.treatments.values()))
    propensity = action.accepted / (action.accepted + action.declined)
    price = params.price_of_satisfaction_minor_per_point
    business = action.gain.constant - action.cost.constant
    delta, annoyance = action.delta_if_accepted.constant, action.annoyance_if_declined
    value = value_at(propensity, business, price, delta, annoyance)
    lever = max(0.0, params.levers.get(action.action, 1.0))
    only = Candidate(
        action,
        treatment,
        propensity,
        1.0,
        lever,
        action.cost.constant,
        business,
        delta,
        annoyance,
        price,
        value,
        propensity * 1.0 * value * lever,
    )
    facts = {"rep_language": language, "customer_language": language}
    return Decision(
        decision_id=decision_id,
        customer_id=customer_id,
        as_of_ms=as_of_ms,
        tier=SERVICE_ONLY,
        ranked=(ranked(only, 1.0),),
        dropped=tuple(
            DroppedAction(action=a.action, rule=_RULE, observed=cause)
            for a in catalogue.actions
            if a is not action
        ),
        flips=(),
        sentences=said(action, treatment, facts, params, round(action.cost.constant)),
    )
