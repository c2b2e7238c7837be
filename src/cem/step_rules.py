"""What people may change about a step, under the version that the journal records."""

from __future__ import annotations

from collections.abc import Callable

from cem.domain.customer import Customer
from cem.domain.finding import Finding
from cem.domain.identity import IdentityRules
from cem.domain.thresholds import AlertPolicy, RemedyPolicy
from cem.domain.value_policy import ValuePolicy
from cem.segments import SegmentRules

__all__ = ["Propose", "Rules"]

#: Customer, finding, channel, the alert's id and now (ms) to the remedy that is decided on, or None.
Propose = Callable[[Customer, Finding, str, str, int], RemedyPolicy | None]


class Rules:
    """What people may change about a step, under the version that the journal records."""

    def __init__(
        self,
        version: str,
        *,
        alerts: AlertPolicy,
        late_limit_ms: int,
        timezone: str,
        currency: str = "EUR",
        identity: IdentityRules | None = None,
        segments: SegmentRules | None = None,
        value: ValuePolicy | None = None,
        bundle: str = "",
        propose: Propose | None = None,
    ) -> None:
        """Take what the version stands for; `propose` decides on an alert's remedy (None: the policy's own stands)."""
        self.version = version
        #: What the rules were made from, so that a version can be kept and made again.
        self.bundle = bundle
        self.alerts = alerts
        self.value = value or ValuePolicy()
        self.late_limit_ms = late_limit_ms
        self.timezone = timezone
        self.currency = currency
        self.identity = identity or IdentityRules()
        self.propose = propose
        #: The rules of the segments.
        self.segments = segments or SegmentRules(())
