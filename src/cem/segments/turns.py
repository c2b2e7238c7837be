"""When a fact next changes though nothing happens, as far as the rules that name it can tell.

A turn is asked for a fact's value and the numbers that rules compare it with. It is never too late: between now and the
turn no comparison of the fact changes. It may be too early: then the rules are asked once for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import ceil
from typing import Final

from cem.domain.facts.faults import FAULT_LASTS_MS
from cem.domain.localtime import DAY_MS, HOUR_MS, date_of, day_of, midnight_ms
from cem.nba.rules import FactValue
from cem.segments.situation import Between

__all__ = ["BY_DAY", "EVEN", "SHARED", "TURNS", "Turn"]

#: (situation, the fact's value, the numbers that it is compared with) -> instant (ms) after now, or None: never.
Turn = Callable[[Between, FactValue, Sequence[float]], int | None]

_HARDSHIP_DAYS: Final = (30.0,)
#: What is further off does not happen (days).
_FAR: Final = 36_500


def _first(instants: Iterable[int], now_ms: int) -> int | None:
    return min((at_ms for at_ms in instants if at_ms > now_ms), default=None)


def _earlier(*turns: int | None) -> int | None:
    return min(filter(None, turns), default=None)


def _crossing(value: FactValue, slope: float, thresholds: Sequence[float], now_ms: int) -> int | None:
    """Return when an evenly moving value (slope per ms) reaches the next threshold, or leaves the one that it is at."""
    if type(value) is not float or not slope:
        return None
    aheads = [ahead for threshold in thresholds if (ahead := (threshold - value) / slope) >= 0]
    return now_ms + max(1, ceil(min(aheads) - 0.001)) if aheads else None


def _steps(value: float, thresholds: Sequence[float]) -> list[int]:
    """Return after how many rises by one a value reaches each threshold, or leaves the one that it is at."""
    return [max(1, ceil(t - value)) for t in thresholds if 0 <= t - value < _FAR]


def _growing(v: Between, value: FactValue, thresholds: Sequence[float]) -> int | None:
    return _crossing(value, 1 / DAY_MS, thresholds, v.now_ms)


def _in_window(days: int, times: Callable[[Between], Iterable[int]]) -> Turn:
    """Return the turn of a count over the last `days`: what happened comes in at its time and falls out later."""
    window_ms = days * DAY_MS

    def turn(v: Between, value: FactValue, thresholds: Sequence[float]) -> int | None:
        now_ms = v.now_ms
        began_ms = now_ms - window_ms
        # Not through `_first`: these are the turns that are asked for most often.
        instants = [at if at > now_ms else at + window_ms for at in times(v) if at > began_ms]
        return min(instants) if instants else None

    return turn


def _contact_times(v: Between) -> Iterable[int]:
    return [each[0] for each in v.known_glimpses]


def _since_contact(v: Between, value: FactValue, thresholds: Sequence[float]) -> int | None:
    newest = v.contacts[-1:]
    coming = _first(_contact_times(v), v.now_ms)
    return _earlier(coming, _growing(v, value, thresholds), *(c.at_ms + 30 * DAY_MS for c in newest))


def _contract(v: Between, value: FactValue, thresholds: Sequence[float]) -> int | None:
    """Return the midnight at which the days left reach a threshold."""
    if type(value) is not float:
        return None
    days = _steps(-value, [-threshold for threshold in thresholds])
    return midnight_ms(v.today + min(days), v.tz) if days else None


def _plans(v: Between, value: FactValue, thresholds: Sequence[float]) -> int | None:
    return _first([p.from_ms for s in v.profile.supplies for p in s.plans], v.now_ms)


def _overdue(v: Between, value: FactValue, thresholds: Sequence[float]) -> int | None:
    """Return when a bill, or what is told to be overdue, reaches a threshold of days (0: it falls due)."""
    if not v.owes:
        return None
    billing, owed, now_ms = v.billing, v.owed, v.now_ms
    turns: list[int] = []
    limits = thresholds if 0 in thresholds else (0, *thresholds)
    for bill in billing.bills:
        if bill.due_day and owed[bill.bill_id]:
            turns.append(bill.issued_ms)
            # The day after the last one is the first that counts.
            days = v.today - bill.due_day
            turns += [midnight_ms(v.today + d, v.tz) for d in _steps(days, limits)]
    for payment in billing.payments_of("overdue"):
        days = max(0, now_ms - payment.at_ms) // DAY_MS
        turns.append(payment.at_ms)
        turns += [payment.at_ms + (days + d) * DAY_MS for d in _steps(payment.days_overdue + days, limits)]
    return _first(turns, now_ms)


def _refused(v: Between) -> Iterable[int]:
    return [p.at_ms for p in v.billing.payments_of("failed")]


_refusals: Final = _in_window(90, _refused)


def _hardship(v: Between, value: FactValue, thresholds: Sequence[float]) -> int | None:
    return _earlier(_overdue(v, value, _HARDSHIP_DAYS), _refusals(v, value, thresholds))


def _cycles(v: Between, value: FactValue, thresholds: Sequence[float]) -> int | None:
    """Return when a line's cycle begins or ends."""
    kept = [c for line in v.customer.lines.values() for c in (line.cycle, line.previous) if c is not None]
    return _first([at_ms for c in kept for at_ms in (c.start_ms, c.end_ms)], v.now_ms)


