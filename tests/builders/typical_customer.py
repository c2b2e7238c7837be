"""A customer as most are: a family of two lines who has called now and then for a year."""

from __future__ import annotations

from datetime import UTC, date, datetime

from cem.domain.customer import Customer
from cem.domain.events import (
    BillCause,
    BillIssued,
    BillItem,
    CallEnded,
    CallStarted,
    CallTurn,
    CampaignContacted,
    Channel,
    ConsentChanged,
    ContractCancelled,
    DecisionMade,
    Event,
    InteractionRecorded,
    NoteWritten,
    OrderPlaced,
    OutcomeRecorded,
    OutcomeState,
    PaymentMade,
    PlanChanged,
    ProfileChanged,
    ProfileLine,
    PurchaseMade,
    Resolution,
    Role,
    ServiceDegraded,
    ServiceKind,
    SmsDestination,
    SmsRated,
    Speaker,
    SurveyAnswered,
    TaskDue,
    TicketOpened,
)
from cem.domain.events.enums import Consent, CustomerStatus
from tests.builders.customers import DAY, HOUR, MINUTE, T0, household

__all__ = ["eventful_customer", "typical_customer", "typical_events"]

PAYER, CHILD = "+4915100000001", "+4915100000002"
REASONS = ("billing", "coverage", "sms usage", "contract")


def typical_customer() -> Customer:
    """Return the customer as he is after a year."""
    return household(typical_events(), customer_id="C0012345")[0]


def typical_events() -> list[tuple[int, Event]]:
    """Return what happened to him, in order of time."""
    events: list[tuple[int, Event]] = [
        (
            T0,
            ProfileChanged(
                status=CustomerStatus.ACTIVE,
                plan="Family M",
                price_minor=3_900,
                sms_allowance=100,
                cycle_day=5,
                lines=(
                    ProfileLine(line=PAYER, user="p1", role=Role.PAYER, birth_year=1975),
                    ProfileLine(line=CHILD, user="p2", role=Role.CHILD, birth_year=2010),
                ),
                language="en",
                area="Berlin",
                timezone="Europe/Berlin",
                channel_said=Channel.EMAIL,
                contract_start=date(2019, 5, 1),
                contract_end=date(2026, 4, 30),
            ),
        ),
        (T0, ConsentChanged(purpose=Consent.MARKETING, granted=True)),
        (T0 + 300 * DAY, CampaignContacted(campaign="autumn", channel=Channel.EMAIL, contact_id="k-000071")),
        (T0 + 340 * DAY, CampaignContacted(campaign="winter", channel=Channel.SMS, contact_id="k-000093")),
    ]
    for number in range(20):
        at_ms = T0 + (number * 18 + 1) * DAY + 9 * HOUR
        reason = REASONS[number % len(REASONS)]
        if number % 4 == 3:
            interaction = InteractionRecorded(
                interaction_id=f"int-{number:06d}", channel=Channel.APP, reason=reason
            )
            events.append((at_ms, interaction))
            continue
        call_id = f"call-{number:07d}"
        events += [
            (at_ms, CallStarted(call_id=call_id, line=PAYER, rep_id=f"rep-{number % 9:03d}", reason=reason)),
            (
                at_ms + 7 * MINUTE,
                CallEnded(
                    call_id=call_id,
                    duration_s=330,
                    wait_s=75,
                    transfers=number % 2,
                    resolution=Resolution.RESOLVED,
                ),
            ),
        ]
        if number % 3 == 0:
            decision_id = f"d-{number:024x}"
            as_of = datetime.fromtimestamp(at_ms / 1000, UTC)
            events += [
                (
                    at_ms + MINUTE,
                    DecisionMade(
                        decision_id=decision_id,
                        customer_id="C0012345",
                        as_of=as_of,
                        action=("explain_bill", "sms_bundle")[number % 2],
                        channel=Channel.CALL,
                        policy_hash="p",
                    ),
                ),
                (at_ms + 6 * MINUTE, OutcomeRecorded(decision_id=decision_id, state=OutcomeState.ACCEPTED)),
            ]
        if number % 10 == 5:
            events.append((at_ms + DAY, SurveyAnswered(about=call_id, csat=4, nps=8)))
    for month in range(4):
        at_ms = T0 + (250 + 30 * month) * DAY
        bill = BillIssued(
            bill_id=f"b-{month:08d}",
            total_minor=4_260,
            period_start=date(2025, 11, 1),
            period_end=date(2025, 11, 30),
            due=date(2025, 12, 14),
            items=(
                BillItem(cause=BillCause.PLAN, amount_minor=3_300),
                BillItem(cause=BillCause.TAX, amount_minor=600),
                BillItem(cause=BillCause.SMS, amount_minor=360, line=CHILD),
            ),
        )
        paid = PaymentMade(bill_id=f"b-{month:08d}", amount_minor=4_260)
        events += [(at_ms, bill), (at_ms + 10 * DAY, paid)]
    for number in range(120):
        at_ms = T0 + 300 * DAY + number * 13 * HOUR
        events.append(
            (
                at_ms,
                SmsRated(
                    line=(PAYER, CHILD)[number % 2],
                    destination=SmsDestination.ONNET,
                    recipient=f"r{number % 11}",
                    in_allowance=True,
                ),
            )
        )
    return sorted(events, key=lambda event: event[0])


def eventful_customer() -> Customer:
    """Return a customer of whom every section holds something: what a frozen state is made of."""
    end_ms = T0 + 370 * DAY
    due = datetime.fromtimestamp((end_ms + DAY) / 1000, UTC)
    events: list[tuple[int, Event]] = [
        *typical_events(),
        *(
            (end_ms + n * MINUTE, SmsRated(line=CHILD, recipient=f"s{n}", in_allowance=False, charge_minor=9))
            for n in range(70)
        ),
        (end_ms, ServiceDegraded(kind=ServiceKind.DATA, line=CHILD, incident_id="i-1")),
        (end_ms, TicketOpened(ticket_id="t-1", category="coverage", due=due)),
        (end_ms, OrderPlaced(order_id="o-1", product="router", promised=date(2026, 3, 12))),
        (end_ms, TaskDue(task_id="k-1", due=due, by="rep-1", text="call back")),
        (end_ms, NoteWritten(text="prefers mornings", by="rep-1")),
        (end_ms, PurchaseMade(product="case", amount_minor=1_990)),
        (end_ms, PlanChanged(plan="Family L", price_minor=4_900, effective=date(2026, 4, 1))),
        (end_ms, ContractCancelled(line=CHILD, effective=date(2026, 6, 1), reason="price")),
        (end_ms + HOUR, CallStarted(call_id="call-x", line=PAYER, rep_id="rep-1", reason="sms usage")),
        (end_ms + HOUR + 1, CallTurn(call_id="call-x", turn=1, speaker=Speaker.CUSTOMER, text="again!")),
    ]
    return household(sorted(events, key=lambda event: event[0]), customer_id="C0012345")[0]
