"""How recently, how often and how much the customer pays, scored against the others; and how many like him stay.

Units: payments made and purchases; minor units; scores 1 (lowest fifth) to 5. Window: all time, each payment weighing
half as much every 180 days. Weighing by age in place of a window of a year needs no list of payments, and moves nobody
by the mere passing of time: the weights of all shrink alike. Somebody who pays m a month for long has a level of 12 m
a year, as in a window of a year.

Equals: the weighted sums over all payments and purchases (the amounts to 1e-9 of them, the numbers to 1e-6), in any
order. The scores are those of `cem.domain.quantiles` among the customers of the same lane whose account is neither
cancelled nor closed, as of the last making: at each of his bills, payments and purchases, and, when something else of
his falls due, once a day (UTC). So a customer's score may be older than the population's last change, but no tick
wakes anybody only for it. A lane's customers are a random sample of all, chosen by a hash of their ids.

`Cohort`: a bill is a month that a customer of his tenure was seen, a cancellation of the account by the customer is one
who left; both apart for those bound by a term at that instant. In the order in which the lane takes the records.
"""

from __future__ import annotations

from bisect import bisect_right
from math import exp2
from typing import Final

from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.facts.supplies import contract_of
from cem.domain.localtime import DAY_MS
from cem.domain.quantiles import bucket_of, moved_score, score, take_bucket
from cem.domain.state.value import (
    VALUES,
    Money,
    Values,
    pack_cohort,
    pack_money,
    unpack_money,
)

__all__ = [
    "EPOCH_S",
    "HALF_LIFE_S",
    "TENURE_BANDS",
    "absorb_value",
    "forget_value",
    "is_live",
    "note_bill_month",
    "note_leaving",
    "note_money",
    "refresh_scores",
    "scores_of",
    "weight",
]

DAY_S: Final = 86_400
HALF_LIFE_S: Final = 180 * DAY_S
#: 2020-01-01 UTC: all weights are relative to this instant, so that adding never means weighing anew.
EPOCH_S: Final = 1_577_836_800
#: No weight is more than so many doublings away from 1: times that no calendar reaches stay finite.
_DOUBLINGS: Final = 100.0
#: Months of tenure at which a new band begins.
TENURE_BANDS: Final = (0, 3, 6, 12, 24)
_LATER_BANDS: Final = TENURE_BANDS[1:]
_MONTH_MS: Final = 30.4375 * DAY_MS
_NOTHING: Final = 1e-12
_CELLS: Final = 4


#: A member's bucket among all of recency, of frequency and of money.
_Buckets = tuple[int, int, int]


def weight(at_s: int) -> float:
    """Return what a payment at an instant weighs, as of EPOCH_S."""
    return exp2(max(-_DOUBLINGS, min(_DOUBLINGS, (at_s - EPOCH_S) / HALF_LIFE_S)))


def note_money(customer: Customer, at_ms: int, amount_minor: int, ctx: FoldContext) -> None:
    """Count a payment or purchase, and score the customer anew."""
    value = customer.value
    values = ctx.lane.look(VALUES)
    money = unpack_money(value)
    before = _buckets(money) if value.scored_day else None
    at_s = at_ms // 1000
    weighs = weight(at_s)
    money.amount += amount_minor * weighs
    money.number += weighs
    money.last_s = max(money.last_s, at_s, 0)
    pack_money(value, money)
    _move(customer, values, before, ctx)
    ctx.lane.touch(VALUES)


def note_bill_month(customer: Customer, at_ms: int, ctx: FoldContext) -> None:
    """Count a bill as a month that a customer of this tenure stayed."""
    _note_stay(customer, at_ms, 0, ctx)
    refresh_scores(customer, ctx, daily=False)


def note_leaving(customer: Customer, at_ms: int, by_operator: bool, ctx: FoldContext) -> None:
    """Count a cancellation of the whole account; from then on he is compared with nobody."""
    if not by_operator:
        _note_stay(customer, at_ms, 1, ctx)
    forget_value(customer, ctx)


def forget_value(customer: Customer, ctx: FoldContext) -> None:
    """Take the customer out of those whom others are compared with; what he has brought in is kept."""
    value = customer.value
    if value.scored_day:
        _leave(ctx.lane.look(VALUES), _buckets(unpack_money(value)))
        ctx.lane.touch(VALUES)
        value.scores = value.scored_day = 0


def absorb_value(customer: Customer, other: Customer, ctx: FoldContext) -> None:
    """Add what another customer, who goes on as this one, has brought in; he counts in no population any more."""
    theirs = unpack_money(other.value)
    if not theirs.last_s:
        return
    value, values = customer.value, ctx.lane.look(VALUES)
    money = unpack_money(value)
    before = _buckets(money) if value.scored_day else None
    money.amount += theirs.amount
    money.number += theirs.number
    money.last_s = max(money.last_s, theirs.last_s)
    pack_money(value, money)
    _move(customer, values, before, ctx)
    ctx.lane.touch(VALUES)


