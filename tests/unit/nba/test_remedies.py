"""The remedy of an alert is what the decision engine would do for whom it names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import resources

from cem import nba
from cem.domain.customer import Customer, decode_customer, encode_customer
from cem.domain.events import (
    Alert,
    BillCause,
    BillIssued,
    BillItem,
    ConsentChanged,
    DecisionMade,
    Event,
    InteractionRecorded,
    OutcomeRecorded,
    OutcomeState,
    PaymentMade,
    PlanChanged,
    ProfileChanged,
    ProfileLine,
    Role,
    ServiceDegraded,
    ServiceKind,
    ServiceRestored,
    SmsRated,
)
from cem.domain.events.enums import AlertTier, Channel, Consent, Tell
from cem.domain.finding import Finding
from cem.domain.localtime import date_of
from cem.domain.state.alerts import StoredAlert
from cem.domain.thresholds import AlertPolicy, RemedyPolicy
from cem.nba import Call, Policy, decide, facts_of, history_of, load_policy
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


def decided(at_ms: int, action: str, state: OutcomeState) -> list[tuple[int, Event]]:
    """Return a suggestion of the action and, an hour later, what became of it."""
    made = DecisionMade(
        decision_id="C1.1",
        customer_id="C1",
        as_of=datetime.fromtimestamp(at_ms / 1000, UTC),
        action=action,
        policy_hash="p",
    )
    return [(at_ms, made), (at_ms + HOUR, OutcomeRecorded(decision_id="C1.1", state=state))]


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
    declined = decided(T0 + 85 * DAY, "sms_bundle", OutcomeState.DECLINED)
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
    finding = Finding(
        "bill_shock",
        "b3",
        "b3",
        alert.tier,
        T0,
        T0,
        0,
        dict(alert.evidence),
        alert.tell.who,
        RemedyPolicy("x"),
    )
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


USER = ProfileLine(line=FATHER, role=Role.PAYER, birth_year=1970)
GROWN_UP: list[tuple[int, Event]] = [
    (T0, ProfileChanged(channel_said=Channel.SMS, cycle_day=1, lines=(USER,))),
    (T0, PlanChanged(plan="M", price_minor=3_000)),
    (T0 + 85 * DAY, InteractionRecorded(interaction_id="i1", channel=Channel.CHAT, reason="plan")),
    (T0 + 86 * DAY, BillIssued(bill_id="b", total_minor=3_000, due=date_of(T0 // DAY + 120))),
    *decided(T0 + 87 * DAY, "sms_bundle", OutcomeState.DECLINED),
]
NOW = T0 + 89 * DAY
POLICY = AlertPolicy()
OF_TYPES = {
    "sms_allowance": POLICY.sms_allowance.remedy,
    "sms_velocity": POLICY.sms_velocity.remedy,
    "sms_rise": POLICY.sms_watch.remedy,
    "sms_night": POLICY.sms_watch.remedy,
    "sms_money": POLICY.sms_watch.remedy,
    "repeat_call": POLICY.repeat_call.remedy,
    "bill_shock": POLICY.bill_shock.remedy,
    "promise": POLICY.promise.remedy,
    "service_loss": POLICY.service_loss.remedy,
    "silent_sufferer": POLICY.silent_sufferer.remedy,
    "sinking": POLICY.sinking.remedy,
}


def proposed(type_: str, customer: Customer, subject: str = FATHER, **evidence: str | int) -> str:
    """Return the action that an alert of the type carries, told in the app, or by a person who has the case."""
    customer.alerts.open = [StoredAlert.new(type_, subject, "c", NOW)]
    finding = Finding(
        type_, subject, "c", AlertTier.ALERT, NOW, NOW, 0, dict(evidence), Tell.PAYER, OF_TYPES[type_]
    )
    remedy = REMEDIES.propose(
        customer, finding, "" if type_ == "repeat_call" else "app", f"{type_}:C1:x:c", NOW
    )
    return (remedy or OF_TYPES[type_]).action


def test_an_alert_is_no_occasion_for_a_survey() -> None:
    """Nobody has asked him for long: what would be asked of a caller is no remedy of anything."""
    customer, _ = household(GROWN_UP)
    call = Call(channel="sms", reason="usage")
    names, topics = REMEDIES._catalogue.fact_names, REMEDIES._params.topics
    facts = facts_of(customer, call, NOW, names, topics, "UTC")
    fresh = dict.fromkeys(nba.INPUT_TOPICS, 0.0)
    context = nba.Context("d", "C1", NOW, facts, history_of(customer, NOW), staleness_s=fresh)
    asked = decide(context, REMEDIES._catalogue, REMEDIES._params, 0.5)
    assert [each.action for each in asked.ranked] == ["just_help", "ask_opinion"]
    assert {proposed(type_, customer) for type_ in OF_TYPES}.isdisjoint({"ask_opinion", "contract_renewal"})


def test_what_he_may_not_have_or_has_declined_is_no_remedy_either() -> None:
    """No cap for a child's line without a child, no bundle that he declined two days ago: somebody helps."""
    customer, _ = household(GROWN_UP)
    assert [proposed(type_, customer) for type_ in ("sms_night", "sms_allowance")] == ["just_help"] * 2
    child = ProfileChanged(lines=(ProfileLine(line=DAUGHTER, role=Role.CHILD, birth_year=2012),))
    family, _ = household([*GROWN_UP, (T0 + 88 * DAY, child)])
    assert proposed("sms_night", family, DAUGHTER) == "usage_control"


def test_a_remedy_is_for_what_the_alert_is_about() -> None:
    """Texts cost him much: the bundle helps with the bill that they raised and who asks about use, not with a lost network."""
    texts: list[tuple[int, Event]] = [
        (
            T0 + 88 * DAY + n * MINUTE,
            SmsRated(line=FATHER, recipient="r", segments=1, in_allowance=False, charge_minor=9),
        )
        for n in range(100)
    ]
    explained = decided(T0 + 87 * DAY, "explain_bill", OutcomeState.DONE)
    customer, _ = household([*GROWN_UP[:-2], *explained, *texts])
    assert proposed("bill_shock", customer, "b", main_cause="usage") == "sms_bundle"
    assert proposed("bill_shock", customer, "b", main_cause="one_off") == "just_help"
    assert proposed("repeat_call", customer, "usage") == "sms_bundle"
    assert proposed("repeat_call", customer, "network") in ("solve_reception_fault", "escalate_case")
    assert proposed("sms_rise", customer) == "sms_bundle"
    assert proposed("sms_money", customer) == "just_help"


def test_an_own_catalogue_that_says_nothing_of_alerts_is_taken_as_before() -> None:
    """Whatever serves or keeps him is a remedy then, the fallback aside."""
    folder = resources.files("cem.policies")
    texts = {n: folder.joinpath(n).read_text("utf-8") for n in (ACTIONS_FILE, DECISION_FILE)}
    silent = re.sub(r"(?m)^    helps_with: .*\n", "", texts[ACTIONS_FILE])
    policy = load_policy({**texts, ACTIONS_FILE: silent}, currency="EUR")
    customer, _ = household(GROWN_UP)
    finding = Finding(
        "sms_night", FATHER, "c", AlertTier.ALERT, NOW, NOW, 0, {}, Tell.PAYER, OF_TYPES["sms_night"]
    )
    assert Remedies(policy, "UTC").propose(customer, finding, "sms", "x", NOW) == RemedyPolicy("ask_opinion")