def _birthdays(v: Between, value: FactValue, thresholds: Sequence[float]) -> int | None:
    """Return New Year if somebody may come of age then."""
    if all(user.role == "child" or not user.birth_year for user in v.profile.users):
        return None
    new_year = date_of(v.today).replace(month=1, day=1)
    return midnight_ms(day_of(new_year.replace(year=new_year.year + 1)), v.tz)


def _children_usage(v: Between, value: FactValue, thresholds: Sequence[float]) -> int | None:
    return _earlier(_birthdays(v, value, thresholds), _cycles(v, value, thresholds))


def _faults(v: Between, value: FactValue, thresholds: Sequence[float]) -> int | None:
    month_ms = 30 * DAY_MS
    turns: list[int] = []
    for fault in v.customer.service.faults:
        began = fault.began_ms or fault.ended_ms
        ended = fault.ended_ms or began + FAULT_LASTS_MS
        turns += (began, ended, began + FAULT_LASTS_MS, began + month_ms, ended + month_ms)
    return _first(turns, v.now_ms)


def _fault_hours(v: Between, value: FactValue, thresholds: Sequence[float]) -> int | None:
    """Return when hours that come in at the window's one end, less those that leave at its other, reach a threshold."""
    now_ms = v.now_ms
    slope = 0
    for fault, _ in v.faults:
        began = fault.began_ms or fault.ended_ms
        ended = fault.ended_ms or began + FAULT_LASTS_MS
        slope += (ended > now_ms) - (began < now_ms - 30 * DAY_MS)
    return _earlier(_faults(v, value, thresholds), _crossing(value, slope / HOUR_MS, thresholds, now_ms))


def _promise_times(v: Between) -> Iterable[int]:
    service = v.customer.service
    return [
        *(o.due_ms + 1 for o in service.orders if not o.delivered_ms),
        *(t.due_ms + 1 for t in service.tasks if not t.closed_ms),
    ]


def _answer_times(v: Between) -> Iterable[int]:
    return [a.at_ms for a in v.customer.satisfaction.answers]


def _declined_times(v: Between) -> Iterable[int]:
    return [d.state_ms for d in v.decisions if d.state == "declined"]


def _bill_times(v: Between) -> Iterable[int]:
    return [b.issued_s * 1000 for b in v.billing.bills]


def _tonight(v: Between, value: FactValue, thresholds: Sequence[float]) -> int | None:
    return v.midnight


_month_of_contacts: Final = _in_window(30, _contact_times)
_half_year_of_answers: Final = _in_window(180, _answer_times)

#: Facts that move evenly: rules may do nothing with them but compare them with numbers.
EVEN: Final = (
    "tenure_days",
    "contract_days_left",
    "days_since_contact",
    "days_since_bill",
    "days_since_survey",
    "overdue_days",
    "fault_hours_30d",
)

#: Facts that fade with every instant, in no simple way: they are taken for what they will be when the day ends.
BY_DAY: Final = (
    "satisfaction",
    "channel_does",
    "channel_best",
    "answer_chance",
    "best_part",
    "best_weekend",
    "need_data",
    "need_texting",
    "need_roaming",
    "need_family_control",
    "need_coverage",
    "need_device",
    "need_price_certainty",
    "top_need",
    "potential",
    "headroom_minor",
    "experience",
    "experience_driver",
)

#: Name of a fact to its turn. One that is not listed stays until something happens.
TURNS: Final[dict[str, Turn]] = {
    "tenure_days": _growing,
    "child_lines": _birthdays,
    "plan_price_minor": _plans,
    "plan": _plans,
    "contract_days_left": _contract,
    "contacts_7d": _in_window(7, _contact_times),
    "contacts_30d": _month_of_contacts,
    "calls_7d": _in_window(7, _contact_times),
    "days_since_contact": _since_contact,
    "unresolved_30d": _month_of_contacts,
    "days_since_bill": _growing,
    "overdue_days": _overdue,
    "overdue_minor": lambda v, value, thresholds: _overdue(v, value, ()),
    "in_hardship": _hardship,
    "failed_payments_90d": _refusals,
    "sms_extra_minor": _cycles,
    "sms_extra_child_minor": _children_usage,
    "sms_top_line_segments": _cycles,
    "sms_allowance_share": _cycles,
    "sms_roaming_minor": _cycles,
    "open_faults": _faults,
    "faults_30d": _faults,
    "fault_hours_30d": _fault_hours,
    "late_promises": _in_window(30, _promise_times),
    **dict.fromkeys(BY_DAY, _tonight),
    "last_csat": _half_year_of_answers,
    "last_nps": _half_year_of_answers,
    "days_since_survey": _growing,
    "declined_30d": _in_window(30, _declined_times),
    "credited_90d": _in_window(90, _bill_times),
}

#: Turns of several facts that rest on neither value nor numbers: one answer serves all of those facts.
SHARED: Final = (_month_of_contacts, _half_year_of_answers, _tonight, _cycles)
