"""The answer that the desktop gets, and the record that the log keeps of the same decision.

The record holds all that went into the decision: with the policy of its hash, `replay` makes the same answer of it,
byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from cem.domain.events import DecisionMade, DroppedAction, RankedAction
from cem.domain.events.decisions import CallContext
from cem.domain.events.enums import Channel
from cem.nba.call import Call
from cem.nba.decide import decide
from cem.nba.decision import ActiveFloor, Context, Decision, Flip, Said
from cem.nba.exploration import draw_of
from cem.nba.fact_table import INPUT_TOPICS
from cem.nba.fallback import SERVICE_ONLY, service_only
from cem.nba.history import freeze_history, thaw_history
from cem.nba.policy import Policy
from cem.nba.propensity import freeze_propensities, thaw_propensities

__all__ = ["Answer", "OtherPolicy", "answer_of", "encode_answer", "record_of", "remake", "replay"]

#: Name under which the record states the price that was weighed with.
PRICE: Final = "price_of_satisfaction_minor_per_point"
_TEXT_KEPT: Final = 512


class OtherPolicy(ValueError):
    """The decision was made under another policy than the one at hand."""


class Answer(msgspec.Struct, frozen=True):
    """`GET /v1/customers/{customer_id}/next-best-action`."""

    decision_id: str
    customer_id: str
    as_of: datetime
    #: Age (s) of each input stream; null = unknown.
    staleness_s: dict[str, float | None]
    tier: str
    #: False: the log has not acknowledged the record in time; the decision then never enters an evaluation.
    logged: bool
    #: Best first.
    actions: tuple[RankedAction, ...]
    #: The second action; null = there is none.
    runner_up: str | None
    dropped: tuple[DroppedAction, ...]
    flips: tuple[Flip, ...]
    sentences: Said
    #: While one holds, precedence decides before priority; [] = the order is by priority alone.
    floors: tuple[ActiveFloor, ...] = ()


_encoder = msgspec.json.Encoder()


def answer_of(decision: Decision, staleness_s: Mapping[str, float | None], *, logged: bool) -> Answer:
    """Return the decision as the desktop gets it."""
    return Answer(
        decision_id=decision.decision_id,
        customer_id=decision.customer_id,
        as_of=_moment(decision.as_of_ms),
        staleness_s={topic: staleness_s.get(topic) for topic in INPUT_TOPICS},
        tier=decision.tier,
        logged=logged,
        actions=decision.ranked,
        runner_up=decision.ranked[1].action if len(decision.ranked) > 1 else None,
        dropped=decision.dropped,
        flips=decision.flips,
        sentences=decision.sentences,
        floors=decision.floors,
    )


def encode_answer(answer: Answer) -> bytes:
    """Return the answer's JSON."""
    return _encoder.encode(answer)


def record_of(decision: Decision, context: Context, call: Call, policy: Policy) -> DecisionMade:
    """Return the record of the decision: the frozen facts, the history, the call, and the versions they met."""
    first = decision.ranked[0]
    features: dict[str, Any] = {name: value for name, value in context.facts.items() if value is not None}
    features.update(freeze_history(context.history))
    features.update(freeze_propensities(context.propensities))
    action = policy.catalogue.action(first.action)
    return DecisionMade(
        decision_id=decision.decision_id,
        customer_id=decision.customer_id,
        as_of=_moment(decision.as_of_ms),
        action=first.action,
        treatment=first.treatment,
        group=None if action is None else action.group,
        channel=first.channel,
        probability=first.probability,
        ranked=decision.ranked,
        dropped=decision.dropped,
        tier=decision.tier,
        policy_hash=policy.catalogue.version,
        versions={PRICE: repr(policy.params.price_of_satisfaction_minor_per_point), **context.versions},
        features=features,
        staleness_s={topic: age for topic, age in context.staleness_s.items() if age is not None},
        context=_said_of(call),
    )


def replay(record: DecisionMade, policy: Policy) -> Answer:
    """Return the answer that the decision gave, made again from its record. Raises OtherPolicy."""
    return answer_of(_decided(record, policy), _staleness(record), logged=True)


def remake(record: DecisionMade, policy: Policy) -> DecisionMade:
    """Return the record with all that was decided made again from what went in: equal, if nothing has changed.

    Raises OtherPolicy.
    """
    decision = _decided(record, policy)
    first = decision.ranked[0]
    return msgspec.structs.replace(
        record,
        action=first.action,
        treatment=first.treatment,
        channel=first.channel,
        probability=first.probability,
        ranked=decision.ranked,
        dropped=decision.dropped,
        tier=decision.tier,
    )


def _staleness(record: DecisionMade) -> dict[str, float | None]:
    return {topic: record.staleness_s.get(topic) for topic in INPUT_TOPICS}


def _decided(record: DecisionMade, policy: Policy) -> Decision:
    """Return the decision, made again from what its record froze. Raises OtherPolicy."""
    if record.policy_hash != policy.catalogue.version:
        raise OtherPolicy(
            f"decision {record.decision_id} was made under policy {record.policy_hash}, "
            f"but this is policy {policy.catalogue.version}"
        )
    catalogue = policy.catalogue
    price = float(record.versions[PRICE])
    params = msgspec.structs.replace(policy.params, price_of_satisfaction_minor_per_point=price)
    as_of_ms = round(record.as_of.timestamp() * 1000)
    if record.tier == SERVICE_ONLY:
        cause = next((str(d.observed) for d in record.dropped), "")
        return service_only(
            record.decision_id,
            record.customer_id,
            as_of_ms,
            cause,
            catalogue,
            params,
            channel=str(record.features["call_channel"]),
            language=str(record.features["rep_language"]),
        )
    context = Context(
        record.decision_id,
        record.customer_id,
        as_of_ms,
        {name: record.features.get(name) for name in catalogue.fact_names},
        thaw_history(record.features),
        _staleness(record),
        propensities=thaw_propensities(record.features),
    )
    return decide(context, catalogue, params, draw_of(record.decision_id))


def _said_of(call: Call) -> CallContext:
    return CallContext(
        call_id=call.call_id or None,
        channel=Channel(call.channel),
        reason=call.reason or None,
        intent=call.intent or None,
        rep_id=call.rep_id or None,
        language=call.language or None,
        text=call.text[:_TEXT_KEPT] or None,
    )


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
