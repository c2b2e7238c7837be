"""The funnel: who may have an action, for whom it is relevant now, for whom it is good, and who has had enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cem.domain.events import DroppedAction
from cem.nba.catalogue import Action, Catalogue, Treatment
from cem.nba.contact_policy import Fatigue
from cem.nba.rules import Evaluation, FactValue

__all__ = ["TREATMENT", "observed", "pass_funnel"]

#: Rule id under which an action without a treatment for the contact's channel is dropped.
TREATMENT = "treatment.channel"
_FRESHNESS = "freshness."
_OBSERVED_MAX = 512


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
    holds = evaluation.holds
    for action in catalogue.actions:
        failed = None
        for rule in action.rules:
            if not holds(rule):
                failed = rule
                break
        treatment = action.treatments.get(channel)
        if failed is not None:
            dropped.append(_dropped(action, failed.id, observed(evaluation, failed.names)))
        elif treatment is None:
            dropped.append(_dropped(action, TREATMENT, channel))
        elif (stale := _stale(action.max_staleness_s, staleness_s)) is not None:
            dropped.append(_dropped(action, _FRESHNESS + stale, staleness_s.get(stale)))
        elif (block := fatigue.block(action)) is not None:
            dropped.append(_dropped(action, *block))
        else:
            passed.append((action, treatment))
    return passed, dropped


def observed(evaluation: Evaluation, names: Sequence[str]) -> FactValue:
    """Return the value that a rule saw: the fact's own if it names one, else all of them in words."""
    facts = evaluation.facts
    if len(names) == 1:
        return facts[names[0]]
    return ", ".join(f"{name}={_said(facts[name])}" for name in names)[:_OBSERVED_MAX]


def _said(value: FactValue) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _stale(limits: Mapping[str, float], staleness_s: Mapping[str, float | None]) -> str | None:
    for topic, limit in limits.items():
        age = staleness_s.get(topic)
        if age is None or age > limit:
            return topic
    return None


def _dropped(action: Action, rule: str, value: FactValue) -> DroppedAction:
    return DroppedAction(action=action.action, rule=rule, observed=value)
