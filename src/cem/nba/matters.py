"""What an alert is about, beyond its type: what he would call about, and what an action may say that it helps with.

Of a repeated contact and of silent suffering it is a topic of the policy, of a bill what raised it most; other types say
it all themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cem.domain.detectors import bill_shock, repeat_call, silent_sufferer
from cem.domain.finding import Finding
from cem.domain.view import CHANGE_KINDS

__all__ = ["matter_of", "matters_of", "reason_of"]

#: What he would say that it is about, by type of alert; of others their subject says it.
_REASONS: Final[Mapping[str, str]] = {
    "bill_shock": "billing",
    "promise": "order",
    "service_loss": "network",
    "sinking": "",
}
#: What somebody who says nothing would say, by what went wrong most, the first of equals.
_FAILURES: Final[Mapping[str, str]] = {
    "faults": "network",
    "broken_promises": "order",
    "failed_payments": "payment",
    "unanswered": "",
}


def reason_of(finding: Finding) -> str:
    """Return what he would say that it is about, if he called."""
    if finding.type.startswith("sms_"):
        return "usage"
    if finding.type == silent_sufferer.TYPE:
        return max(_FAILURES.items(), key=lambda item: float(finding.evidence.get(item[0], 0)))[1]
    return _REASONS.get(finding.type, finding.subject)


def matter_of(finding: Finding, topic: str) -> str:
    """Return what the alert is about, one of its type's `matters_of`, or ""; `topic` is the policy's for its reason."""
    if finding.type == bill_shock.TYPE:
        return str(finding.evidence.get("main_cause", ""))
    return topic


def matters_of(type_: str, topics: Sequence[str]) -> Sequence[str]:
    """Return what alerts of a type can be about, given the policy's topics."""
    if type_ == bill_shock.TYPE:
        return CHANGE_KINDS
    return topics if type_ in (repeat_call.TYPE, silent_sufferer.TYPE) else ()
