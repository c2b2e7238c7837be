"""What comes of a customer nobody knows, a line without a plan, a bill without history, a clock that goes back, a contested line.

Each as docs/customer.md states it, through the whole step; nothing stops a lane or becomes a dead letter.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from cem.domain.customer import Customer
from cem.domain.events import (
    BillIssued,
    BillItem,
    CallStarted,
    PaymentMade,
    ProfileChanged,
    ProfileLine,
    SmsRated,
)
from cem.domain.events.billing import BillCause
from cem.domain.events.enums import SmsDestination
from cem.domain.state.identifier import Identifier
from cem.domain.view import bill_change
from cem.ports import Emission
from tests.builders.customers import DAY, HOUR, T0
from tests.builders.many_lanes import ManyLanes

LINE = "+4915100000001"


def alerts(lanes: ManyLanes) -> list[tuple[str, str]]:
    """Return type and customer of each alert that opened."""

    def header(emission: Emission, name: str) -> str:
        return dict(emission.headers)[name].decode()

    return [
        (header(e, "ce_id").rpartition("/")[2].partition(".")[0], e.key.decode())
        for e in lanes.said
        if e.topic == "cem.alerts" and header(e, "ce_type") == "alert.opened"
    ]


def customer(lanes: ManyLanes, name: str = "C1") -> Customer:
    """Return the customer's state."""
    state = lanes.state(name)
    assert isinstance(state, Customer)
    return state


def bill(number: int, at_ms: int, total_minor: int) -> BillIssued:
    """Return a bill of one item."""
    day = datetime.fromtimestamp(at_ms / 1000, UTC).date()
    return BillIssued(
        bill_id=f"b{number}",
        period_start=date(day.year, 1, 1),
        period_end=day,
        total_minor=total_minor,
        items=(BillItem(cause=BillCause.SMS, amount_minor=total_minor, line=LINE),),
    )


def test_a_customer_nobody_knows_begins_with_whatever_comes_first() -> None:
    """A payment for a bill that nobody has seen, a call, a message: counted; the profile may follow at any time."""
    lanes = ManyLanes(2)
    lanes.send(PaymentMade(bill_id="b0", amount_minor=900), "C1", "m1")
    lanes.send(CallStarted(call_id="c1", reason="billing"), "C1", "m2")
    lanes.send(SmsRated(line=LINE, recipient="r", in_allowance=True), "C1", "m3")
    lanes.run()
    assert (customer(lanes).profile.status, sum(customer(lanes).counts)) == ("", 3)
    lanes.send(ProfileChanged(status="active", lines=(ProfileLine(line=LINE),)), "C1", "m4")
    lanes.run()
    assert (customer(lanes).profile.status, customer(lanes).contacts.total) == ("active", 1)
    assert (alerts(lanes), lanes.dead_letters()) == ([], [])


def test_a_line_without_a_plan_has_no_thresholds_and_is_watched_all_the_same() -> None:
    """Nobody is told of an allowance that nobody knows; dear messages beyond the tariff are told as on any line."""
    lanes = ManyLanes(1)
    for number in range(6):
        event = SmsRated(
            line=LINE,
            recipient=f"r{number}",
            destination=SmsDestination.PREMIUM,
            charge_minor=150,
            in_allowance=False,
        )
        lanes.send(event, "C1", f"s{number}")
        lanes.run()
        lanes.pass_time(HOUR)
    assert alerts(lanes) == [("sms_money", "C1")]
    assert (sum(customer(lanes).lines[LINE].counts), lanes.dead_letters()) == (6, [])


def test_a_bill_without_history_is_no_shock_and_explains_nothing() -> None:
    """However high; the second one is compared with it."""
    lanes = ManyLanes(1)
    lanes.send(bill(1, T0, 90_000), "C1", "b1")
    lanes.run()
    assert (alerts(lanes), bill_change(customer(lanes))) == ([], None)
    lanes.pass_time(30 * DAY)
    lanes.send(bill(2, T0 + 30 * DAY, 180_000), "C1", "b2")
    lanes.run()
    change = bill_change(customer(lanes))
    assert change is not None
    assert (alerts(lanes), change.delta_minor, lanes.dead_letters()) == ([("bill_shock", "C1")], 90_000, [])


def test_a_clock_that_goes_back_takes_nothing_back() -> None:
    """A source that is suddenly a year behind, or a lane handed an earlier time: each record counts, nobody is told late."""
    lanes = ManyLanes(1)
    lanes.send(CallStarted(call_id="c1", reason="billing"), "C1", "c1")
    lanes.run()
    before = customer(lanes).last_ms
    lanes.send(CallStarted(call_id="c2", reason="billing"), "C1", "c2", time_ms=T0 - 365 * DAY)
    lanes.send(CallStarted(call_id="c3", reason="billing"), "C1", "c3", time_ms=T0 - 365 * DAY + HOUR)
    lanes.now_ms -= 3 * DAY
    lanes.run()
    assert (customer(lanes).contacts.total, customer(lanes).last_ms) == (3, before)
    assert (alerts(lanes), lanes.dead_letters()) == ([], [])


def test_of_two_profiles_that_claim_one_line_the_newer_has_it() -> None:
    """Until it gives the line up; then the older claim holds again."""
    lanes = ManyLanes(2)
    for number, name in enumerate(("C1", "C2")):
        lanes.send(ProfileChanged(lines=(ProfileLine(line=LINE),)), name, f"p{number}", time_ms=T0 + number)
    lanes.run()
    found = lanes.state(f"line:{LINE}")
    assert isinstance(found, Identifier)
    assert found.customer_id == "C2"
    lanes.send(ProfileChanged(lines=()), "C2", "p2", time_ms=T0 + HOUR)
    lanes.run()
    found = lanes.state(f"line:{LINE}")
    assert isinstance(found, Identifier)
    assert (found.customer_id, lanes.dead_letters()) == ("C1", [])
