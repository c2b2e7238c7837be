"""The facts of a customer at a stated time, by name: what the policy's rules, amounts and sentences speak of.

`cem.nba.fact_table` says of each what it means; here is how it is computed. Only the facts asked for are computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from cem.domain.customer import Customer
from cem.domain.facts.strangers import is_stranger
from cem.domain.localtime import DAY_MS
from cem.domain.state.decisions import acted, count_since
from cem.domain.state.profile import Contract
from cem.domain.value_policy import ValuePolicy
from cem.domain.view import (
    churn_risk,
    consent,
    first_contact_resolution,
    mood_level,
    owed_minor,
    predicted_satisfaction,
)
from cem.nba.call import Call
from cem.nba.experience import experience_of
from cem.nba.fact_table import FACTS
from cem.nba.history import Past
from cem.nba.needs import NEED_SHOWN, NEEDS, needs_of
from cem.nba.potential import potential_of
from cem.nba.rules import FactValue
from cem.nba.satisfaction import estimate
from cem.nba.situation import Members, Situation

__all__ = ["COMPUTED", "facts_of", "history_of", "model_versions"]

#: States of a suggestion that contact policies know.
_STATES: Final = frozenset({"displayed", "offered", "accepted", "declined", "done", "ignored"})
#: What he answered to an action that a message or campaign carried; one left unread has offered nothing.
_ANSWERS: Final = frozenset({"accepted", "declined"})
#: Causes of what a bill holds beyond the plan's price.
_EXTRA: Final = frozenset({"sms", "calls", "data", "roaming", "premium", "international"})
_SURVEY_DAYS: Final = 180
#: How far back suggestions are frozen with a decision: the longest rest that a policy can state usefully.
_HISTORY_MS: Final = 400 * DAY_MS
_ROAMING: Final = 4


def facts_of(
    customer: Customer,
    call: Call,
    now_ms: int,
    names: Iterable[str],
    topics: Mapping[str, tuple[str, ...]],
    timezone: str = "UTC",
    value: ValuePolicy | None = None,
    segments: Members | None = None,
) -> dict[str, FactValue]:
    """Return the facts called `names` as they stand at `now_ms`; None where a nullable one is unknown.

    `timezone` is the operator's IANA zone, for facts of days; `value` what lifetime values are reckoned with;
    `segments` says which segments a customer is in at an instant (ms), asked if that is among the names.
    """
    situation = Situation(customer, call, now_ms, topics, timezone, value, segments)
    return {name: COMPUTED[name](situation) for name in names}


def history_of(customer: Customer, now_ms: int) -> tuple[Past, ...]:
    """Return what became of the earlier suggestions that contact policies count, oldest first.

    Of representatives, and of messages and campaigns as far as he took up or declined what they carried.
    """
    pasts = [
        Past(action, state, at_ms)
        for action, state, at_ms in acted(customer.decisions)
        if state in _STATES and 0 <= now_ms - at_ms < _HISTORY_MS
    ]
    answered = [
        Past(touch.action, touch.response, touch.response_ms)
        for touch in customer.outreach.touches
        if touch.action and touch.response in _ANSWERS and 0 <= now_ms - touch.response_ms < _HISTORY_MS
    ]
    if answered:
        pasts = sorted([*pasts, *answered], key=_when)
    return tuple(pasts)


def _when(past: Past) -> int:
    return past.at_ms


def _status(v: Situation) -> str:
    if v.profile.status:
        return v.profile.status
    # Somebody of whom we know but what we said and decided ourselves is a stranger still.
    return "stranger" if is_stranger(v.customer) else "active"


def _since(v: Situation) -> float | None:
    since_day = v.profile.since_day
    return v.days_since(since_day * DAY_MS) if since_day else None


def _plan(v: Situation) -> str:
    return next((p.name for p in v.plans if p.name), "")


def _plan_price(v: Situation) -> int | None:
    prices = [p.price_minor for p in v.plans if p.price_minor > 0]
    return sum(prices) if prices else None


def _contract_left(v: Situation) -> float | None:
    contracts = [s.contract for s in v.profile.supplies]
    ends = [c.end_day for c in contracts if c.end_day and not _is_cancelled(c)]
    # The last day belongs to the term.
    return float(min(ends) + 1 - v.today) if ends else None


def _cancelled(v: Situation) -> bool:
    return any(_is_cancelled(s.contract) for s in v.profile.supplies)


def _is_cancelled(contract: Contract) -> bool:
    """Return whether the cancellation is what was said last."""
    return contract.cancel_said_ms > 0 and contract.cancel_said_ms >= contract.said_ms


def _lines(v: Situation) -> int:
    return len({*v.customer.lines, *(u.line for u in v.profile.users)})


def _since_contact(v: Situation) -> float | None:
    kept = v.contacts
    return v.days_since(kept[-1].at_ms) if kept else None


def _term_days(v: Situation) -> float | None:
    began_ms = v.journey.began_ms
    return v.days_since(began_ms) if began_ms else _since(v)


def _bill_total(v: Situation) -> int | None:
    bill = v.bill
    return bill.total_minor if bill else None


def _bill_delta(v: Situation) -> int | None:
    last, before = v.bill, v.bill_before
    return last.total_minor - before.total_minor if last and before else None


def _bill_delta_sms(v: Situation) -> int | None:
    change = v.bill_change
    return sum([c.amount_minor for c in change.changes if c.cause == "sms"]) if change else None


def _bill_delta_of(v: Situation, kind: str) -> int | None:
    change = v.bill_change
    return change.of_kind(kind) if change else None


def _bill_extra(v: Situation) -> int | None:
    bill = v.bill
    return bill.sum_of(_EXTRA) if bill else None


def _since_bill(v: Situation) -> float | None:
    bill = v.bill
    return v.days_since(bill.issued_ms) if bill else None


def _in_hardship(v: Situation) -> bool:
    return v.profile.hardship or v.overdue_days >= 30 or v.failed_payments >= 3


def _credited(v: Situation) -> bool:
    since = v.now_ms - 90 * DAY_MS
    return any(bill.is_credited() for bill in v.billing.bills if bill.issued_s * 1000 > since)


def _sms_extra(v: Situation) -> int:
    return sum([sum(cycle.charged_minor) for _, cycle in v.cycles])


def _sms_extra_child(v: Situation) -> int:
    children = [u.line for u in v.children]
    return sum([sum(cycle.charged_minor) for line, cycle in v.cycles if line in children])


def _sms_share(v: Situation) -> float | None:
    lines = v.customer.lines
    shares = [c.counted / lines[name].allowance for name, c in v.cycles if lines[name].allowance]
    return max(shares, default=None)


def _sms_roaming(v: Situation) -> int:
    return sum([c.charged_minor[_ROAMING] for _, c in v.cycles if len(c.charged_minor) > _ROAMING])


def _last_answer(v: Situation, field: str, unanswered: int) -> int | None:
    since = v.now_ms - _SURVEY_DAYS * DAY_MS
    for answer in reversed(v.customer.satisfaction.answers):
        value: int = getattr(answer, field)
        if value != unanswered and answer.at_ms > since:
            return value
    return None


def _since_survey(v: Situation) -> float | None:
    answers = v.customer.satisfaction.answers
    return v.days_since(answers[-1].at_ms) if answers else None


def _declined(v: Situation) -> int:
    return count_since(v.customer.decisions, "declined", v.now_ms - 30 * DAY_MS)


def _need(v: Situation, place: int) -> float:
    return v.once(needs_of)[place].score


def _top_need(v: Situation) -> str:
    best = max(v.once(needs_of), key=lambda need: need.score)
    return best.need if best.score >= NEED_SHOWN else ""


def _experience_driver(v: Situation) -> str:
    return next((d.code for d in v.once(experience_of).drivers if d.points < 0), "")


def _churn_risk(v: Situation) -> float | None:
    risk = churn_risk(v.customer, v.now_ms)
    return None if risk is None else risk.chance


def _predicted(v: Situation, question: str) -> float | None:
    said = predicted_satisfaction(v.customer, v.now_ms, question)
    return None if said is None else said.point


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def model_versions(customer: Customer) -> dict[str, str]:
    """Return the versions of the models whose estimates the customer's state holds, by the model's name."""
    estimates = customer.estimates
    said = {"satisfaction": estimates.satisfied, "churn": estimates.churn}
    versions = {name: each.version for name, each in said.items() if each is not None}
    if estimates.talked is not None:
        versions["reason"] = estimates.talked.reason_version
    return {name: str(version) for name, version in versions.items() if version >= 0}


#: Name of a fact to its computation.
COMPUTED: Final[Mapping[str, Callable[[Situation], FactValue]]] = {
    "call_channel": lambda v: v.call.channel,
    "call_reason": lambda v: v.call.reason,
    "call_topic": lambda v: v.topic,
    "call_queue": lambda v: v.call.queue,
    "supposed_reason": lambda v: "" if v.supposed is None else v.supposed.reason,
    "supposed_reason_chance": lambda v: None if v.supposed is None else v.supposed.chance,
    "rep_language": lambda v: v.call.language,
    "customer_language": lambda v: v.profile.language or v.call.language,
    "status": _status,
    "area": lambda v: v.profile.area,
    "plan": _plan,
    "tenure_days": _since,
    "lines": _lines,
    "child_lines": lambda v: len(v.children),
    "marketing_refused": lambda v: consent(v.customer, "marketing") is False,
    "profiling_refused": lambda v: consent(v.customer, "profiling") is False,
    "plan_price_minor": _plan_price,
    "contract_days_left": _contract_left,
    "cancelled": _cancelled,
    "contacts_7d": lambda v: len(v.week),
    "contacts_30d": lambda v: v.contacted,
    "calls_7d": lambda v: sum(c.channel == "call" for c in v.week),
    "same_topic_7d": lambda v: len(v.same_topic),
    "days_since_contact": _since_contact,
    "unresolved_30d": lambda v: v.unresolved,
    "repeat_contact": lambda v: v.repeats,
    "waited_minutes_30d": lambda v: (v.effort[0] + v.effort[1]) / 60,
    "transfers_30d": lambda v: v.effort[2],
    "first_contact_share": lambda v: first_contact_resolution(v.customer),
    "term_days": _term_days,
    "term_contacts": lambda v: v.journey.contacts,
    "term_contacts_repeated": lambda v: v.journey.repeated,
    "term_waited_minutes": lambda v: (v.journey.wait_s + v.journey.hold_s) / 60,
    "term_transfers": lambda v: v.journey.transfers,
    "term_promises_missed": lambda v: v.journey.promises_missed,
    "term_promises_kept_share": lambda v: v.journey.kept_share,
    "bill_total_minor": _bill_total,
    "bill_delta_minor": _bill_delta,
    "bill_delta_usage_minor": lambda v: _bill_delta_of(v, "usage"),
    "bill_delta_sms_minor": _bill_delta_sms,
    "bill_delta_plan_minor": lambda v: _bill_delta_of(v, "plan_change"),
    "bill_delta_one_off_minor": lambda v: _bill_delta_of(v, "one_off"),
    "bill_delta_cause": lambda v: v.bill_change.main_kind if v.bill_change else "",
    "bill_extra_minor": _bill_extra,
    "days_since_bill": _since_bill,
    "overdue_days": lambda v: v.overdue_days,
    "overdue_minor": lambda v: owed_minor(v.customer, v.now_ms, v.tz, v.owed) if v.bill else 0,
    "in_hardship": _in_hardship,
    "failed_payments_90d": lambda v: v.failed_payments,
    "overdue_notices": lambda v: v.billing.overdue,
    "late_payments": lambda v: v.billing.late,
    "recency_days": lambda v: v.rfm.recency_days if v.rfm else None,
    "payments_a_year": lambda v: v.rfm.a_year if v.rfm else None,
    "paid_a_year_minor": lambda v: round(v.rfm.a_year_minor) if v.rfm else None,
    "recency_score": lambda v: v.scores and v.scores[0],
    "frequency_score": lambda v: v.scores and v.scores[1],
    "money_score": lambda v: v.scores and v.scores[2],
    "lifetime_value_minor": lambda v: v.lifetime_value.value_minor if v.lifetime_value else None,
    "lifetime_value_low_minor": lambda v: v.lifetime_value.low_minor if v.lifetime_value else None,
    "lifetime_value_high_minor": lambda v: v.lifetime_value.high_minor if v.lifetime_value else None,
    "sms_extra_minor": _sms_extra,
    "sms_extra_child_minor": _sms_extra_child,
    "sms_top_line_segments": lambda v: max((c.segments for _, c in v.cycles), default=0),
    "sms_allowance_share": _sms_share,
    "sms_roaming_minor": _sms_roaming,
    "sms_alert_open": lambda v: any(a.type.startswith("sms") for a in v.alerts),
    "open_faults": lambda v: sum(v.going_on(f) for f, _ in v.faults),
    "faults_30d": lambda v: len(v.faults),
    "fault_hours_30d": lambda v: float(sum(hours for _, hours in v.faults)),
    "open_tickets": lambda v: sum(t.opened_ms > 0 and not t.closed_ms for t in v.customer.service.tickets),
    "late_promises": lambda v: v.late_promises,
    "satisfaction": estimate,
    "last_csat": lambda v: _last_answer(v, "csat", 0),
    "last_nps": lambda v: _last_answer(v, "nps", -1),
    "days_since_survey": _since_survey,
    "open_alerts": lambda v: len(v.alerts),
    "declined_30d": _declined,
    "credited_90d": _credited,
    "channel_said": lambda v: v.profile.channel_said,
    "channel_does": lambda v: v.does,
    "channel_best": lambda v: v.reach.channel,
    "answer_chance": lambda v: v.reach.probability,
    "best_part": lambda v: v.hour.part if v.hour else "",
    "best_weekend": lambda v: v.hour.weekend if v.hour else False,
    **{f"need_{name}": partial(_need, place=place) for place, name in enumerate(NEEDS)},
    "top_need": _top_need,
    "potential": lambda v: p.score if (p := v.once(potential_of)) else None,
    "headroom_minor": lambda v: p.headroom_minor if (p := v.once(potential_of)) else None,
    "experience": lambda v: v.once(experience_of).index,
    "experience_driver": _experience_driver,
    "segments": lambda v: v.segments,
    "mood": lambda v: _rounded(mood_level(v.customer, v.now_ms), 2),
    "predicted_satisfaction": lambda v: None if v.predicted is None else v.predicted.point,
    "predicted_nps": lambda v: _predicted(v, "nps"),
    "predicted_ces": lambda v: _predicted(v, "ces"),
    "churn_risk": _churn_risk,
}
assert list(COMPUTED) == [name for name in COMPUTED if name in FACTS]
assert set(COMPUTED) == set(FACTS)
