"""The remedy that an alert proposes: what the decision engine decides for him whom it names, as if he asked about it.

The same facts, rules, floors and caps as for somebody who calls; the alert says what it is about and over which channel
he is told. Its id draws, so the same alert gets the same remedy, whenever it is made again. An alert is no occasion to
sell, nor for what has nothing to do with it: of the ranked actions the first counts that serves or keeps him and says
that it helps with such an alert. Where none does, the remedy of the alert's policy stands; if that is not for him, or he
has had enough of it, the catalogue's fallback is what is left: somebody who helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cem.domain.customer import Customer
from cem.domain.events import DroppedAction
from cem.domain.finding import Finding
from cem.domain.thresholds import RemedyPolicy
from cem.domain.value_policy import ValuePolicy
from cem.nba.arbitration import NO_GAIN
from cem.nba.call import Call
from cem.nba.decide import FULL, decide
from cem.nba.decision import Context
from cem.nba.exploration import draw_of
from cem.nba.fact_table import INPUT_TOPICS
from cem.nba.facts import facts_of, history_of
from cem.nba.funnel import TREATMENT
from cem.nba.matters import matter_of, reason_of
from cem.nba.policy import Policy
from cem.nba.situation import Members

__all__ = ["Remedies"]

#: Dropped by these, what the alert's policy names stands: it says itself that it is relevant, and to whom it is worth it.
_NOT_RELEVANT: Final = "applicability."
_STANDS: Final = (TREATMENT, NO_GAIN)
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
        call = Call(channel=channel or _SPOKEN, reason=reason_of(finding))
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
        matter = matter_of(finding, str(facts["call_topic"]))
        for ranked in decision.ranked:
            action = catalogue.action(ranked.action)
            if action is None or action.precedence == "selling" or action.action == catalogue.fallback:
                continue
            if action.helps(finding.type, matter):
                return RemedyPolicy(action.action, action.price_minor)
        return self._left(finding, decision.dropped)

    def _left(self, finding: Finding, dropped: Sequence[DroppedAction]) -> RemedyPolicy | None:
        """Return the fallback where the policy's remedy is not for him, or he has had enough of it; else None."""
        rule = next((each.rule for each in dropped if each.action == finding.remedy.action), None)
        if rule is None or rule in _STANDS or rule.startswith(_NOT_RELEVANT):
            return None
        fallback = self._catalogue.action(self._catalogue.fallback)
        return None if fallback is None else RemedyPolicy(fallback.action, fallback.price_minor)
