"""The experience index: between 0 and 100, with what moves it, never better for a worse fact."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain.customer import Customer
from cem.domain.events import (
    BillIssued,
    CallEnded,
    Event,
    OrderPlaced,
    ServiceDegraded,
    ServiceKind,
    ServiceRestored,
    SurveyAnswered,
)
from cem.domain.events.enums import Resolution
from cem.domain.state.estimates import Satisfied
from cem.nba import Call
from cem.nba.experience import WEIGHTS, Driver, Experience, experience_of
from cem.nba.situation import Situation
from cem.simulator import Parameters, open_world
from tests.builders.customers import DAY, HOUR, T0, household
from tests.builders.known_customers import known_customers

NOW = T0 + 60 * DAY
MONDAY = date(2025, 3, 3)


class Lot(NamedTuple):
    """What somebody went through; of each, more (of `csat`: less) is worse."""

    wait_min: int = 0
    hold_min: int = 0
    transfers: int = 0
    unsolved: int = 0
    repeats: int = 0
    broken: int = 0
    fault_hours: int = 0
    faults_now: int = 0
    bill_percent: int = 100
    csat_lost: int = 0


def lived(lot: Lot, ago_days: int = 3) -> Customer:
    """Return somebody who went through this some days ago."""
    at_ms = NOW - ago_days * DAY
    began: list[tuple[int, Event]] = [
        (NOW - 40 * DAY, _bill("b1", 4_000)),
        (NOW - 12 * DAY, _bill("b2", 40 * lot.bill_percent)),
        (at_ms, SurveyAnswered(csat=5 - lot.csat_lost)),
        (
            at_ms,
            CallEnded(
                call_id="c0",
                reason="question",
                duration_s=60.0,
                wait_s=60.0 * lot.wait_min,
                hold_s=60.0 * lot.hold_min,
                transfers=lot.transfers,
                resolution=Resolution.RESOLVED,
            ),
        ),
    ]
    for n in range(lot.unsolved):
        end = CallEnded(call_id=f"u{n}", reason=f"matter {n}", resolution=Resolution.UNRESOLVED)
        began.append((at_ms + n, end))
    for n in range(lot.repeats + 1 if lot.repeats else 0):
        end = CallEnded(call_id=f"r{n}", reason="again", resolution=Resolution.RESOLVED)
        began.append((at_ms + n * HOUR, end))
    due = MONDAY + timedelta(days=60 - ago_days)
    began += [(NOW - 20 * DAY, OrderPlaced(order_id=f"o{n}", promised=due)) for n in range(lot.broken)]
    if lot.fault_hours:
        began.append((at_ms, ServiceDegraded(kind=ServiceKind.DATA, incident_id="i", area="a")))
        ended = ServiceRestored(kind=ServiceKind.DATA, incident_id="i", area="a")
        began.append((at_ms + lot.fault_hours * HOUR, ended))
    for n in range(lot.faults_now):
        began.append((at_ms, ServiceDegraded(kind=ServiceKind.VOICE, incident_id=f"n{n}", area="a")))
    return household(sorted(began, key=lambda e: e[0]))[0]


def index(customer: Customer, now_ms: int = NOW) -> Experience:
    return experience_of(Situation(customer, Call(), now_ms, {}, "UTC"))


def estimated(customer: Customer, csat: float, at_ms: int = NOW) -> Customer:
    """Return the customer with what a model says of his satisfaction."""
    customer.estimates.satisfied = Satisfied(at_ms // 1000, round(50 * csat), 50, 250)
    return customer


def test_nothing_known_is_what_people_usually_say() -> None:
    """A CSAT of 3.6 on the scale of a hundred, and nothing that moves it."""
    assert index(household([])[0]) == Experience(65, ())


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        Lot,
        wait_min=st.integers(0, 20),
        hold_min=st.integers(0, 10),
        transfers=st.integers(0, 4),
        unsolved=st.integers(0, 3),
        repeats=st.integers(0, 3),
        broken=st.integers(0, 3),
        fault_hours=st.integers(0, 60),
        faults_now=st.integers(0, 1),
        bill_percent=st.integers(80, 250),
        csat_lost=st.integers(0, 3),
    ),
    st.sampled_from(Lot._fields),
    st.integers(3, 25),
)
def test_a_worse_fact_never_raises_the_index(lot: Lot, field: str, ago_days: int) -> None:
    """Whatever else he went through, and however long ago: more of any driver is never better."""
    worse = lot._replace(**{field: getattr(lot, field) + 1})
    before, after = index(lived(lot, ago_days)), index(lived(worse, ago_days))
    assert 0 <= after.index <= before.index <= 100


@pytest.mark.parametrize(
    ("lot", "code"),
    [
        (Lot(wait_min=15), "waiting"),
        (Lot(hold_min=15), "waiting"),
        (Lot(transfers=3), "transfers"),
        (Lot(unsolved=1), "unsolved"),
        (Lot(repeats=1), "repeats"),
        (Lot(broken=1), "broken_promises"),
        (Lot(fault_hours=48), "faults"),
        (Lot(faults_now=1), "fault_now"),
        (Lot(bill_percent=150), "bill_shock"),
        (Lot(csat_lost=4), "surveys"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_each_driver_lowers_the_index_and_is_named(lot: Lot, code: str) -> None:
    """By the points that its weight states, at most."""
    untroubled, troubled = index(lived(Lot())), index(lived(lot))
    (driver,) = [d for d in troubled.drivers if d.code == code and d.points < 0]
    assert troubled.index < untroubled.index
    if code in WEIGHTS:
        assert -WEIGHTS[code].most <= driver.points


def test_a_second_repeat_is_worse_than_the_first() -> None:
    """Two more calls about the same cost more than one."""
    assert index(lived(Lot(repeats=2))).index < index(lived(Lot(repeats=1))).index


def test_the_three_that_move_it_most_are_shown_strongest_first() -> None:
    """Also what raises it: a good survey answer."""
    experience = index(lived(Lot(repeats=2, transfers=1, wait_min=3, broken=1)))
    assert [d.code for d in experience.shown] == ["repeats", "surveys", "broken_promises"]
    assert [d.points > 0 for d in experience.shown] == [False, True, False]
    assert sorted(experience.drivers, key=lambda d: -abs(d.points)) == list(experience.drivers)


def test_time_heals() -> None:
    """What he suffered weighs half after two weeks, and nothing after thirty days."""
    customer = lived(Lot(unsolved=2, transfers=2))
    points = [_points(index(customer, NOW + days * DAY), "unsolved") for days in (0, 14, 28)]
    assert points[1] == pytest.approx(points[0] / 2)
    assert points[2] == 0


def test_a_models_estimate_draws_the_index_to_itself_and_fades() -> None:
    """Half-way at first; a lower estimate never gives a higher index."""
    customer = lived(Lot(repeats=1))
    stated = index(customer).index
    drawn = [index(estimated(customer, level)).index for level in (1.0, 2.0, 3.0, 4.0, 5.0)]
    assert drawn == sorted(drawn)
    assert drawn[0] == pytest.approx(stated / 2, abs=1)
    assert drawn[-1] == pytest.approx((stated + 100) / 2, abs=1)
    old = index(estimated(customer, 5.0, NOW - 14 * DAY)).index
    assert old == pytest.approx(stated + (100 - stated) / 4, abs=1)
    (driver,) = [d for d in index(estimated(customer, 1.0)).drivers if d.code == "estimate"]
    assert driver == Driver("estimate", pytest.approx(-stated / 2, abs=1), 1.0)
    assert index(estimated(customer, 5.0, NOW - 16 * DAY)).index == stated


def test_it_follows_the_hidden_mood_better_than_answers_alone() -> None:
    """In a simulated world, over everybody: what people went through says more than what few of them answered."""
    given_ = Parameters(customers=80)
    world = open_world(given_)
    now_ms = given_.day_start_ms(75)
    known = known_customers(world.advance(now_ms - 1), now_ms)
    rows = []
    for household_ in world.households:
        customer = known.get(household_.customer_id)
        if customer is not None and world.people.active[household_.number]:
            experience = index(customer, now_ms)
            surveys = _points(experience, "surveys")
            rows.append((float(world.people.mood[household_.number]), experience.index, surveys))
    mood, found, answers = np.array(rows).T
    assert np.corrcoef(mood, found)[0, 1] >= 0.35
    assert np.corrcoef(mood, found)[0, 1] > np.corrcoef(mood, answers)[0, 1] + 0.05


def _bill(bill_id: str, total_minor: int) -> BillIssued:
    return BillIssued(
        bill_id=bill_id, total_minor=total_minor, period_start=MONDAY, period_end=MONDAY + timedelta(days=29)
    )


def _points(experience: Experience, code: str) -> float:
    return sum(d.points for d in experience.drivers if d.code == code)
