"""The remedy that an alert proposes: what the decision engine decides for him whom it names, as if he asked about it.

The same facts, rules, floors and caps as for somebody who calls; the alert says what it is about and over which channel
he is told. Its id draws, so the same alert gets the same remedy, whenever it is made again. An alert is no occasion to
sell: of the ranked actions the first counts that serves or keeps him. None where nothing but the fallback is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cem.domain.customer import Customer
from cem.domain.finding import Finding
from cem.domain.thresholds import RemedyPolicy
from cem.domain.value_policy import ValuePolicy
from cem.nba.call import Call
from cem.nba.decide import FULL, decide
from cem.nba.decision import Context
from cem.nba.exploration import draw_of
from cem.nba.fact_table import INPUT_TOPICS
from cem.nba.facts import facts_of, history_of
from cem.nba.policy import Policy
from cem.nba.situation import Members

__all__ = ["Remedies"]

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
}
#: Where a person speaks with him, not a message.
_SPOKEN: Final = "call"
#: States are as new as the record that is folded.
_FRESH: Final[dict[str, float | None]] = dict.fromkeys(INPUT_TOPICS, 0.0)


class Remedies:
    """Proposes remedies under one policy."""

    def __init__(
        self,
        policy: Policy,
        timezone: str,
        value: ValuePolicy | None = None,
        segments: Members | None = None,
    ) -> None:
        """Take the policy, the operator's IANA time zone, what lifetime values are reckoned with, and the segments."""
        self._value = value
        self._segments = segments
        self._catalogue, self._params = policy.catalogue, policy.params
        self._timezone = timezone

    def propose(
        self, customer: Customer, finding: Finding, channel: str, identity: str, now_ms: int
    ) -> RemedyPolicy | None:
        """Return the action for the alert called `identity`, told over `channel` ("": by a person), or None."""
        catalogue, params = self._catalogue, self._params
        call = Call(channel=channel or _SPOKEN, reason=_reason_of(finding))
        facts = facts_of(
            customer,
            call,
            now_ms,
            catalogue.fact_names,
            params.topics,
            self._timezone,
            self._value,
            self._segments,
        )
        context = Context(
            identity, customer.customer_id, now_ms, facts, history_of(customer, now_ms), staleness_s=_FRESH
        )
        decision = decide(context, catalogue, params, draw_of(identity))
        if decision.tier != FULL:
            return None
        for ranked in decision.ranked:
            action = catalogue.action(ranked.action)
            if action is not None and action.precedence != "selling" and action.action != catalogue.fallback:
                return RemedyPolicy(action.action, action.price_minor)
        return None


def _reason_of(finding: Finding) -> str:
    if finding.type.startswith("sms_"):
        return "usage"
    if finding.type == "silent_sufferer":
        return max(_FAILURES.items(), key=lambda item: float(finding.evidence.get(item[0], 0)))[1]
    return _REASONS.get(finding.type, finding.subject)
