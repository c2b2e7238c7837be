"""Every decision that the API or the outreach made (`cem.decisions`): enough to replay and to learn from it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, Struct, field

from cem.domain.events.base import (
    CustomerId,
    Event,
    Fact,
    Hash,
    Id,
    Label,
    Language,
    Line,
    Moment,
    Name,
    Text,
)
from cem.domain.events.enums import Channel

__all__ = ["CallContext", "DecisionMade", "DroppedAction", "Factors", "RankedAction"]


class Factors(Struct, frozen=True, kw_only=True, gc=False):
    """The factors of a priority; their product is the priority to 1e-9."""

    propensity: Annotated[
        float, Meta(ge=0, le=1, description="Probability of acceptance. Used for: explanation, replay.")
    ]
    context: Annotated[float, Meta(description="Weight of the present call. Used for: explanation, replay.")]
    value: Annotated[
        float, Meta(description="Worth if accepted, minor units. Used for: explanation, replay.")
    ]
    lever: Annotated[float, Meta(description="Weight set by managers. Used for: explanation, replay.")]


class RankedAction(Struct, frozen=True, kw_only=True, gc=False):
    """An action that passed every rule, with what made its place."""

    action: Annotated[Name, Meta(description="The action. Used for: answer, label of propensity.")]
    treatment: Annotated[
        Name | None, Meta(description="Its wording. Used for: answer, propensity by treatment.")
    ]
    channel: Annotated[Channel | None, Meta(description="Over which channel. Used for: answer, caps.")]
    priority: Annotated[float, Meta(description="Product of the factors. Used for: order.")]
    factors: Annotated[Factors, Meta(description="What the priority is made of. Used for: explanation.")]
    probability: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Chance with which it would have been first. Used for: evaluating policies.",
        ),
    ]


class DroppedAction(Struct, frozen=True, kw_only=True, gc=False):
    """An action that a rule took out."""

    action: Annotated[Name, Meta(description="The action. Used for: explanation.")]
    rule: Annotated[Name, Meta(description="Id of the rule. Used for: explanation, reports by rule.")]
    observed: Annotated[Fact | None, Meta(description="Value that the rule saw. Used for: explanation.")] = (
        None
    )


class CallContext(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the desktop said about the call when it asked."""

    call_id: Annotated[Id | None, Meta(description="The call. Used for: joining decision and call.")] = None
    line: Annotated[Line | None, Meta(description="Line that calls. Used for: facts of the line.")] = None
    channel: Annotated[
        Channel | None, Meta(description="Channel of the contact. Used for: applicability.")
    ] = None
    reason: Annotated[
        Label | None, Meta(description="Reason of the contact. Used for: weight of the context.")
    ] = None
    intent: Annotated[
        Label | None, Meta(description="What he wants now. Used for: weight of the context.")
    ] = None
    rep_id: Annotated[Id | None, Meta(description="Who asks. Used for: acceptance by representative.")] = None
    language: Annotated[Language | None, Meta(description="Language. Used for: the sentences.")] = None
    text: Annotated[
        Text | None, Meta(description="What he just said. Used for: mood and intent of this call.")
    ] = None


class DecisionMade(Event, frozen=True, kw_only=True):
    """The next best action for a customer has been decided."""

    TYPE: ClassVar[str] = "decision.made"
    TOPIC: ClassVar[str] = "cem.decisions"
    NAMES_KEY: ClassVar[bool] = True

    decision_id: Annotated[
        Id, Meta(description="The decision. Used for: its outcomes; its draw is made of it.")
    ]
    customer_id: Annotated[CustomerId, Meta(description="Whom it is for. Used for: key.")]
    as_of: Annotated[
        Moment, Meta(description="Time of the facts used. Used for: replay, ending reservations.")
    ]
    action: Annotated[
        Name | None,
        Meta(description="Action put first; absent: just help. Used for: cool-down, label of propensity."),
    ] = None
    treatment: Annotated[Name | None, Meta(description="Its wording. Used for: propensity by treatment.")] = (
        None
    )
    group: Annotated[
        Name | None,
        Meta(description="Its group in the catalogue. Used for: what a new action's propensity starts from."),
    ] = None
    channel: Annotated[Channel | None, Meta(description="Its channel. Used for: caps per channel.")] = None
    probability: Annotated[
        float,
        Meta(ge=0, le=1, description="Chance with which it was put first. Used for: evaluating policies."),
    ] = 1.0
    ranked: Annotated[
        tuple[RankedAction, ...],
        Meta(max_length=100, description="All that passed, best first. Used for: replay."),
    ] = ()
    dropped: Annotated[
        tuple[DroppedAction, ...],
        Meta(max_length=500, description="All that a rule took out. Used for: explanation."),
    ] = ()
    tier: Annotated[
        Name, Meta(description="Full answer or which fallback. Used for: leaving fallbacks out.")
    ] = "full"
    policy_hash: Annotated[
        Hash, Meta(description="The whole policy, hashed. Used for: replay, reports by policy.")
    ]
    versions: Annotated[
        dict[Name, Annotated[str, Meta(max_length=128)]],
        Meta(max_length=32, description="Versions of models and statistics, by name. Used for: replay."),
    ] = field(default_factory=dict)
    features: Annotated[
        dict[Annotated[str, Meta(min_length=1, max_length=128)], Fact],
        Meta(
            max_length=256, description="Facts frozen for the label. Used for: learning propensity, what-if."
        ),
    ] = field(default_factory=dict)
    staleness_s: Annotated[
        dict[Name, float], Meta(max_length=32, description="Age of each input stream. Used for: explanation.")
    ] = field(default_factory=dict)
    context: Annotated[
        CallContext | None, Meta(description="The call, as the desktop saw it. Used for: replay.")
    ] = None
    arm: Annotated[Name | None, Meta(description="Arm of the experiment. Used for: comparing arms.")] = None
    shadow: Annotated[
        bool, Meta(description="Decided, told nobody. Used for: leaving it out of the caps.")
    ] = False
    proactive: Annotated[bool, Meta(description="Made for an outreach, not for a call. Used for: caps.")] = (
        False
    )
    alert_id: Annotated[
        Annotated[str, Meta(max_length=200)] | None,
        Meta(description="Alert behind it. Used for: the ledger."),
    ] = None

    def key(self) -> str:
        return self.customer_id
