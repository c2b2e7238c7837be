"""The remedy of an alert is what the decision engine would do for whom it names."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import resources

from cem.domain.customer import Customer, decode_customer, encode_customer
from cem.domain.events import (
    Alert,
    BillCause,
    BillIssued,
    BillItem,
    ConsentChanged,
    DecisionMade,
    Event,
    OutcomeRecorded,
    OutcomeState,
    PaymentMade,
    PlanChanged,
    ProfileChanged,
    ServiceDegraded,
    ServiceKind,
    ServiceRestored,
    SmsRated,
)
from cem.domain.events.enums import Channel, Consent
from cem.domain.finding import Finding
from cem.domain.localtime import date_of
from cem.domain.thresholds import RemedyPolicy
from cem.nba import Policy, load_policy
from cem.nba.policy import ACTIONS_FILE, DECISION_FILE
from cem.nba.remedies import Remedies
from tests.builders.customers import DAY, HOUR, MINUTE, T0, Context, advance, household

FATHER, DAUGHTER = "+4915100000001", "+4915100000002"


def shipped() -> Policy:
    folder = resources.files("cem.policies")
    return load_policy(
        {n: folder.joinpath(n).read_text("utf-8") for n in (ACTIONS_FILE, DECISION_FILE)}, currency="EUR"
    )


REMEDIES = Remedies(shipped(), "UTC")


class Deciding(Context):
    """A context in which alerts are decided on under the shipped policy."""

    def propose(
        self, customer: Customer, finding: Finding, channel: str, identity: str
    ) -> RemedyPolicy | None:
        self.proposals.append((finding.type, channel, identity))
        return REMEDIES.propose(customer, finding, channel, identity, self.lane_time_ms)


def opened(events: Iterable[tuple[int, Event]], until_ms: int = 0) -> tuple[Alert, Deciding, Customer]:
    """Return the first alert that these events open, under the shipped policies."""
    ctx = Deciding(0)
    customer, _ = household(events, ctx=ctx)
    advance(customer, ctx, until_ms)
    return next(e for e in ctx.emitted if isinstance(e, Alert)), ctx, customer


def bills(cause: BillCause, extra_minor: int, channel: Channel = Channel.APP) -> list[tuple[int, Event]]:
    """Return a customer who says a channel, three usual bills, and one with more on the daughter's line."""
    events: list[tuple[int, Event]] = [
        (T0, ProfileChanged(channel_said=channel)),
        (T0, PlanChanged(plan="M", price_minor=3_000)),
    ]
    for n in range(4):
        at_ms = T0 + n * 30 * DAY
        items = [BillItem(cause=BillCause.PLAN, amount_minor=3_000)]
        if n == 3:
            items.append(BillItem(cause=cause, line=DAUGHTER, amount_minor=extra_minor))
        total = sum(item.amount_minor for item in items)
        due = date_of(at_ms // DAY + 14)
        events.append((at_ms, BillIssued(bill_id=f"b{n}", total_minor=total, due=due, items=tuple(items))))
    return events


def test_the_bill_by_messages_is_answered_by_the_bundle_and_by_other_causes_is_explained() -> None:
    """By what made the shock: priced as the catalogue has it, over a channel that has a treatment for it."""
    for cause, action, price in ((BillCause.SMS, "sms_bundle", 300), (BillCause.DEVICE, "explain_bill", 0)):
        alert, ctx, _ = opened(bills(cause, 6_000))
        assert alert.type == "bill_shock"
        assert alert.remedy is not None
        assert (alert.remedy.action, alert.remedy.price_minor) == (action, price)
        assert ctx.proposals == [("bill_shock", "app", alert.alert_id)]


def test_the_decision_knows_what_he_has_declined() -> None:
    """A bundle that he declined last week is not proposed again: the alert is decided like any contact."""
    at_ms = T0 + 85 * DAY
    declined: list[tuple[int, Event]] = [
        (
            at_ms,
            DecisionMade(
                decision_id="C1.1",
                customer_id="C1",
                as_of=datetime.fromtimestamp(at_ms / 1000, UTC),
                action="sms_bundle",
                policy_hash="p",
            ),
        ),
        (at_ms + HOUR, OutcomeRecorded(decision_id="C1.1", state=OutcomeState.DECLINED)),
    ]
    alert, _, _ = opened(sorted([*bills(BillCause.SMS, 6_000), *declined], key=lambda e: e[0]))
    assert alert.remedy is not None
    assert alert.remedy.action == "explain_bill"


def test_trouble_is_no_occasion_to_sell() -> None:
    """Whoever has no good service is served: the fault first, whatever he might buy."""
    fault = ServiceDegraded(kind=ServiceKind.COVERAGE, line=FATHER, incident_id="i1")
    alert, _, _ = opened([*bills(BillCause.PLAN, 0), (T0 + 100 * DAY, fault)], T0 + 101 * DAY)
    assert alert.type == "service_loss"
    assert alert.remedy is not None
    assert REMEDIES._catalogue.action(alert.remedy.action).precedence == "service"  # type: ignore[union-attr]


def test_somebody_who_suffers_in_silence_is_helped_with_what_went_wrong() -> None:
    """Short faults on a line that texts near its allowance: the fault is solved, no bundle is offered."""
    plan = PlanChanged(plan="M", price_minor=3_000, sms_allowance=100, line=DAUGHTER)
    events: list[tuple[int, Event]] = [(T0, plan), *bills(BillCause.SMS, 700)]
    bought = [(at_ms, event) for at_ms, event in events if isinstance(event, BillIssued)]
    for at_ms, event in bought:
        events.append((at_ms, PaymentMade(bill_id=event.bill_id, amount_minor=event.total_minor)))
    for n in range(95):
        message = SmsRated(line=DAUGHTER, recipient=f"r{n % 5}", segments=1, in_allowance=True)
        events.append((T0 + 91 * DAY + n * MINUTE, message))
    for n in range(4):
        at_ms = T0 + 92 * DAY + n * DAY
        events.append((at_ms, ServiceDegraded(kind=ServiceKind.SMS, line=FATHER, incident_id=f"i{n}")))
        events.append((at_ms + HOUR, ServiceRestored(kind=ServiceKind.SMS, line=FATHER, incident_id=f"i{n}")))
    ctx = Deciding(0)
    household(sorted(events, key=lambda e: e[0]), ctx=ctx)
    alert = next(e for e in ctx.emitted if isinstance(e, Alert) and e.type == "silent_sufferer")
    assert alert.evidence["faults"] == 4
    assert alert.remedy is not None
    assert alert.remedy.action == "solve_reception_fault"


def test_where_nothing_is_decided_the_policy_s_remedy_stands() -> None:
    """Over a channel for which no action has words, what alerts.yaml names is proposed."""
    events = bills(BillCause.DEVICE, 6_000, Channel.SMS)
    refused = ConsentChanged(purpose=Consent.SERVICE, granted=False, channel=Channel.APP)
    alert, ctx, _ = opened([(T0, refused), *events])
    assert ctx.proposals[0][1] == "sms"
    assert alert.remedy is not None
    assert alert.remedy.action == "explain_bill"


def test_made_again_it_is_the_same() -> None:
    """From the bytes of the state the same alert is decided alike: nothing but its id draws."""
    alert, ctx, customer = opened(bills(BillCause.SMS, 6_000))
    again = decode_customer(encode_customer(customer))
    finding = Finding("bill_shock", "b3", "b3", alert.tier, T0, T0, 0, {}, alert.tell.who, RemedyPolicy("x"))
    made = [REMEDIES.propose(again, finding, "app", alert.alert_id, ctx.lane_time_ms) for _ in range(2)]
    assert alert.remedy is not None
    assert made == [RemedyPolicy(alert.remedy.action, alert.remedy.price_minor)] * 2


def test_it_is_asked_only_when_an_alert_opens_or_rises() -> None:
    """Eight hours lost, then twenty-four: two decisions, however many faults there are."""
    fault = ServiceDegraded(kind=ServiceKind.DATA, line=FATHER, incident_id="i1")
    others = [
        (T0 + n * HOUR, ServiceDegraded(kind=ServiceKind.SMS, line=FATHER, incident_id=f"j{n}"))
        for n in range(12)
    ]
    _, ctx, _ = opened([(T0, fault), *others], T0 + 2 * DAY)
    assert [type_ for type_, *_ in ctx.proposals if type_ == "service_loss"] == ["service_loss"] * 2
