"""What people and `cem` itself set for all customers (`cem.control`): prices, policies, end points, brakes, tellings.

Keyed by the object as `kind:name`; the newest record of a key says how the object is.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from cem.domain.events.base import EXACT, Charge, Event, Hash, Id, Label, Moment, Name, Text
from cem.domain.events.enums import AlertTier, Ruling, Severity

__all__ = [
    "ControlBrakeSet",
    "ControlPolicyApproved",
    "ControlPolicyProposed",
    "ControlPolicyUsed",
    "ControlPriceSet",
    "ControlTellingJudged",
    "ControlTellingRuled",
    "ControlWebhookRegistered",
    "ControlWebhookReplayed",
]


class ControlObject(Event, frozen=True, kw_only=True):
    """An object as it is from now on; about no customer, and its key follows from what it says."""

    TOPIC: ClassVar[str] = "cem.control"
    OF_CUSTOMER: ClassVar[bool] = False
    NAMES_KEY: ClassVar[bool] = True


class ControlPriceSet(ControlObject, frozen=True, kw_only=True):
    """Managers have set what a point of satisfaction is worth."""

    TYPE: ClassVar[str] = "control.price.set"

    name: Annotated[Name, Meta(description="Which price. Used for: key.")] = "satisfaction"
    price_minor_per_point: Annotated[
        Charge, Meta(description="Price of one point. Used for: value of every action.")
    ]
    by: Annotated[Label, Meta(description="Who set it. Used for: audit.")]
    reason: Annotated[Text | None, Meta(description="Why. Used for: audit.")] = None

    def key(self) -> str:
        return f"price:{self.name}"


class ControlPolicyProposed(ControlObject, frozen=True, kw_only=True):
    """Somebody has proposed a policy, whole."""

    TYPE: ClassVar[str] = "control.policy.proposed"

    policy_hash: Annotated[Hash, Meta(description="Hash of the whole. Used for: binding the approval to it.")]
    by: Annotated[Label, Meta(description="Who proposes. Used for: four eyes.")]
    document: Annotated[
        str, Meta(max_length=200_000, description="The policy, JSON or YAML. Used for: deciding.")
    ]
    summary: Annotated[Text | None, Meta(description="What changes and why. Used for: who approves.")] = None

    def key(self) -> str:
        return f"proposal:{self.policy_hash}"


class ControlPolicyApproved(ControlObject, frozen=True, kw_only=True):
    """A second pair of eyes has approved a proposed policy."""

    TYPE: ClassVar[str] = "control.policy.approved"

    policy_hash: Annotated[Hash, Meta(description="Hash of the whole. Used for: which proposal.")]
    by: Annotated[Label, Meta(description="Who approves. Used for: four eyes.")]
    effective: Annotated[
        Moment | None, Meta(description="In force from; absent: now. Used for: changing over.")
    ] = None

    def key(self) -> str:
        return f"approval:{self.policy_hash}"


class ControlPolicyUsed(ControlObject, frozen=True, kw_only=True):
    """Decisions are made under this policy from now on; it is kept whole, under the hash that they name."""

    TYPE: ClassVar[str] = "control.policy.used"

    policy_hash: Annotated[Hash, Meta(description="Hash of the whole. Used for: replaying a decision.")]
    files: Annotated[
        dict[Name, Annotated[str, Meta(max_length=200_000)]],
        Meta(max_length=16, description="Text of each policy file, by name. Used for: replaying a decision."),
    ]
    currency: Annotated[Name, Meta(description="Currency of its amounts. Used for: replaying a decision.")]

    def key(self) -> str:
        return f"policy:{self.policy_hash}"


class ControlWebhookRegistered(ControlObject, frozen=True, kw_only=True):
    """A consumer's end point is as stated; `active: false` takes it away. Never carries its secret."""

    TYPE: ClassVar[str] = "control.webhook.registered"

    webhook_id: Annotated[Name, Meta(description="The end point. Used for: key.")]
    url: Annotated[
        str, Meta(pattern=r"^https?://[!-~]{1,2000}\Z", description="Where to send. Used for: sending.")
    ]
    types: Annotated[
        tuple[Name, ...], Meta(max_length=100, description="Types wanted; none: all. Used for: what is sent.")
    ] = ()
    secret_name: Annotated[
        Name | None, Meta(description="Name of the signing secret in the settings. Used for: signing.")
    ] = None
    active: Annotated[bool, Meta(description="False: gone. Used for: sending.")] = True
    severity: Annotated[Severity, Meta(description="Least severity wanted. Used for: what is sent.")] = (
        Severity.INFO
    )
    tier: Annotated[
        AlertTier | None, Meta(description="Tier wanted; absent: both. Used for: what is sent.")
    ] = None
    secret_number: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Which of its secrets signs. Used for: signing.")
    ] = 1
    previous_until: Annotated[
        Moment | None,
        Meta(description="Until then the secret before signs too. Used for: changing it without a gap."),
    ] = None
    key_check: Annotated[
        Hash | None,
        Meta(description="Tells which key its secrets are made of. Used for: not signing with another."),
    ] = None
    enabled: Annotated[bool, Meta(description="False: known, but nothing is sent. Used for: sending.")] = True
    reason: Annotated[Label | None, Meta(description="Why it was changed. Used for: whoever looks.")] = None
    by: Annotated[Label, Meta(description="Who registered it. Used for: audit.")]

    def key(self) -> str:
        return f"webhook:{self.webhook_id}"


