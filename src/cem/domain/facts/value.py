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
from cem.domain.quantiles import Population, add_bucket, bucket_of, score, take_bucket
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


#: A population and a member's bucket in it: for recency, frequency and money.
_Places = tuple[tuple[Population, int], tuple[Population, int], tuple[Population, int]]


def weight(at_s: int) -> float:
    """Return what a payment at an instant weighs, as of EPOCH_S."""
    return exp2(max(-_DOUBLINGS, min(_DOUBLINGS, (at_s - EPOCH_S) / HALF_LIFE_S)))


def note_money(customer: Customer, at_ms: int, amount_minor: int, ctx: FoldContext) -> None:
    """Count a payment or purchase, and score the customer anew."""
    value = customer.value
    values = ctx.lane.look(VALUES)
    money = unpack_money(value)
    if value.scored_day:
        _leave(values, money)
    at_s = at_ms // 1000
    weighs = weight(at_s)
    money.amount += amount_minor * weighs
    money.number += weighs
    money.last_s = max(money.last_s, at_s, 0)
    pack_money(value, money)
    value.scored_day = 0
    _enter(customer, values, ctx)
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
        _leave(ctx.lane.look(VALUES), unpack_money(value))
        ctx.lane.touch(VALUES)
        value.scores = value.scored_day = 0


def absorb_value(customer: Customer, other: Customer, ctx: FoldContext) -> None:
    """Add what another customer, who goes on as this one, has brought in; he counts in no population any more."""
    theirs = unpack_money(other.value)
    if not theirs.last_s:
        return
    value, values = customer.value, ctx.lane.look(VALUES)
    money = unpack_money(value)
    if value.scored_day:
        _leave(values, money)
    money.amount += theirs.amount
    money.number += theirs.number
    money.last_s = max(money.last_s, theirs.last_s)
    pack_money(value, money)
    value.scored_day = 0
    _enter(customer, values, ctx)
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
        _score(customer, values, _places(values, unpack_money(value)), ctx)
    else:
        _enter(customer, values, ctx)
        ctx.lane.touch(VALUES)


def scores_of(customer: Customer) -> tuple[int, int, int] | None:
    """Return recency, frequency and money, 1 to 5 each, 5 = newest, most often, most; None = not scored."""
    code = customer.value.scores - 1
    return (code // 25 + 1, code // 5 % 5 + 1, code % 5 + 1) if code >= 0 else None


def _enter(customer: Customer, values: Values, ctx: FoldContext) -> None:
    """Let the customer be one whom others are compared with, unless he has left, and score him."""
    value = customer.value
    if not is_live(customer):
        value.scores = 0
        return
    places = _places(values, unpack_money(value))
    for population, bucket in places:
        add_bucket(population, bucket)
    _score(customer, values, places, ctx)


def _leave(values: Values, money: Money) -> None:
    for population, bucket in _places(values, money):
        take_bucket(population, bucket)


def _places(values: Values, money: Money) -> _Places:
    """Return each population with the customer's bucket in it."""
    return (
        (values.recency, money.last_s // DAY_S),
        (values.frequency, bucket_of(max(money.number, _NOTHING))),
        (values.money, bucket_of(max(money.amount, _NOTHING))),
    )


def _score(customer: Customer, values: Values, places: _Places, ctx: FoldContext) -> None:
    value = customer.value
    (recency, newest), (frequency, often), (money, much) = places
    r, f, m = score(recency, newest), score(frequency, often), score(money, much)
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
    months = max(0, at_ms - since_ms) / _MONTH_MS
    return bisect_right(_LATER_BANDS, months)


def _is_bound(customer: Customer, at_ms: int) -> bool:
    contract = contract_of(customer.profile, "")
    return contract is not None and contract.end_day * DAY_MS > at_ms


def is_live(customer: Customer) -> bool:
    """Return whether the account is neither closed nor cancelled, now or for later."""
    contract = contract_of(customer.profile, "")
    cancelled = (
        contract is not None and contract.cancel_said_ms > 0 and contract.cancel_said_ms >= contract.said_ms
    )
    return not cancelled and customer.profile.status != "closed"
