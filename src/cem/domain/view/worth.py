"""What he brings in: recency, frequency and money, and the value of all that he is expected to bring.

**Convention of lifetime value.** The present value of the margins of the coming months, in minor units; what was spent
to win him is left out, and so is everything past. The first margin is due in a month, each if he is still there then:

    value = margin x sum over t = 1 .. horizon of  stay(1) ... stay(t) / (1 + d)^t

with the monthly rate d = (1 + a year's)^(1/12) - 1. With one chance to stay and no horizon that is
margin x r / (1 + d - r) (Gupta, Lehmann and Stuart, "Valuing Customers", Journal of Marketing Research 41(1), 2004).
The chance is another one for the whole months for which a term binds him; a cancelled account brings its margins up to
the day on which that takes effect, and a closed one nothing.

`margin` is the policy's share of what he pays a month: the mean of the last four bills over the months that they cover,
else his plans' prices, else his payments' level. The chance to leave in a month is the churn model's for the next 30
days where the state holds one, for as long as he is bound, or not, as he is now; else, and for the other months, the
share of his tenure's cohort that left, to which the policy's guess is added as so many months
(`cem.domain.facts.value`).

**Interval.** Low with a low margin and a high chance to leave at once, high the other way round, each bound so far out
that both hold with the policy's confidence (Bonferroni): the margin's by the bills' scatter, the chance's on the scale
of log odds by what it was counted from. The model's chance is taken for one that was counted from `_MODEL_MONTHS`.
"""

from __future__ import annotations

from datetime import tzinfo
from math import exp, log, sqrt
from statistics import NormalDist
from typing import Final

import msgspec

from cem.domain.customer import Customer
from cem.domain.facts.supplies import plan_of
from cem.domain.facts.value import HALF_LIFE_S, scores_of, weight
from cem.domain.localtime import DAY_MS
from cem.domain.state.value import unpack_cohort, unpack_money
from cem.domain.value_policy import ValuePolicy
from cem.domain.view.estimates import churn_risk
from cem.domain.view.money import bill_totals, cancelled_from_ms, contract_days_left

__all__ = ["LifetimeValue", "Rfm", "lifetime_value", "rfm"]

MONTH_DAYS: Final = 30.4375
_MODEL_MONTHS: Final = 500.0
#: What the scatter of bills is taken for before there are several: its share of the mean, weighing as one bill.
_SCATTER: Final = 0.3
_YEAR_S: Final = 365.25 * 86_400


class Rfm(msgspec.Struct, frozen=True, gc=False):
    """Recency, frequency and money of payments and purchases."""

    #: Days since the newest one.
    recency_days: float
    #: How many, and how much (minor units), a year, at the present level.
    a_year: float
    a_year_minor: float
    #: 1 to 5 each among the customers of his lane, 5 = newest, most often, most; None = not compared with them.
    scores: tuple[int, int, int] | None


class LifetimeValue(msgspec.Struct, frozen=True, gc=False):
    """Minor units; the module says how they are meant."""

    value_minor: int
    low_minor: int
    high_minor: int
    #: A month's margin, and the chances to leave in a month without and with a term.
    margin_minor: int
    leave_a_month: float
    leave_a_month_bound: float
    #: Whole months for which a term binds him.
    bound_months: int
    #: What the margin rests on: bills, plan or payments.
    margin_from: str
    #: What the chance to leave rests on: model, cohort or guess.
    leave_from: str


