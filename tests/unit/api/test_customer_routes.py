"""A customer's context and timeline over HTTP."""

from __future__ import annotations

from datetime import datetime

from cem.domain.events import (
    BillIssued,
    CallEnded,
    CallStarted,
    NoteWritten,
    OrderPlaced,
    PaymentMade,
    PlanChanged,
    ProfileChanged,
    ServiceDegraded,
    SmsRated,
    SurveyAnswered,
    TicketOpened,
)
from cem.domain.events.enums import CustomerStatus, ServiceKind, SmsDestination
from tests.builders.api import Api, StandingClock
from tests.builders.customers import DAY, HOUR, T0, household


def api() -> Api:
    customer, _ = household(
        [
            (T0, ProfileChanged(status=CustomerStatus.ACTIVE, language="vi", area="D1", sms_allowance=100)),
            (T0 + 1, PlanChanged(plan="basic", price_minor=2000)),
            (T0 + DAY, BillIssued(bill_id="b1", total_minor=2000)),
            (T0 + 2 * DAY, PaymentMade(bill_id="b1", amount_minor=2000)),
            (T0 + 3 * DAY, OrderPlaced(order_id="o1", product="phone")),
            (T0 + 4 * DAY, ServiceDegraded(kind=ServiceKind.COVERAGE, line="l1")),
            (T0 + 5 * DAY, TicketOpened(ticket_id="t1", category="coverage")),
            (T0 + 6 * DAY, CallStarted(call_id="k1", reason="network", rep_id="r1")),
            (T0 + 6 * DAY + HOUR, CallEnded(call_id="k1", reason="network")),
            (T0 + 6 * DAY + 2 * HOUR, NoteWritten(by="r1", text="promised a call back")),
            (T0 + 7 * DAY, SurveyAnswered(about="k1", csat=2)),
            (T0 + 8 * DAY, SmsRated(line="l1", segments=3, recipient="x", destination=SmsDestination.OFFNET, in_allowance=False, charge_minor=30)),
        ]
    )  # fmt: skip
    return Api(customer, clock=StandingClock(T0 + 9 * DAY))


def test_the_context_shows_who_he_is_what_is_open_and_what_happened_last() -> None:
    """What a representative needs before a word is said."""
    body = api().get("/v1/customers/C1").json()
    assert body["profile"]["language"] == "vi"
    assert body["facts"]["open_faults"] == 1
    assert body["facts"]["satisfaction"] < 3
    assert body["contacts"][0]["reason"] == "network"
    assert body["bills"][0]["bill_id"] == "b1"
    assert body["promises"]
    assert [(line["line"], line["segments"], line["extra_minor"]) for line in body["lines"]] == [
        ("l1", 3, 30)
    ]
    assert set(body["staleness_s"]) >= {"cem.calls", "cem.billing"}


def test_the_context_says_where_he_answers_what_he_needs_could_afford_and_how_he_fares() -> None:
    """Each with its reason in both languages."""
    body = api().get("/v1/customers/C1").json()
    assert body["reach"]["reason"] == "default"
    assert body["reach"]["says"]["en"] == "Has not said where; try text message."
    assert body["needs"][0]["need"] == "coverage"
    assert body["needs"][0]["signs"]
    assert body["potential"]["headroom_minor"] > 0
    assert body["experience"]["index"] < 65
    assert {driver["driver"] for driver in body["experience"]["drivers"]} <= {
        "surveys",
        "fault_now",
        "faults",
        "waiting",
    }
    assert body["experience"]["drivers"][0]["says"]["vi"]


def test_the_timeline_is_newest_first_over_all_channels() -> None:
    """One list; a page goes on where the last one ended."""
    made = api()
    body = made.get("/v1/customers/C1/timeline").json()
    kinds = [e["kind"] for e in body["entries"]]
    assert kinds == [
        *("alert", "answer", "note", "contact", "ticket", "alert", "fault", "order", "payment", "bill"),
        *("plan", "plan"),
    ]
    times = [datetime.fromisoformat(e["at"]) for e in body["entries"]]
    assert times == sorted(times, reverse=True)
    first = made.get("/v1/customers/C1/timeline?limit=3").json()
    rest = made.get(f"/v1/customers/C1/timeline?before_ms={first['next_before_ms']}").json()
    assert [e["kind"] for e in first["entries"] + rest["entries"]] == kinds
    assert rest["next_before_ms"] is None
