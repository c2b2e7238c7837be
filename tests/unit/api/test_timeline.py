"""The timeline's pages, and what the state no longer holds of it."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from cem.api.timeline import Entry, dropped_of, timeline_of
from cem.domain.customer import Customer, new_customer
from cem.domain.describe import describe
from cem.domain.events import (
    BillIssued,
    BillItem,
    ConsentChanged,
    ContractCancelled,
    ContractRenewed,
    Event,
    NoteWritten,
    OrderDelivered,
    OrderPlaced,
    PaymentMade,
    PlanChanged,
    PurchaseMade,
    SurveyAnswered,
)
from cem.domain.events.enums import BillCause, Consent
from tests.builders.customers import DAY, HOUR, T0, arrived

_SAMPLES: tuple[Event, ...] = (
    NoteWritten(text="n"),
    PaymentMade(amount_minor=1),
    SurveyAnswered(csat=3),
    PurchaseMade(product="p", amount_minor=1),
)


def pages(customer: Customer, limit: int) -> list[list[Entry]]:
    """Return all pages, each asked for where the one before ended."""
    found, before_ms = [], None
    while True:
        page = timeline_of(customer, before_ms=before_ms, limit=limit)
        found.append(page.entries)
        if page.next_before_ms is None:
            return found
        before_ms = page.next_before_ms


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from(_SAMPLES)), max_size=9), st.integers(1, 5))
def test_pages_put_together_are_the_whole(drawn: list[tuple[int, Event]], limit: int) -> None:
    """Whatever falls into one millisecond, no entry is on two pages or on none, and only such a page is longer."""
    customer = arrived([(T0 + second * 1_000, event) for second, event in drawn], T0 + DAY)
    found = pages(customer, limit)
    assert [entry for page in found for entry in page] == timeline_of(customer, limit=500).entries
    for page in found:
        assert len(page) <= limit or len({entry.at for entry in page}) == 1


def test_an_unknown_customer_has_an_empty_page() -> None:
    """Nothing happened, nothing was let go, nothing follows."""
    page = timeline_of(new_customer("C1"))
    assert (page.entries, page.next_before_ms, page.dropped) == ([], None, {})


def test_what_the_state_let_go_is_counted() -> None:
    """Entries shown and things dropped are together as many as happened, kind by kind."""
    end_ms = T0 + 400 * DAY
    events: list[tuple[int, Event]] = []
    for n in range(9):
        at_ms = T0 + n * 40 * DAY
        events += [
            (at_ms, BillIssued(bill_id=f"b{n}", total_minor=100)),
            (at_ms + HOUR, PaymentMade(bill_id=f"b{n}", amount_minor=100)),
            (at_ms + 2 * HOUR, PurchaseMade(product="p", amount_minor=1)),
            (at_ms + 3 * HOUR, SurveyAnswered(csat=4)),
            (at_ms + 4 * HOUR, NoteWritten(text=f"n{n}")),
            (at_ms + 5 * HOUR, OrderPlaced(order_id=f"o{n}", product="phone")),
            (at_ms + 6 * HOUR, OrderDelivered(order_id=f"o{n}")),
        ]
    customer = arrived(events, end_ms)
    page = timeline_of(customer, limit=500)
    shown = {kind: sum(entry.kind == kind for entry in page.entries) for kind in page.dropped}
    assert set(page.dropped) == {"bill", "payment", "purchase", "answer", "note", "order"}
    assert {kind: shown[kind] + count for kind, count in page.dropped.items()} == dict.fromkeys(shown, 9)
    assert dropped_of(customer) == page.dropped
    assert describe(customer)["journey"]["dropped"] == {"bill": 5, "order": 6, "note": 7}


def test_agreements_and_bills_are_on_it() -> None:
    """Plans, renewals, cancellations and consents are entries; a bill says why it differs from the one before."""
    used = (BillItem(cause=BillCause.SMS, amount_minor=40, line="+2"),)
    customer = arrived(
        [
            (T0, PlanChanged(plan="m", price_minor=900)),
            (T0 + HOUR, ContractRenewed(end=date(2026, 1, 1))),
            (T0 + 2 * HOUR, ContractCancelled(reason="price")),
            (T0 + 3 * HOUR, ConsentChanged(purpose=Consent.MARKETING, granted=False)),
            (T0 + 4 * HOUR, BillIssued(bill_id="b0", total_minor=0)),
            (T0 + 5 * HOUR, BillIssued(bill_id="b1", total_minor=40, items=used)),
        ],
        T0 + DAY,
    )
    entries = timeline_of(customer).entries
    assert [entry.summary for entry in reversed(entries)] == [
        "plan m",
        "contract renewed",
        "contract cancelled by the customer",
        "marketing refused",
        "bill b0",
        "bill b1",
    ]
    assert entries[0].details["changes"] == [
        {"kind": "usage", "cause": "sms", "line": "+2", "amount_minor": 40}
    ]
