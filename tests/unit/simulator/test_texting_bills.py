"""Allowances, charges and bills agree with each other to the cent."""

from __future__ import annotations

from collections import defaultdict

from cem.domain.events import BillIssued, PlanChanged, ProfileChanged, SmsRated
from cem.simulator.world.plans import PLANS, TAX_PERCENT
from tests.builders.simulation import lived

EVENTS = lived(75, 80).events


def test_a_bill_is_the_sum_of_its_positions() -> None:
    """Positions add up to the total, and the tax is a fifth of the others."""
    bills = [e.event for e in EVENTS if isinstance(e.event, BillIssued)]
    assert bills
    for bill in bills:
        assert bill.total_minor == sum(item.amount_minor for item in bill.items)
        net = sum(item.amount_minor for item in bill.items if item.cause != "tax")
        assert abs(bill.total_minor - net - net * TAX_PERCENT / 100) <= 1
        assert bill.period_start is not None
        assert bill.period_end is not None
        assert bill.due is not None
        assert bill.period_start <= bill.period_end < bill.due


def test_a_bill_asks_for_what_the_messages_cost() -> None:
    """What a line's messages cost in a cycle stands on its bill, by cause and destination."""
    charged: dict[tuple[str, str], int] = defaultdict(int)
    events = sorted(
        (e for e in EVENTS if isinstance(e.event, SmsRated | BillIssued)),
        # A bill is for everything up to midnight.
        key=lambda e: (
            e.time_ms - e.time_ms % 86_400_000 - 1 if isinstance(e.event, BillIssued) else e.time_ms
        ),
    )
    compared = 0
    for event in events:
        if isinstance(event.event, SmsRated):
            charged[(event.event.line, str(event.event.destination))] += event.event.charge_minor
            continue
        for item in event.event.items:
            if item.line is not None and str(item.cause) in ("sms", "premium", "roaming", "international"):
                compared += 1
                assert charged[(item.line, str(item.destination or item.cause))] == item.amount_minor
        for key in [k for k in charged if k[0] in {item.line for item in event.event.items}]:
            charged[key] = 0
    assert compared > 30


def test_what_is_within_the_allowance_is_free() -> None:
    """A covered message costs nothing, and an uncovered one costs something."""
    for event in EVENTS:
        if isinstance(event.event, SmsRated):
            assert event.event.in_allowance is (event.event.charge_minor == 0)


def test_the_allowance_ends_where_the_plan_says() -> None:
    """From one bill to the next a line has exactly its plan's segments for nothing, before it pays for any."""
    plans: dict[str, int | None] = {}
    owners: dict[str, str] = {}
    used: dict[str, int] = defaultdict(int)
    billed: set[str] = set()
    changed: set[str] = set()
    checked = 0
    for event in sorted(EVENTS, key=lambda e: e.time_ms):
        said = event.event
        if isinstance(said, ProfileChanged) and said.lines:
            for row in said.lines:
                plans[row.line] = row.sms_allowance
                owners[row.line] = event.key
        elif isinstance(said, PlanChanged) and said.line is not None:
            changed.add(said.line)
        elif isinstance(said, BillIssued):
            billed.add(event.key)
        elif isinstance(said, SmsRated) and said.destination in ("onnet", "offnet"):
            if event.key in billed or said.line in changed:
                continue
            used[said.line] += said.segments
            allowance = plans[said.line]
            if allowance is not None and used[said.line] <= allowance:
                assert said.in_allowance
            elif allowance is not None and used[said.line] > allowance + 3:
                assert not said.in_allowance
                checked += 1
    assert checked > 20


def test_plans_grow_with_their_price() -> None:
    """A dearer plan never covers less."""
    prices = [plan.price_cents for plan in PLANS]
    covers = [plan.sms_allowance or 10**9 for plan in PLANS]
    assert prices == sorted(prices)
    assert covers == sorted(covers)
