"""The experience index: how a customer fares with us, 0 (lost) to 100 (delighted), and what moves it most.

    index = 100 x (level - 1) / 4 - points of what he went through, within 0 and 100

`level` is his CSAT between surveys (`cem.domain.view.csat_level`): 3.6 until somebody answered, which is 65. What he went
through in the last 30 days takes points off, each thing half as many two weeks after it happened; of each kind at most so
many. Where a model has estimated his satisfaction, the index is drawn to that: half-way when the estimate is new, a
quarter of the way two weeks later.

Weights. A further contact about the same costs 13 points: satisfaction falls by about 15 % with each extra call
(SQM Group), and 15 % of 3.6 is 0.54 of a CSAT point. The others are those of the satisfaction estimate
(`cem.nba.satisfaction`) in hundredths, 25 to the CSAT point: stated, until a model is there. A worse fact never raises the
index: each term only grows with its fact.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from cem.domain.localtime import DAY_MS
from cem.domain.state.contacts import REPEATED, Contact, unresolved
from cem.domain.view import CSAT_PRIOR, csat_level, predicted_satisfaction
from cem.nba.situation import Situation

__all__ = ["DRIVERS_SHOWN", "WEIGHTS", "Driver", "Experience", "Weight", "experience_of"]

#: The drivers that are said.
DRIVERS_SHOWN: Final = 3
_HALF_LIFE_MS: Final = 14 * DAY_MS
_WINDOW_MS: Final = 30 * DAY_MS
#: How far a new estimate of a model draws the index to itself.
_LEARNT_SHARE: Final = 0.5


class Weight(NamedTuple):
    """Points for one of its unit, and at most."""

    points: float
    most: float


#: Points by driver. Units: a minute waited or held beyond the first of a contact; a hand-over; a contact that was given
#: up or not solved; one that was followed by another about the same; a promise not kept; a fault going on; a day of
#: faults; a bill at least a third above the one before.
WEIGHTS: Final[dict[str, Weight]] = {
    "waiting": Weight(1.0, 8.0),
    "transfers": Weight(3.0, 9.0),
    "unsolved": Weight(9.0, 18.0),
    "repeats": Weight(13.0, 26.0),
    "broken_promises": Weight(10.0, 20.0),
    "fault_now": Weight(15.0, 15.0),
    "faults": Weight(5.0, 10.0),
    "bill_shock": Weight(12.5, 12.5),
}


class Driver(NamedTuple):
    """Something that moves the index."""

    #: A key of WEIGHTS, `surveys` or `estimate`.
    code: str
    #: By how much it moves the index; negative: down.
    points: float
    #: How much of it there was in 30 days: minutes, hand-overs, contacts, promises, hours; for surveys and the estimate
    #: the CSAT; for a bill shock percent.
    amount: float


class Experience(msgspec.Struct, frozen=True):
    """The index and all that moved it, the strongest first."""

    index: int
    drivers: tuple[Driver, ...]

    @property
    def shown(self) -> tuple[Driver, ...]:
        """The drivers that move it most."""
        return self.drivers[:DRIVERS_SHOWN]


def experience_of(situation: Situation) -> Experience:
    """Return the index at the situation's instant, with the model's newest estimate blended in, if there is one."""
    predicted = predicted_satisfaction(situation.customer, situation.now_ms)
    level = csat_level(situation.customer, situation.now_ms)
    drivers = [Driver("surveys", 25 * (level - CSAT_PRIOR), round(level, 1)), *_suffered(situation)]
    index = _hundred(CSAT_PRIOR) + sum(driver.points for driver in drivers)
    index = min(100.0, max(0.0, index))
    if predicted is not None and predicted.at_ms <= situation.now_ms:
        share = _LEARNT_SHARE * _fade(situation.now_ms - predicted.at_ms)
        drawn = share * (_hundred(predicted.point) - index)
        drivers.append(Driver("estimate", drawn, round(predicted.point, 1)))
        index += drawn
    moving = [driver for driver in drivers if abs(driver.points) >= 0.5]
    moving.sort(key=lambda driver: (-abs(driver.points), driver.code))
    return Experience(round(index), tuple(moving))


def _suffered(v: Situation) -> list[Driver]:
    """Return what he went through, in the order of WEIGHTS."""
    contacts, now_ms = v.contacts, v.now_ms
    minutes = [(c, _minutes(c)) for c in contacts]
    repeats = [c for c in contacts if c.verdict == REPEATED]
    unsolved = [c for c in contacts if c.verdict != REPEATED and unresolved(c)]
    broken = list(_broken(v))
    faults = [(f.ended_ms or now_ms, hours) for f, hours in v.faults if not v.going_on(f)]
    open_faults = sum(v.going_on(f) for f, _ in v.faults)
    rise = _rise(v)
    shock = 1.0 if rise > 1 / 3 else 0.0
    return [
        _driver("waiting", sum(m * _age(v, c) for c, m in minutes), round(sum(m for _, m in minutes))),
        _driver(
            "transfers", sum(c.transfers * _age(v, c) for c in contacts), sum(c.transfers for c in contacts)
        ),
        _driver("unsolved", sum(_age(v, c) for c in unsolved), len(unsolved)),
        _driver("repeats", sum(_age(v, c) for c in repeats), len(repeats)),
        _driver("broken_promises", sum(_fade(now_ms - at_ms) for at_ms in broken), len(broken)),
        _driver("fault_now", open_faults, open_faults),
        _driver(
            "faults", sum(h / 24 * _fade(now_ms - at_ms) for at_ms, h in faults), sum(h for _, h in faults)
        ),
        _driver("bill_shock", shock * _fade(now_ms - v.bill.issued_ms) if v.bill else 0.0, round(100 * rise)),
    ]


def _driver(code: str, worth: float, amount: float) -> Driver:
    points, most = WEIGHTS[code]
    return Driver(code, -min(most, points * worth), amount)


def _minutes(contact: Contact) -> float:
    """Return the minutes waited and held beyond the one that nobody minds."""
    return max(0.0, (contact.wait_s + contact.hold_s) / 60 - 1)


def _broken(v: Situation) -> Iterable[int]:
    """Yield when each promise of the last 30 days was broken: it fell due and was not kept by then."""
    since = v.now_ms - _WINDOW_MS
    service = v.customer.service
    dues = [(o.due_ms, o.delivered_ms) for o in service.orders]
    dues += [(t.due_ms, t.closed_ms) for t in service.tickets]
    dues += [(t.due_ms, 0 if t.given_up else t.closed_ms) for t in service.tasks]
    return (due for due, done in dues if since < due <= v.now_ms and not 0 < done < due)


def _rise(v: Situation) -> float:
    """Return by which share a bill of the last 30 days is above the one before."""
    last, before = v.bill, v.bill_before
    if last is None or before is None or before.total_minor <= 0 or v.days_since(last.issued_ms) > 30:
        return 0.0
    return last.total_minor / before.total_minor - 1


def _age(v: Situation, contact: Contact) -> float:
    return _fade(v.now_ms - contact.at_ms)


def _fade(age_ms: int) -> float:
    """Return what something of that age still weighs."""
    return float(2.0 ** (-max(0, age_ms) / _HALF_LIFE_MS))


def _hundred(level: float) -> float:
    """Return a CSAT level (1 to 5) on the index's scale."""
    return 25 * (min(5.0, max(1.0, level)) - 1)