class ControlWebhookReplayed(ControlObject, frozen=True, kw_only=True):
    """Somebody wants alerts sent to an end point again: one of them, or those of a time range."""

    TYPE: ClassVar[str] = "control.webhook.replayed"

    webhook_id: Annotated[Name, Meta(description="The end point. Used for: key.")]
    by: Annotated[Label, Meta(description="Who wants it. Used for: audit.")]
    place: Annotated[
        Id | None,
        Meta(description="Partition/offset on cem.alerts of the one wanted. Used for: sending it again."),
    ] = None
    since: Annotated[
        Moment | None, Meta(description="What the log took in from then on. Used for: what is sent.")
    ] = None
    until: Annotated[
        Moment | None, Meta(description="And before then; absent: all. Used for: what is sent.")
    ] = None

    def key(self) -> str:
        return f"replay:{self.webhook_id}"


class ControlBrakeSet(ControlObject, frozen=True, kw_only=True):
    """All proactive contact stops, or may go on."""

    TYPE: ClassVar[str] = "control.brake.set"

    on: Annotated[bool, Meta(description="True: stop. Used for: every outreach.")]
    by: Annotated[Label, Meta(description="Who set it. Used for: audit.")]
    reason: Annotated[Text | None, Meta(description="Why. Used for: audit.")] = None
    scope: Annotated[Name, Meta(description="What it stops; all: everything. Used for: key.")] = "all"

    def key(self) -> str:
        return f"brake:{self.scope}"


class ControlTellingJudged(ControlObject, frozen=True, kw_only=True):
    """The ledger knows that telling of a type of alert avoids no calls, so it pauses; or does not know it any more."""

    TYPE: ClassVar[str] = "control.telling.judged"

    alert_type: Annotated[Name, Meta(description="The type. Used for: key.")]
    paused: Annotated[bool, Meta(description="True: only a few are told from now on. Used for: every alert.")]
    told: Annotated[int, Meta(ge=0, le=EXACT, description="Customers told and watched. Used for: audit.")] = 0
    held_out: Annotated[
        int, Meta(ge=0, le=EXACT, description="Customers held out and watched. Used for: audit.")
    ] = 0
    avoided: Annotated[
        float | None, Meta(description="Calls avoided, as a share of those told. Used for: audit.")
    ] = None
    avoided_low: Annotated[float | None, Meta(description="Least of its interval. Used for: audit.")] = None
    avoided_high: Annotated[
        float | None, Meta(description="Greatest of its interval; at or below 0: paused. Used for: audit.")
    ] = None

    def key(self) -> str:
        return f"judged:{self.alert_type}"


class ControlTellingRuled(ControlObject, frozen=True, kw_only=True):
    """Somebody decides whether a type of alert is told, or leaves it to the ledger again."""

    TYPE: ClassVar[str] = "control.telling.ruled"

    alert_type: Annotated[Name, Meta(description="The type. Used for: key.")]
    ruling: Annotated[
        Ruling, Meta(description="pause, tell, or ledger: as the ledger judges. Used for: every alert.")
    ]
    by: Annotated[Label, Meta(description="Who decides. Used for: audit.")]
    reason: Annotated[Text | None, Meta(description="Why. Used for: audit.")] = None

    def key(self) -> str:
        return f"ruled:{self.alert_type}"
