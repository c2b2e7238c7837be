"""Why a bill differs from the one before: every cause, to the minor unit, whatever came in which order."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain import view
from cem.domain.describe import describe
from cem.domain.events import BillCause, BillIssued, BillItem, Event
from cem.domain.events.enums import SmsDestination
from tests.builders.customers import DAY, T0, arrived

_ITEMS = st.lists(
    st.builds(
        BillItem,
        cause=st.sampled_from(list(BillCause)),
        amount_minor=st.integers(-5_000, 50_000),
        line=st.sampled_from([None, "+1", "+2"]),
        destination=st.sampled_from([None, SmsDestination.ONNET, SmsDestination.PREMIUM]),
    ),
    max_size=8,
)


def _bill(number: int, items: list[BillItem], rest: int = 0, **said: date) -> tuple[int, Event]:
    total = sum(item.amount_minor for item in items) + rest
    return T0 + number * 30 * DAY, BillIssued(
        bill_id=f"b{number}", total_minor=total, items=tuple(items), **said
    )


def _by_line_and_cause(items: list[BillItem]) -> Counter[tuple[str, str]]:
    sums: Counter[tuple[str, str]] = Counter()
    for item in items:
        sums[item.line or "", str(item.cause)] += item.amount_minor
    return sums


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(_ITEMS, st.integers(-99, 99)), min_size=2, max_size=4), st.data())
def test_changes_add_up_to_the_difference_in_any_order(
    bills: list[tuple[list[BillItem], int]], data: st.DataObject
) -> None:
    """Whatever comes first, the changes are those of each line and cause of the last two bills, and add up exactly."""
    events = [_bill(n, items, rest) for n, (items, rest) in enumerate(bills)]
    change = view.bill_change(arrived(data.draw(st.permutations(events)), T0 + 200 * DAY))
    assert change is not None
    (before, rest_before), (last, rest) = bills[-2:]
    assert change.delta_minor == sum(i.amount_minor for i in last) + rest - (
        sum(i.amount_minor for i in before) + rest_before
    )
    assert sum(each.amount_minor for each in change.changes) == change.delta_minor
    assert sum(change.by_kind.values()) == change.delta_minor
    found: Counter[tuple[str, str]] = Counter()
    for each in change.changes:
        found[each.line, each.cause] += each.amount_minor
    expected = _by_line_and_cause(last)
    expected.subtract(_by_line_and_cause(before))
    expected["", ""] += rest - rest_before
    assert +found == +expected
    assert -found == -expected


def test_each_kind_is_told_apart() -> None:
    """Use by line and tariff class, plan, one-off, credit and tax are changes of their own, the largest first."""
    before = [
        BillItem(cause=BillCause.PLAN, amount_minor=3_000),
        BillItem(cause=BillCause.TAX, amount_minor=300),
    ]
    last = [
        BillItem(cause=BillCause.PLAN, amount_minor=3_500),
        BillItem(cause=BillCause.SMS, amount_minor=2_000, line="+2", destination=SmsDestination.PREMIUM),
        BillItem(cause=BillCause.SMS, amount_minor=100, line="+2"),
        BillItem(cause=BillCause.ROAMING, amount_minor=700, line="+1"),
        BillItem(cause=BillCause.DEVICE, amount_minor=900),
        BillItem(cause=BillCause.DISCOUNT, amount_minor=-50),
        BillItem(cause=BillCause.TAX, amount_minor=715),
    ]
    change = view.bill_change(arrived([_bill(0, before), _bill(1, last)], T0))
    assert change is not None
    assert [(c.kind, c.line, c.destination, c.amount_minor) for c in change.changes] == [
        ("usage", "+2", "premium", 2_000),
        ("one_off", "", "", 900),
        ("usage", "+1", "roaming", 700),
        ("plan_change", "", "", 500),
        ("tax", "", "", 415),
        ("usage", "+2", "", 100),
        ("credit", "", "", -50),
    ]
    assert change.main_kind == "usage"
    assert change.by_kind["usage"] == 2_800


@pytest.mark.parametrize(("minor", "kind"), [(3_000, "proration"), (3_500, "plan_change")])
def test_a_longer_period_at_the_same_price_is_pro_rata(minor: int, kind: str) -> None:
    """A plan's charge that only follows the number of days billed is pro rata; any other one is a change of plan."""
    start = date(2025, 1, 1)
    short = _bill(
        0,
        [BillItem(cause=BillCause.PLAN, amount_minor=1_000)],
        period_start=start - timedelta(days=10),
        period_end=start - timedelta(days=1),
    )
    whole = _bill(
        1,
        [BillItem(cause=BillCause.PLAN, amount_minor=minor)],
        period_start=start,
        period_end=start + timedelta(days=29),
    )
    change = view.bill_change(arrived([short, whole], T0))
    assert change is not None
    assert [(c.kind, c.amount_minor) for c in change.changes] == [(kind, minor - 1_000)]


def test_a_bill_without_history_has_no_change() -> None:
    """The first bill, and a customer without bills, differ from nothing: no change, no error."""
    assert view.bill_change(arrived([], T0)) is None
    assert view.bill_change(arrived([_bill(0, [])], T0)) is None
    assert view.bill_change(arrived([_bill(0, []), _bill(1, [])], T0), "unknown") is None


def test_bills_without_items_differ_by_what_is_not_itemised() -> None:
    """Where only totals were sent, the whole difference is not itemised."""
    change = view.bill_change(arrived([_bill(0, [], 500), _bill(1, [], 900)], T0))
    assert change is not None
    assert change.by_kind == {"not_itemised": 400}


def test_the_difference_is_shown_with_the_bill() -> None:
    """The state for people says under each bill but the first why it differs."""
    used = [BillItem(cause=BillCause.SMS, amount_minor=100, line="+2")]
    first, second = describe(arrived([_bill(0, []), _bill(1, used)], T0))["billing"]["bills"]
    assert "changes" not in first
    assert second["delta_minor"] == 100
    assert second["changes"] == [{"kind": "usage", "cause": "sms", "line": "+2", "amount_minor": 100}]
