"""Estimates of satisfaction and churn, and the examples from which models learn them.

What was known when an estimate was made (the portrait, and what was said) waits in the state for its label; the two
together go to the model's topic of examples:

| example | made | label | learnt |
|---|---|---|---|
| churn | once a week, at an instant of the customer's own | a cancellation took effect within 30 days | when they are over |
| satisfaction | at the end of a contact | the survey about it, question by question; none: not answered | at the answer, or after 4 days |
| sentiment | the same | bad, middling or good, as the survey says; of what the survey says itself, at once | at the answer |
| reason | at the end of a contact | the reason that was recorded | at once |
| propensity | at a decision, of its first action | accepted (done counts), or declined | at that outcome |

Whoever has given notice, or has left, is asked about no more. A cancellation that becomes known after the horizon has
closed, but took effect within it, corrects what was learnt: an example of the same source without the portrait.

Tick: at the customer's weekly instant, when a horizon closes, and when a survey is no longer waited for
(`Customer.learning_due_s`). A lane that is behind makes no ticks: there the customer's next record is the occasion, and
he is looked at as he was before it.
"""

from __future__ import annotations

from typing import Any, Final

from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.calls import SurveyAnswered
from cem.domain.events.decisions import DecisionMade
from cem.domain.events.envelope import Received
from cem.domain.events.outcomes import OutcomeRecorded
from cem.domain.facts.mood import hear, suppose_reason
from cem.domain.facts.strangers import is_stranger
from cem.domain.localtime import DAY_MS
from cem.domain.state.contacts import contact_key
from cem.domain.state.decisions import decision_key
from cem.domain.state.estimates import (
    Churn,
    Estimates,
    Heard,
    Offered,
    Satisfied,
    first_waiting,
    pack_portraits,
    waiting_portraits,
)
from cem.domain.view.portrait import features_of, portrait
from cem.domain.weeks import WEEK_MS, instant_of, week_of

__all__ = [
    "HORIZON_MS",
    "begin_learning",
    "contact_over",
    "correct_churn",
    "judge_learning",
    "learn_from_outcome",
    "learn_from_survey",
    "remember_decision",
]

#: A customer who leaves within so long of a portrait is a positive example.
HORIZON_MS: Final = 30 * DAY_MS
#: How long an answer to a survey is waited for, for how many contacts, and what is kept of what was said.
_SURVEY_MS: Final = 4 * DAY_MS
_HEARD_KEPT: Final = 3
_TEXT_KEPT: Final = 400
#: How long the outcome of a decision is waited for, and of how many decisions.
_OUTCOME_MS: Final = 3 * DAY_MS
_OFFERED_KEPT: Final = 3
#: What an outcome says of the customer's will; other states say nothing of it.
_WILL: Final = {"accepted": 1, "done": 1, "declined": 0}


def begin_learning(customer: Customer, now_ms: int) -> None:
    """Let the weekly look at this customer begin, if he is known to have something that he can leave."""
    if (customer.profile.supplies or customer.billing.bills) and _stays(customer):
        estimates = customer.estimates
        estimates.week = week_of(customer.customer_id, now_ms)
        _set_due(customer, estimates)


def judge_learning(customer: Customer, now_ms: int, ctx: FoldContext) -> None:
    """Do what is due: close horizons, give surveys up, and look at the customer anew once a week."""
    estimates = customer.estimates
    _close_horizons(customer, estimates, now_ms, ctx)
    while estimates.heard and estimates.heard[0].at_s * 1000 + _SURVEY_MS <= now_ms:
        heard = estimates.heard.pop(0)
        ctx.example("satisfaction", _source(customer, heard.key), _survey_input(heard), None)
    _forget_offers(estimates, now_ms)
    week = week_of(customer.customer_id, now_ms)
    if _stays(customer):
        if week > estimates.week:
            estimates.week = week
            _look(customer, estimates, week, ctx)
    else:
        estimates.churn = None
    _set_due(customer, estimates)


