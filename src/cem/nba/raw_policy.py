"""The policy files as they are written: the shape of `actions.yaml` and `decision.yaml`, before any checking of rules.

Field by field the same as docs/next-best-action.md describes. Unknown fields are refused.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cem.nba.catalogue import Precedence
from cem.nba.sentences import Text

__all__ = ["RawAction", "RawActionsFile", "RawCap", "RawDecisionFile", "RawScope"]

_Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_RuleId = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*\.[a-z0-9_]+$", max_length=64)]
_Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$")]
_Text = dict[_Language, Text]
_Days = Annotated[float, Meta(gt=0, le=3650)]
_State = Literal["displayed", "offered", "accepted", "declined", "done", "ignored"]
_Channel = Literal["call", "sms", "email", "app", "web", "chat", "shop", "social", "post", "field", "other"]
#: A number, or a CEL expression that makes one.
_Amount = int | float | str


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping in which every name must be known."""


class RawGroup(_Strict, frozen=True):
    """What all actions of a group share."""

    issue: _Name
    eligibility: list[_RuleId] = []
    applicability: list[_RuleId] = []
    suitability: list[_RuleId] = []
    max_staleness_s: dict[str, Annotated[float, Meta(gt=0)]] = {}


class RawTreatment(_Strict, frozen=True):
    """One treatment, under its channel."""

    treatment: _Name
    customer: _Text | None = None


class RawContact(_Strict, frozen=True):
    """When an action rests, by what became of it."""

    cool_down_days: dict[_State, _Days] = {}
    exempt: bool = False


class RawPropensity(_Strict, frozen=True):
    """Pseudo-counts of the stated prior."""

    accepted: Annotated[float, Meta(gt=0, le=1e6)]
    declined: Annotated[float, Meta(gt=0, le=1e6)]


class RawSentences(_Strict, frozen=True):
    """What is said to whom."""

    rep: _Text
    customer: _Text


class RawAction(_Strict, frozen=True):
    """One action."""

    group: _Name
    precedence: Precedence
    title: _Text
    treatments: dict[_Channel, RawTreatment]
    propensity: RawPropensity
    delta_if_accepted: _Amount
    annoyance_if_declined: Annotated[float, Meta(ge=0, le=4)]
    sentences: RawSentences
    eligibility: list[_RuleId] = []
    applicability: list[_RuleId] = []
    suitability: list[_RuleId] = []
    max_staleness_s: dict[str, Annotated[float, Meta(gt=0)]] = {}
    contact: RawContact = RawContact()
    gain_minor: _Amount = 0
    cost_minor: _Amount = 0
    price_minor: Annotated[int, Meta(ge=0)] = 0
    helps_with: list[str] | None = None


class RawActionsFile(_Strict, frozen=True):
    """actions.yaml."""

    version: Literal[1]
    fallback: _Name
    rules: dict[_RuleId, str]
    groups: dict[_Name, RawGroup]
    actions: dict[_Name, RawAction]


class RawScope(_Strict, frozen=True):
    """Which actions; every field that is set must match."""

    precedence: Precedence | None = None
    issue: _Name | None = None
    group: _Name | None = None
    action: _Name | None = None


class RawWeight(_Strict, frozen=True):
    """A weight of the present context."""

    when: str
    scope: RawScope
    add_percent: Annotated[float, Meta(ge=-100, le=10_000)]


class RawFloor(_Strict, frozen=True):
    """A floor."""

    when: str
    drops: list[Precedence] = []


class RawCap(_Strict, frozen=True):
    """A cap."""

    scope: RawScope
    states: list[_State]
    times: Annotated[int, Meta(ge=1)]
    window_days: _Days


class RawLevers(_Strict, frozen=True):
    """Percent to add, by issue, group and action."""

    issue: dict[_Name, Annotated[float, Meta(ge=-100, le=10_000)]] = {}
    group: dict[_Name, Annotated[float, Meta(ge=-100, le=10_000)]] = {}
    action: dict[_Name, Annotated[float, Meta(ge=-100, le=10_000)]] = {}


class RawExploration(_Strict, frozen=True):
    """How the first action is chosen."""

    method: Literal["none", "thompson"] = "none"
    samples: Annotated[int, Meta(ge=8, le=1024)] = 64


class RawDecisionFile(_Strict, frozen=True):
    """decision.yaml."""

    version: Literal[1]
    price_of_satisfaction_minor_per_point: Annotated[float, Meta(ge=0, le=1e9)]
    language: _Language = "en"
    topics: dict[_Name, list[str]] = {}
    context_weights: dict[_RuleId, RawWeight] = {}
    levers: RawLevers = RawLevers()
    floors: dict[_RuleId, RawFloor] = {}
    caps: dict[_RuleId, RawCap] = {}
    exploration: RawExploration = RawExploration()
