"""Charges beyond the tariff: premium services, roaming, international messages, at a pace that the line does not know.

Told at `messages` such messages within 2 calendar days (UTC), if the 7 days' sum is above `least_minor` and above
`factor` times the sum of the weeks before, decayed by 3.5 % a day. Unit: minor units. Window: 7 days by day. Equals:
the sums over the messages of those days. Order-free for messages at most 7 days late.
"""

from __future__ import annotations

from cem.domain.state.alerts import Evidence
from cem.domain.state.habits import MONEY_DAYS, UNIT, Habits, Spending
from cem.domain.thresholds import MoneyPolicy

__all__ = ["BEYOND_TARIFF", "MONEY", "money_of", "note_charge"]

MONEY = "sms_money"

#: Classes of destination that no tariff covers.
BEYOND_TARIFF = ("international", "premium", "roaming")

_KEEP = 0.965


def note_charge(habits: Habits, at_s: int, charge_minor: int) -> Spending:
    """Fold a message to a destination beyond the tariff."""
    day = at_s // 86_400
    spending = habits.spending
    if spending is None:
        spending = habits.spending = Spending(day)
    if day > spending.day:
        _advance(spending, day)
    back = spending.day - day
    if back < MONEY_DAYS:
        missing = back + 1 - len(spending.messages)
        if missing > 0:
            spending.messages = spending.messages + [0] * missing
            spending.charged_minor = spending.charged_minor + [0] * missing
        spending.messages[back] += 1
        spending.charged_minor[back] += charge_minor
    return spending


def money_of(habits: Habits, at_s: int, charge_minor: int, policy: MoneyPolicy) -> Evidence | None:
    """Fold a charge; return what is told if the pace is beyond what the line knows."""
    spending = note_charge(habits, at_s, charge_minor)
    week_minor, messages = sum(spending.charged_minor), sum(spending.messages[:2])
    if (
        messages < policy.messages
        or week_minor <= policy.least_minor
        or week_minor * UNIT <= policy.factor * spending.older
    ):
        return None
    return {"messages_2d": messages, "charged_7d_minor": week_minor}


def _advance(spending: Spending, day: int) -> None:
    steps = day - spending.day
    messages, charged = spending.messages, spending.charged_minor
    older = float(spending.older)
    for _ in range(min(steps, MONEY_DAYS)):
        left = charged[MONEY_DAYS - 1] if len(charged) == MONEY_DAYS else 0
        older = older * _KEEP + left * UNIT
        messages = [0, *messages][:MONEY_DAYS]
        charged = [0, *charged][:MONEY_DAYS]
    if steps > MONEY_DAYS:
        older *= _KEEP ** (steps - MONEY_DAYS)
        messages, charged = [], []
    spending.messages, spending.charged_minor, spending.day = messages, charged, day
    spending.older = round(older)
