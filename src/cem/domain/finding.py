"""What a detector found, as it hands it to the life of alerts (`cem.domain.alerting`)."""

from __future__ import annotations

import msgspec

from cem.domain.events.enums import AlertTier, Tell
from cem.domain.state.alerts import Evidence
from cem.domain.thresholds import RemedyPolicy

__all__ = ["Finding"]


class Finding(msgspec.Struct, frozen=True, gc=False):
    """Everything of an alert but its life."""

    type: str
    #: Line, reason, order, ... concerned.
    subject: str
    #: What makes this occurrence different from another one of the same subject.
    cause: str
    tier: AlertTier
    #: When it happened.
    at_ms: int
    #: Telling it later is noise.
    deliver_before_ms: int
    #: When to look at it again (0 = never).
    due_ms: int
    evidence: Evidence
    who: Tell
    remedy: RemedyPolicy
    #: What it has cost the customer so far.
    cost_minor: int = 0
    #: Steps of severity above the tier's (notice: info; alert: warning).
    steps: int = 0
    #: Recorded too late, it is one with an earlier record of its type and subject that is not older than this.
    collapse_ms: int = 0
    #: What the company may lose: it makes the alert more severe, as what it has cost the customer does.
    stake_minor: int = 0