def contact_over(
    customer: Customer,
    contact_id: str,
    channel: str,
    reason: str,
    text: str,
    at_ms: int,
    ctx: FoldContext,
) -> None:
    """Fold the end of a contact that the customer began: ask what he will say of it, and what it was about."""
    key = contact_key(contact_id)
    text = text[:_TEXT_KEPT]
    if text.strip():
        if reason:
            x = {"text": text, "channel": channel}
            ctx.example("reason", f"reason/{customer.customer_id}/{key}", x, reason)
        else:
            suppose_reason(customer, key, channel, text, at_ms, ctx)
    if ctx.lane_time_ms - at_ms > _SURVEY_MS:
        return
    estimates = customer.estimates
    packed = portrait(customer, max(at_ms, customer.last_ms), ctx.timezone)
    _ask_satisfaction(estimates, packed, text, channel, at_ms, ctx)
    estimates.heard = [heard for heard in estimates.heard if heard.key != key]
    estimates.heard.append(Heard(key, at_ms // 1000, channel, text, packed))
    estimates.heard.sort(key=_at)
    del estimates.heard[:-_HEARD_KEPT]
    _set_due(customer, estimates)


def learn_from_survey(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `survey.answered`: label what waited for it, and hear what it says itself."""
    event = received.event
    assert isinstance(event, SurveyAnswered)
    verdict = _verdict(event)
    if event.text:
        # An answer may come about no contact that is known: what it says stands for itself.
        key = contact_key(received.id)
        hear(customer, key, "survey", 0, event.text, received.time_ms, ctx)
        if verdict:
            source = f"sentiment/{customer.customer_id}/{key}"
            ctx.example("sentiment", source, {"text": event.text, "channel": "survey"}, verdict)
    if event.about is None:
        return
    estimates, about = customer.estimates, contact_key(event.about)
    for heard in estimates.heard:
        if heard.key == about:
            answers = {"csat": event.csat, "nps": event.nps, "ces": event.ces}
            answers = {question: answer for question, answer in answers.items() if answer is not None}
            if answers:
                ctx.example("satisfaction", _source(customer, about), _survey_input(heard), answers)
            if heard.text and verdict:
                source = f"sentiment/{customer.customer_id}/{about}"
                ctx.example("sentiment", source, {"text": heard.text, "channel": heard.channel}, verdict)
            estimates.heard.remove(heard)
            _set_due(customer, estimates)
            return


def remember_decision(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `decision.made`: keep what was known, until it is known whether he wanted what was put first."""
    event = received.event
    assert isinstance(event, DecisionMade)
    if not event.action or event.shadow or is_stranger(customer):
        return
    estimates = customer.estimates
    channel = str(event.channel) if event.channel else ""
    packed = portrait(customer, max(received.time_ms, customer.last_ms), ctx.timezone)
    key, at_s = decision_key(event.decision_id), received.time_ms // 1000
    estimates.offered = [each for each in estimates.offered if each.key != key]
    estimates.offered.append(
        Offered(key, at_s, event.action, channel, event.probability, packed, event.group or "")
    )
    estimates.offered.sort(key=_when)
    del estimates.offered[:-_OFFERED_KEPT]
    _forget_offers(estimates, ctx.lane_time_ms)
    _set_due(customer, estimates)


def learn_from_outcome(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `outcome.recorded`: the label of what waited for it, if it says what the customer wanted."""
    event = received.event
    assert isinstance(event, OutcomeRecorded)
    will = _WILL.get(str(event.state))
    if will is None:
        return
    estimates, key = customer.estimates, decision_key(event.decision_id)
    for offered in estimates.offered:
        if offered.key == key:
            action = event.action or offered.action
            x = {
                "features": features_of(offered.portrait),
                "action": action,
                "channel": str(event.channel) if event.channel else offered.channel,
                # Logged chance and group are those of the action put first.
                "probability": offered.probability if action == offered.action else 0.0,
                "group": offered.group if action == offered.action else "",
            }
            ctx.example("propensity", f"propensity/{customer.customer_id}/{key}/{action}", x, will)
            estimates.offered.remove(offered)
            _set_due(customer, estimates)
            return


def correct_churn(customer: Customer, ctx: FoldContext) -> None:
    """Correct what was learnt of weeks whose horizon had closed before their cancellation became known."""
    estimates = customer.estimates
    left_ms = _left_ms(customer)
    if not estimates.first_week or left_ms is None:
        return
    waiting = [week for week, _ in waiting_portraits(estimates.waiting)]
    first = max(estimates.first_week, week_of(customer.customer_id, left_ms - HORIZON_MS))
    for week in range(first, estimates.week + 1):
        at_ms = instant_of(customer.customer_id, week)
        if at_ms < left_ms <= at_ms + HORIZON_MS <= ctx.lane_time_ms and week not in waiting:
            ctx.example("churn", f"churn/{customer.customer_id}/{week}", None, 1)


def _close_horizons(customer: Customer, estimates: Estimates, now_ms: int, ctx: FoldContext) -> None:
    left_ms = _left_ms(customer)
    kept: list[tuple[int, bytes]] = []
    for week, packed in waiting_portraits(estimates.waiting):
        at_ms = instant_of(customer.customer_id, week)
        if at_ms + HORIZON_MS > now_ms:
            kept.append((week, packed))
        elif left_ms is None or left_ms > at_ms:
            # Whoever had left already when he was looked at teaches nothing.
            leaves = int(left_ms is not None and left_ms <= at_ms + HORIZON_MS)
            ctx.example("churn", f"churn/{customer.customer_id}/{week}", features_of(packed), leaves)
    estimates.waiting = pack_portraits(kept)


def _look(customer: Customer, estimates: Estimates, week: int, ctx: FoldContext) -> None:
    """Take the week's portrait, and ask what it says."""
    # Where a lane was late, all that it knows by now counts, and the horizon begins where it should.
    packed = portrait(customer, ctx.lane_time_ms, ctx.timezone)
    estimates.first_week = estimates.first_week or week
    estimates.waiting = pack_portraits([*waiting_portraits(estimates.waiting), (week, packed)])
    answer = ctx.ask("churn", packed)
    if answer is not None:
        chance, version, drivers = answer
        estimates.churn = Churn(int(chance), list(drivers), int(version))
    _ask_satisfaction(estimates, packed, "", "", ctx.lane_time_ms, ctx)


def _ask_satisfaction(
    estimates: Estimates, packed: bytes, text: str, channel: str, at_ms: int, ctx: FoldContext
) -> None:
    answer = ctx.ask("satisfaction", [packed, text, channel])
    if answer is not None:
        point, low, high, version, drivers, *more = answer
        # Answers of before models spoke of NPS and CES are still in journals.
        others = {question: list(said) for question, said in more[0].items()} if more else {}
        estimates.satisfied = Satisfied(
            at_ms // 1000, int(point), int(low), int(high), list(drivers), int(version), others
        )


def _set_due(customer: Customer, estimates: Estimates) -> None:
    dues: list[int] = []
    if estimates.heard:
        dues.append(estimates.heard[0].at_s * 1000 + _SURVEY_MS)
    if estimates.offered:
        dues.append(estimates.offered[0].at_s * 1000 + _OUTCOME_MS)
    oldest = first_waiting(estimates.waiting)
    begins_ms = instant_of(customer.customer_id, 0)
    if oldest is not None:
        dues.append(begins_ms + oldest * WEEK_MS + HORIZON_MS)
    if estimates.week and _stays(customer):
        dues.append(begins_ms + (estimates.week + 1) * WEEK_MS)
    # To the second, rounded up: never before it is due.
    customer.learning_due_s = -(-min(dues, default=0) // 1000)


def _stays(customer: Customer) -> bool:
    """Return whether he has a contract of which he has not given notice, as far as is known."""
    return customer.profile.status not in ("closed", "prospect") and _notice(customer) is None


def _left_ms(customer: Customer) -> int | None:
    """Return when the cancellation that he wanted takes effect, None if there is none."""
    notice = _notice(customer)
    return None if notice is None or notice[1] else notice[0]


def _notice(customer: Customer) -> tuple[int, bool] | None:
    """Return when the contract ends by notice and whether by the operator's: the account's, or the last line's."""
    notices: list[tuple[int, bool]] = []
    for supply in customer.profile.supplies:
        contract = supply.contract
        cancelled = contract.cancel_said_ms > 0 and contract.cancel_said_ms >= contract.said_ms
        if not supply.line:
            if cancelled:
                return contract.cancel_from_ms, contract.by_operator
            if supply.agreed is not None:
                return None
        elif cancelled:
            notices.append((contract.cancel_from_ms, contract.by_operator))
        else:
            return None
    return max(notices, default=None)


def _source(customer: Customer, key: int) -> str:
    return f"satisfaction/{customer.customer_id}/{key}"


def _survey_input(heard: Heard) -> dict[str, Any]:
    return {"features": features_of(heard.portrait), "text": heard.text, "channel": heard.channel}


def _verdict(event: SurveyAnswered) -> str:
    """Return what the answer says of the text beside it; "" = nothing."""
    if event.csat is not None:
        return "negative" if event.csat <= 2 else "positive" if event.csat >= 4 else "neutral"
    if event.nps is not None:
        return "negative" if event.nps <= 6 else "positive" if event.nps >= 9 else "neutral"
    return ""


def _forget_offers(estimates: Estimates, now_ms: int) -> None:
    while estimates.offered and estimates.offered[0].at_s * 1000 + _OUTCOME_MS <= now_ms:
        del estimates.offered[0]


def _when(offered: Offered) -> tuple[int, int]:
    return offered.at_s, offered.key


def _at(heard: Heard) -> tuple[int, int]:
    return heard.at_s, heard.key
