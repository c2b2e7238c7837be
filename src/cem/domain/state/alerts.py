"""The customer's alerts: the open ones and the last that were closed.

An alert's names (tier, severity, state, ...) are kept as codes and its times as offsets from its opening; the
properties read and write them by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cem.domain.state.contacts import CHANNELS

__all__ = ["EVIDENCE", "Alerts", "Evidence", "StoredAlert"]

Evidence = dict[str, int | float | str | bool]

#: Codes. Append only.
_TYPES = (
    "sms_allowance",
    "sms_velocity",
    "repeat_call",
    "bill_shock",
    "promise",
    "sms_rise",
    "sms_night",
    "sms_money",
    "service_loss",
    "silent_sufferer",
    "sinking",
    "outage",
)
_TIERS = ("other", "notice", "alert")
_SEVERITIES = ("other", "info", "warning", "error", "critical")
_STATES = ("other", "open", "acknowledged", "silenced", "resolved", "expired")
_WHO = ("other", "payer", "user", "rep", "supervisor", "operations", "nobody")
_REASONS = (
    "",
    "superseded",
    "over",
    "too late to tell",
    "back to usual",
    "no further contact",
    "higher threshold",
    "charges have grown",
    "twice as many",
    "higher tier",
    "another contact",
    "resolved by hand",
    "acknowledged",
    "silence ended",
    "back again",
    "told",
    "quiet hours over",
    "paid",
    "newer bill",
    "corrected bill",
    "due date passed",
    "kept",
    "kept late",
    "new date",
    "broken",
    "more hours lost",
    "more failures",
    "in touch",
    "sinks further",
    "more households",
    "nobody has acknowledged it",
    "larger allowance",
)

#: Names of the evidence of a type, in the order in which an alert keeps the values. Append only.
EVIDENCE: dict[str, tuple[str, ...]] = {
    "sms_allowance": (
        "threshold_percent",
        "used_segments",
        "allowance_segments",
        "used_percent",
        "messages",
        "charged_messages",
        "cycle_start",
        "cycle_end",
        "charged_onnet_minor",
        "charged_offnet_minor",
        "charged_international_minor",
        "charged_premium_minor",
        "charged_roaming_minor",
        "charged_other_minor",
        "projected_segments",
        "chance_percent",
        "lasts_until",
    ),
    "sms_velocity": (
        "recipients_24h",
        "threshold",
        "usual_a_day",
        "window_h",
        "messages_this_cycle",
        "recipients_6h",
    ),
    "repeat_call": (
        "contacts",
        "window_days",
        "hours_since_last",
        "last_resolution",
        "channel",
        "contact_id",
        "rep_id",
    ),
    "bill_shock": (
        "total_minor",
        "usual_minor",
        "growth_percent",
        "main_cause",
        "bills_compared",
        "due",
        "usage_minor",
        "plan_change_minor",
        "proration_minor",
        "one_off_minor",
        "credit_minor",
        "tax_minor",
        "other_minor",
        "not_itemised_minor",
        "line_1",
        "line_1_cause",
        "line_1_minor",
        "line_2",
        "line_2_cause",
        "line_2_minor",
        "line_3",
        "line_3_cause",
        "line_3_minor",
    ),
    "promise": ("promise", "id", "due", "hours_left", "hours_promised"),
    "sms_rise": ("messages_3d", "usual_3d", "score", "messages_this_cycle"),
    "sms_night": (
        "messages_at_night",
        "messages_5d",
        "usual_share_percent",
        "messages_this_cycle",
        "hours_at_night",
    ),
    "sms_money": ("messages_2d", "charged_7d_minor", "messages_this_cycle"),
    "service_loss": ("hours_lost", "threshold_h", "window_days", "faults", "going_on", "service"),
    "silent_sufferer": (
        "failures",
        "threshold",
        "window_days",
        "faults",
        "failed_payments",
        "broken_promises",
        "unanswered",
    ),
    "outage": ("households", "threshold", "window_min", "service", "reported"),
    "sinking": ("satisfaction", "before", "trend_days", "yearly_minor", "churn_percent", "predicted"),
}


def _code(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else 0


class StoredAlert(msgspec.Struct, array_like=True, gc=False):
    """An alert as the state keeps it; `cem.domain.alert_object.published` makes the public object of it."""

    #: Index in _TYPES, or the name of a type that has no code.
    kind: int | str
    #: What it is about: a line, a reason, an order; "" = the customer.
    subject: str
    #: What set it off, so that the same cause is never told twice: a cycle, an instant, an id.
    cause: str
    opened_ms: int
    tier_code: int = 0
    severity_code: int = 0
    state_code: int = 1
    who_code: int = 0
    channel_code: int = 0
    #: Since the opening: last change, until when telling is of use, the end; -1 = none.
    updated_after_ms: int = 0
    deliver_within_ms: int = -1
    closed_after_ms: int = -1
    #: When it expires or is looked at again; 0 = never by itself.
    due_ms: int = 0
    silenced_until_ms: int = 0
    values: list[int | float | str | bool | None] = []
    more: Evidence = {}
    action: str = ""
    price_minor: int = 0
    cost_minor: int = 0
    #: Why it changed or ended last: index in _REASONS, or what somebody wrote.
    why: int | str = 0
    #: Who acknowledged, silenced or ended it, and what he wrote.
    by: str = ""
    note: str = ""
    #: When whom it concerns may be told; 0 = at once, or he has been asked to be told already.
    tell_due_ms: int = 0
    #: Since the opening, when he was told (a message arrived); -1 = not yet.
    told_after_ms: int = -1
    #: Told to nobody, to see what happens then.
    held_out: bool = False
    #: When it is escalated unless somebody takes it on (0 = not), and how often it was.
    escalate_due_ms: int = 0
    escalations: int = 0

    @classmethod
    def new(cls, type_: str, subject: str, cause: str, opened_ms: int, **named: Any) -> StoredAlert:
        """Return an alert with the given properties."""
        alert = cls(_TYPES.index(type_) if type_ in _TYPES else type_, subject, cause, opened_ms)
        for name, value in named.items():
            setattr(alert, name, value)
        return alert

    @property
    def type(self) -> str:
        """Which kind of trouble."""
        return _TYPES[self.kind] if isinstance(self.kind, int) else self.kind

    @property
    def tier(self) -> str:
        """Notice or alert."""
        return _TIERS[self.tier_code]

    @tier.setter
    def tier(self, name: str) -> None:
        self.tier_code = _code(_TIERS, name)

    @property
    def severity(self) -> str:
        """How urgent: info, warning, error, critical."""
        return _SEVERITIES[self.severity_code]

    @severity.setter
    def severity(self, name: str) -> None:
        self.severity_code = _code(_SEVERITIES, name)

    def make_more_severe(self) -> None:
        """Raise the severity by one step; there is none above critical."""
        self.severity_code = min(self.severity_code + 1, len(_SEVERITIES) - 1)

    @property
    def state(self) -> str:
        """Where it stands: open, acknowledged, silenced, resolved, expired."""
        return _STATES[self.state_code]

    @state.setter
    def state(self, name: str) -> None:
        self.state_code = _code(_STATES, name)

    @property
    def tell_who(self) -> str:
        """Who is told."""
        return _WHO[self.who_code]

    @tell_who.setter
    def tell_who(self, name: str) -> None:
        self.who_code = _code(_WHO, name)

    @property
    def tell_channel(self) -> str:
        """Over which channel; "" = none."""
        return CHANNELS[self.channel_code]

    @tell_channel.setter
    def tell_channel(self, name: str) -> None:
        self.channel_code = _code(CHANNELS, name)

    @property
    def updated_ms(self) -> int:
        """When it changed last."""
        return self.opened_ms + self.updated_after_ms

    @updated_ms.setter
    def updated_ms(self, at_ms: int) -> None:
        self.updated_after_ms = at_ms - self.opened_ms

    @property
    def deliver_before_ms(self) -> int:
        """Telling it later than this is noise; 0 = no limit."""
        return self.opened_ms + self.deliver_within_ms if self.deliver_within_ms >= 0 else 0

    @deliver_before_ms.setter
    def deliver_before_ms(self, at_ms: int) -> None:
        self.deliver_within_ms = at_ms - self.opened_ms if at_ms else -1

    @property
    def closed_ms(self) -> int:
        """When it ended; 0 = not yet."""
        return self.opened_ms + self.closed_after_ms if self.closed_after_ms >= 0 else 0

    @closed_ms.setter
    def closed_ms(self, at_ms: int) -> None:
        self.closed_after_ms = max(0, at_ms - self.opened_ms) if at_ms else -1

    @property
    def told_ms(self) -> int:
        """When he was told; 0 = not yet."""
        return self.opened_ms + self.told_after_ms if self.told_after_ms >= 0 else 0

    @told_ms.setter
    def told_ms(self, at_ms: int) -> None:
        self.told_after_ms = max(0, at_ms - self.opened_ms) if at_ms else -1

    @property
    def reason(self) -> str:
        """Why it changed or ended last."""
        return _REASONS[self.why] if isinstance(self.why, int) else self.why

    @reason.setter
    def reason(self, text: str) -> None:
        self.why = _REASONS.index(text) if text in _REASONS else text

    @property
    def evidence(self) -> Evidence:
        """Counts, windows, thresholds by name; never content, never a recipient."""
        names = EVIDENCE.get(self.type, ())
        found = {n: v for n, v in zip(names, self.values, strict=False) if v is not None}
        return {**found, **self.more}

    @evidence.setter
    def evidence(self, evidence: Mapping[str, int | float | str | bool]) -> None:
        names = EVIDENCE.get(self.type, ())
        values: list[int | float | str | bool | None] = [evidence.get(name) for name in names]
        while values and values[-1] is None:
            values.pop()
        self.values = values
        self.more = {name: value for name, value in evidence.items() if name not in names}


class Alerts(msgspec.Struct, array_like=True, gc=False):
    """Oldest first."""

    open: list[StoredAlert] = []
    closed: list[StoredAlert] = []
