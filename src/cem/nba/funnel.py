"""The funnel: who may have an action, for whom it is relevant now, for whom it is good, and who has had enough."""

from __future__ import annotations

from collections.abc import Mapping

from cem.domain.events import DroppedAction
from cem.nba.catalogue import Action, Catalogue, Treatment
from cem.nba.contact_policy import Fatigue
from cem.nba.rules import Evaluation, FactValue

__all__ = ["TREATMENT", "pass_funnel"]

#: Rule id under which an action without a treatment for the contact's channel is dropped.
TREATMENT = "treatment.channel"
_FRESHNESS = "freshness."


def pass_funnel(
    catalogue: Catalogue,
    evaluation: Evaluation,
    fatigue: Fatigue,
    channel: str,
    staleness_s: Mapping[str, float | None],
) -> tuple[list[tuple[Action, Treatment]], list[DroppedAction]]:
    """Return the actions that pass, with their treatment, and the others with the first rule that dropped each."""
    passed: list[tuple[Action, Treatment]] = []
    dropped: list[DroppedAction] = []
    values, observed = evaluation.values, evaluation.observed
    for action in catalogue.actions:
        # Most actions end here, so this loop is what a decision's time is spent in.
        for rule in action.rules:
            if values[rule.expression] is not True:
                dropped.append(
                    DroppedAction(action=action.action, rule=rule.id, observed=observed(rule.names))
                )
                break
        else:
            treatment = action.treatments.get(channel)
            if treatment is None:
                dropped.append(_dropped(action, TREATMENT, channel))
            elif (stale := _stale(action.max_staleness_s, staleness_s)) is not None:
                dropped.append(_dropped(action, _FRESHNESS + stale, staleness_s.get(stale)))
            elif (block := fatigue.block(action)) is not None:
                dropped.append(_dropped(action, *block))
            else:
                passed.append((action, treatment))
    return passed, dropped


def _stale(limits: Mapping[str, float], staleness_s: Mapping[str, float | None]) -> str | None:
    for topic, limit in limits.items():
        age = staleness_s.get(topic)
        if age is None or age > limit:
            return topic
    return None


def _dropped(action: Action, rule: str, value: FactValue) -> DroppedAction:
    return DroppedAction(action=action.action, rule=rule, observed=value)