def rfm(customer: Customer, now_ms: int) -> Rfm | None:
    """Return recency, frequency and money, or None if he never paid nor bought anything."""
    money = unpack_money(customer.value)
    if not money.last_s:
        return None
    # A steady payer's sum is his yearly number times half-life / ln 2 in years.
    level = weight(now_ms // 1000) * HALF_LIFE_S / log(2) / _YEAR_S
    return Rfm(
        max(0, now_ms - money.last_s * 1000) / DAY_MS,
        money.number / level,
        money.amount / level,
        scores_of(customer),
    )


def lifetime_value(
    customer: Customer, now_ms: int, tz: tzinfo, policy: ValuePolicy | None = None
) -> LifetimeValue | None:
    """Return the lifetime value, or None if nothing is known of what he pays."""
    policy = policy or ValuePolicy()
    paid = _paid_a_month(customer, now_ms)
    if paid is None:
        return None
    mean, error, margin_from = paid
    z = NormalDist().inv_cdf(1 - (1 - policy.confidence) / 4)
    left = contract_days_left(customer, now_ms, tz)
    bound_months = 0 if left is None else max(0, int(left / MONTH_DAYS))
    free, bound, leave_from = _leaving(customer, now_ms, policy, is_bound=bound_months > 0)
    stays = _months_to_end(customer, now_ms)

    def worth(margin: float, push: float) -> int:
        if stays is not None:
            return round(margin * _annuity(1.0, policy, 0, min(stays, policy.horizon_months)))
        months = min(bound_months, policy.horizon_months)
        kept = 1 - bound.at(push)
        first = _annuity(kept, policy, 0, months)
        then = _annuity(1 - free.at(push), policy, months, policy.horizon_months)
        return round(margin * (first + kept**months * then))

    share = policy.margin_share
    return LifetimeValue(
        worth(share * mean, 0),
        worth(share * max(0.0, mean - z * error), z),
        worth(share * (mean + z * error), -z),
        round(share * mean),
        free.chance,
        bound.chance,
        bound_months,
        margin_from,
        leave_from,
    )


class _Leaving(msgspec.Struct, frozen=True, gc=False):
    """A chance to leave in a month, and from how many customer months it was counted."""

    chance: float
    months: float

    def at(self, z: float) -> float:
        """Return the chance `z` standard errors further, on the scale of log odds."""
        p = min(max(self.chance, 1e-6), 1 - 1e-6)
        odds = log(p / (1 - p)) + z / sqrt(self.months * p * (1 - p))
        return 1 / (1 + exp(-odds))


def _annuity(kept: float, policy: ValuePolicy, after: int, until: int) -> float:
    """Return the sum over t = after + 1 .. until of kept^(t - after) / (1 + d)^t."""
    by_month = (1 + policy.discount_rate_a_year) ** (1 / 12)
    x, months = kept / by_month, max(0, until - after)
    whole = float(months) if x == 1.0 else x * (1 - x**months) / (1 - x)
    return float(by_month**-after * whole)


def _months_to_end(customer: Customer, now_ms: int) -> int | None:
    """Return the whole months that he still is a customer, where that is known."""
    if customer.profile.status == "closed":
        return 0
    ends_ms = cancelled_from_ms(customer)
    return None if ends_ms is None else max(0, int((ends_ms - now_ms) / (MONTH_DAYS * DAY_MS)))


def _paid_a_month(customer: Customer, now_ms: int) -> tuple[float, float, str] | None:
    """Return what he pays a month, its standard error, and what that rests on."""
    bills = [(at_ms, minor) for at_ms, minor in bill_totals(customer) if at_ms <= now_ms]
    if bills:
        count = len(bills)
        between = (bills[-1][0] - bills[0][0]) / (MONTH_DAYS * DAY_MS)
        # n bills cover the n - 1 times between them and one more.
        months = max(1.0, between * count / (count - 1)) if count > 1 else 1.0
        total = sum(minor for _, minor in bills)
        mean = total / count
        scatter = sum((minor - mean) ** 2 for _, minor in bills) + (_SCATTER * mean) ** 2
        # Of n bills with one guessed deviation the variance is scatter / n, that of their sum scatter.
        return max(0.0, total / months), sqrt(scatter) / months, "bills"
    prices = _prices(customer, now_ms)
    if prices:
        return float(prices), _SCATTER * prices, "plan"
    paid = rfm(customer, now_ms)
    if paid is None:
        return None
    return paid.a_year_minor / 12, _SCATTER * paid.a_year_minor / 12, "payments"


def _prices(customer: Customer, now_ms: int) -> int:
    """Return the prices a month of account and lines; a line without a plan of its own has no price of its own."""
    supplies = customer.profile.supplies
    plans = [plan_of(customer.profile, supply.line, now_ms) for supply in supplies if supply.plans]
    return sum(plan.price_minor for plan in plans if plan is not None and plan.price_minor > 0)


def _leaving(
    customer: Customer, now_ms: int, policy: ValuePolicy, *, is_bound: bool
) -> tuple[_Leaving, _Leaving, str]:
    """Return the chances to leave in a month, without and with a term, and what that of now rests on."""
    cohort = unpack_cohort(customer.value)
    weighs = policy.guess_weighs_months
    free, bound = (
        _Leaving((guess * weighs + left) / (weighs + months + left), weighs + months + left)
        for guess, months, left in (
            (policy.leave_a_month, cohort.free_months, cohort.free_left),
            (policy.leave_a_month_bound, cohort.bound_months, cohort.bound_left),
        )
    )
    risk = churn_risk(customer, now_ms)
    if risk is not None:
        said = _Leaving(risk.chance, _MODEL_MONTHS)
        return (free, said, "model") if is_bound else (said, bound, "model")
    seen = cohort.bound_months + cohort.bound_left if is_bound else cohort.free_months + cohort.free_left
    return free, bound, "cohort" if seen else "guess"
