"""One decision: funnel, arbitration, floors, choice, explanation. Pure: equal inputs give equal decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cem.domain.events import DroppedAction, RankedAction
from cem.domain.events.decisions import Factors
from cem.domain.events.enums import Channel
from cem.nba.arbitration import NO_GAIN, Candidate, candidate
from cem.nba.catalogue import PRECEDENCE, Action, Catalogue, Treatment
from cem.nba.contact_policy import Fatigue
from cem.nba.decision import ActiveFloor, Context, Decision, Said
from cem.nba.explanation import flips_of
from cem.nba.exploration import explore
from cem.nba.funnel import pass_funnel
from cem.nba.params import Floor, Params
from cem.nba.propensity import with_learnt
from cem.nba.rules import Evaluation, FactValue

__all__ = ["FULL", "NOTHING_LEFT", "STRANGER", "decide", "ranked", "said"]

FULL = "full"
#: Every action was dropped, so the catalogue's fallback is suggested as it stands.
NOTHING_LEFT = "nothing_left"
#: Nothing is known of the customer; what the call says still counts.
STRANGER = "stranger"

_RANK = {precedence: i for i, precedence in enumerate(PRECEDENCE)}
_CHANNELS = {c.value: c for c in Channel}


def decide(context: Context, catalogue: Catalogue, params: Params, draw: float) -> Decision:
    """Return the ranked actions for the customer, every dropped one with its rule, and why the first is first.

    `draw` in [0, 1) picks the row of samples when `params.exploration` explores. `context.facts` must hold every name
    of `catalogue.fact_names`.
    """
    facts = context.facts
    channel = str(facts["call_channel"])
    evaluation = Evaluation(catalogue.expressions, facts)
    fatigue = Fatigue(context.history, context.as_of_ms, catalogue, params.caps)
    passed, dropped = pass_funnel(catalogue, evaluation, fatigue, channel, context.staleness_s)
    if context.propensities:
        learnt = context.propensities
        passed = [(with_learnt(action, learnt.get(action.action)), t) for action, t in passed]
    standing, hopefuls = _weigh(passed, evaluation, params, dropped)
    floors = [floor for floor in params.floors if evaluation.holds(floor.rule)]
    standing = _protect(standing, floors, evaluation, dropped)
    hopefuls = [c for c in hopefuls if not any(c.action.precedence in f.drops for f in floors)]
    tier = STRANGER if facts["status"] == STRANGER else FULL
    if not standing:
        tier = NOTHING_LEFT
        standing = [_fallback(catalogue, evaluation, params, channel)]
        dropped = [d for d in dropped if d.action != catalogue.fallback]
        hopefuls = [c for c in hopefuls if c.action.action != catalogue.fallback]
    protected = bool(floors)
    probabilities: dict[str, float] = {}
    if params.exploration.method == "thompson":
        standing, shares = explore(
            standing, params.exploration.samples, draw, lambda cs: _first(cs, protected=protected)
        )
        probabilities = {c.action.action: share for c, share in zip(standing, shares, strict=True)}
    standing.sort(key=lambda c: _key(c, protected=protected))
    winner = standing[0]
    # Who does not explore puts the best first for certain.
    probabilities = probabilities or {winner.action.action: 1.0}
    rivals = standing[1:]
    if floors:
        rivals = [c for c in rivals if c.action.precedence == winner.action.precedence]
        hopefuls = [c for c in hopefuls if c.action.precedence == winner.action.precedence]
    return Decision(
        decision_id=context.decision_id,
        customer_id=context.customer_id,
        as_of_ms=context.as_of_ms,
        tier=tier,
        ranked=tuple([ranked(c, probabilities.get(c.action.action, 0.0)) for c in standing]),
        dropped=tuple(dropped),
        flips=flips_of(winner, rivals, hopefuls),
        sentences=said(
            winner.action, winner.treatment, facts, params, round(winner.cost), evaluation.is_true
        ),
        floors=tuple([_active(floor, evaluation) for floor in floors]),
    )


def _weigh(
    passed: Sequence[tuple[Action, Treatment]],
    evaluation: Evaluation,
    params: Params,
    dropped: list[DroppedAction],
) -> tuple[list[Candidate], list[Candidate]]:
    """Return the candidates worth something, and those worth nothing, which are also put into `dropped`."""
    standing: list[Candidate] = []
    hopefuls: list[Candidate] = []
    for action, treatment in passed:
        weighed = candidate(action, treatment, evaluation, params)
        if weighed is not None and weighed.value > 0:
            standing.append(weighed)
            continue
        if weighed is not None:
            hopefuls.append(weighed)
        value = None if weighed is None else round(weighed.value, 2)
        dropped.append(DroppedAction(action=action.action, rule=NO_GAIN, observed=value))
    return standing, hopefuls


def _protect(
    standing: list[Candidate],
    floors: Sequence[Floor],
    evaluation: Evaluation,
    dropped: list[DroppedAction],
) -> list[Candidate]:
    """Return the candidates that every floor lets through; the others are put into `dropped`."""
    kept = []
    for c in standing:
        floor = next((f for f in floors if c.action.precedence in f.drops), None)
        if floor is None:
            kept.append(c)
        else:
            value = evaluation.observed(floor.rule.names)
            dropped.append(DroppedAction(action=c.action.action, rule=floor.rule.id, observed=value))
    return kept


def _active(floor: Floor, evaluation: Evaluation) -> ActiveFloor:
    """Return the floor as the answer shows it."""
    order = " before ".join([p for p in PRECEDENCE if p not in floor.drops])
    return ActiveFloor(floor.rule.id, evaluation.observed(floor.rule.names), order, floor.drops)


def _fallback(catalogue: Catalogue, evaluation: Evaluation, params: Params, channel: str) -> Candidate:
    action = catalogue.action(catalogue.fallback)
    assert action is not None, "the fallback is in the catalogue: checked at load"
    treatment = action.treatments.get(channel) or next(iter(action.treatments.values()))
    weighed = candidate(action, treatment, evaluation, params)
    assert weighed is not None, "the fallback's amounts are constants: checked at load"
    return weighed


def _key(c: Candidate, *, protected: bool) -> tuple[int, float, int, str]:
    """Return what the ranking sorts by: precedence while a floor protects, priority, then a fixed order for ties."""
    rank = _RANK[c.action.precedence]
    return rank if protected else 0, -c.priority, rank, c.action.action


def _first(candidates: Sequence[Candidate], *, protected: bool) -> int:
    return min(range(len(candidates)), key=lambda i: _key(candidates[i], protected=protected))


def ranked(c: Candidate, probability: float) -> RankedAction:
    """Return the candidate as the answer and the record show it."""
    return RankedAction(
        action=c.action.action,
        treatment=c.treatment.treatment,
        channel=_CHANNELS[c.treatment.channel],
        priority=c.priority,
        factors=Factors(propensity=c.propensity, context=c.context, value=c.value, lever=c.lever),
        probability=probability,
    )


def said(
    action: Action,
    treatment: Treatment,
    facts: Mapping[str, FactValue],
    params: Params,
    cost_minor: int,
    holds: Callable[[int], bool] = lambda number: False,
) -> Said:
    """Return the sentences of the action for these facts."""
    values = {**facts, "price_minor": action.price_minor, "cost_minor": cost_minor}
    rep_language = str(facts["rep_language"] or params.language)
    customer_language = str(facts["customer_language"] or facts["rep_language"] or params.language)
    customer = treatment.customer or action.customer
    return Said(
        action.rep.say(rep_language, values, params.currency, holds),
        customer.say(customer_language, values, params.currency, holds),
    )