def refresh_scores(customer: Customer, ctx: FoldContext, *, daily: bool = True) -> None:
    """Make the scores anew; `daily`: unless they were made on the lane's day."""
    value = customer.value
    if not value.money or (daily and value.scored_day >= ctx.lane_time_ms // DAY_MS):
        return
    values = ctx.lane.look(VALUES)
    if not is_live(customer):
        forget_value(customer, ctx)
    elif value.scored_day:
        recency, frequency, money = _buckets(unpack_money(value))
        scores = (
            score(values.recency, recency),
            score(values.frequency, frequency),
            score(values.money, money),
        )
        _keep(customer, values, scores, ctx)
    else:
        _move(customer, values, None, ctx)
        ctx.lane.touch(VALUES)


def scores_of(customer: Customer) -> tuple[int, int, int] | None:
    """Return recency, frequency and money, 1 to 5 each, 5 = newest, most often, most; None = not scored."""
    code = customer.value.scores - 1
    return (code // 25 + 1, code // 5 % 5 + 1, code % 5 + 1) if code >= 0 else None


def _move(customer: Customer, values: Values, before: _Buckets | None, ctx: FoldContext) -> None:
    """Move the customer from the buckets where he counted (None: nowhere) to those of now, and score him there.

    Who has left comes into none: others are not compared with him, nor is he with them.
    """
    value = customer.value
    if not is_live(customer):
        if before is not None:
            _leave(values, before)
        value.scores = value.scored_day = 0
        return
    left = (None, None, None) if before is None else before
    came = _buckets(unpack_money(value))
    scores = (
        moved_score(values.recency, left[0], came[0]),
        moved_score(values.frequency, left[1], came[1]),
        moved_score(values.money, left[2], came[2]),
    )
    _keep(customer, values, scores, ctx)


def _leave(values: Values, buckets: _Buckets) -> None:
    take_bucket(values.recency, buckets[0])
    take_bucket(values.frequency, buckets[1])
    take_bucket(values.money, buckets[2])


def _buckets(money: Money) -> _Buckets:
    """Return the customer's bucket in each population."""
    return (
        money.last_s // DAY_S,
        bucket_of(max(money.number, _NOTHING)),
        bucket_of(max(money.amount, _NOTHING)),
    )


def _keep(customer: Customer, values: Values, scores: tuple[int, int, int], ctx: FoldContext) -> None:
    """Keep the scores (0: too few to compare with), and how many like him stay."""
    value = customer.value
    r, f, m = scores
    value.scores = 1 + 25 * (r - 1) + 5 * (f - 1) + m - 1 if r else 0
    value.scored_day = max(1, ctx.lane_time_ms // DAY_MS)
    _take_cohort(customer, values, ctx.lane_time_ms)


def _note_stay(customer: Customer, at_ms: int, left: int, ctx: FoldContext) -> None:
    values = ctx.lane.look(VALUES)
    stays = values.stays
    if not stays:
        stays.extend([0] * _CELLS * len(TENURE_BANDS))
    stays[_CELLS * _band(customer, at_ms) + 2 * _is_bound(customer, at_ms) + left] += 1
    ctx.lane.touch(VALUES)


def _take_cohort(customer: Customer, values: Values, now_ms: int) -> None:
    """Keep how many like him stay, as the lane knows it now."""
    place = _CELLS * _band(customer, now_ms)
    cells = values.stays[place : place + _CELLS]
    value = customer.value
    if cells and (value.cohort or any(cells)):
        pack_cohort(value, *cells)


def _band(customer: Customer, at_ms: int) -> int:
    """Return the index in TENURE_BANDS of how long he has been a customer: since the stated day, else his first record."""
    since_ms = customer.profile.since_day * DAY_MS or customer.first_ms
    return bisect_right(_LATER_BANDS, (at_ms - since_ms) / _MONTH_MS)


def _is_bound(customer: Customer, at_ms: int) -> bool:
    contract = contract_of(customer.profile, "")
    return contract is not None and contract.end_day * DAY_MS > at_ms


def is_live(customer: Customer) -> bool:
    """Return whether the account is neither closed nor cancelled, now or for later."""
    profile = customer.profile
    contract = contract_of(profile, "")
    cancelled = (
        contract is not None and contract.cancel_said_ms > 0 and contract.cancel_said_ms >= contract.said_ms
    )
    return not cancelled and profile.status != "closed"
