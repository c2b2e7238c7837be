"""What a model has learnt of an action's acceptance, weighed against the policy's stated prior.

The prior is a Beta distribution's pseudo-counts. What the model says of this customer counts like the outcomes of the
action over the channel that it has learnt, so many at most. So an action that was never tried has its prior, and with
outcomes the model takes over: Beta(a + n m, d + n (1 - m)), with a and d the prior's counts, n the outcomes and m the
model's mean. An action that was never tried, but others of its group were, has some outcomes lent by the group: it starts
there, and ramps as outcomes of its own come (`cem.learning.propensity`). Shares are rounded to hundredths and counts to tens: decisions of like customers share their tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from cem.nba.catalogue import Action
from cem.nba.rules import FactValue

__all__ = ["Learnt", "freeze_propensities", "thaw_propensities", "with_learnt"]

#: Outcomes beyond which more do not make the model's word weigh more: worlds move.
MOST: Final = 200
#: Prefix of the features of a decision's record that hold what the model said.
_PREFIX: Final = "propensity."


class Learnt(msgspec.Struct, frozen=True, gc=False):
    """What the model says of one action for one customer: mean chance, and how many outcomes that counts like."""

    mean: float
    outcomes: int


def with_learnt(action: Action, learnt: Learnt | None) -> Action:
    """Return the action with the counts that prior and model come to; itself where nothing was learnt."""
    if learnt is None or learnt.outcomes <= 0:
        return action
    n = min(MOST, learnt.outcomes)
    total = action.accepted + action.declined + n
    share = round(min(0.99, max(0.01, (action.accepted + n * learnt.mean) / total)), 2)
    weight = max(1.0, total if total < 20 else round(total, -1))
    return msgspec.structs.replace(action, accepted=share * weight, declined=(1 - share) * weight)


def freeze_propensities(learnt: Mapping[str, Learnt]) -> dict[str, FactValue]:
    """Return them as features of a decision's record: "propensity.<action>": "mean/outcomes"."""
    return {f"{_PREFIX}{name}": f"{each.mean!r}/{each.outcomes}" for name, each in learnt.items()}


def thaw_propensities(features: Mapping[str, FactValue]) -> dict[str, Learnt]:
    """Return what `freeze_propensities` put into `features`."""
    found = {}
    for name, value in features.items():
        if name.startswith(_PREFIX):
            mean, outcomes = str(value).split("/")
            found[name.removeprefix(_PREFIX)] = Learnt(float(mean), int(outcomes))
    return found
