"""Facts of a customer at a stated instant, computed from what happened to him."""

from __future__ import annotations

import pytest

from cem.domain.customer import Customer, new_customer
from cem.domain.events import (
    BillIssued,
    CallEnded,
    CallStarted,
    CallTurn,
    CampaignContacted,
    CampaignResponded,
    ConsentChanged,
    ContractCancelled,
    DecisionMade,
    Event,
    OutcomeRecorded,
    PaymentOverdue,
    PlanChanged,
    ProfileChanged,
    ServiceDegraded,
    ServiceRestored,
    SmsRated,
    SurveyAnswered,
)
from cem.domain.events.billing import BillItem
from cem.domain.events.enums import (
    BillCause,
    Channel,
    Consent,
    CustomerStatus,
    OutcomeState,
    Resolution,
    Response,
    Role,
    ServiceKind,
    SmsDestination,
    Speaker,
)
from cem.domain.events.profiles import ProfileLine
from cem.domain.localtime import date_of
from cem.domain.state.contacts import contact_key
from cem.domain.state.estimates import Talked
from cem.nba import FACTS, Call, facts_of, history_of, model_versions
from cem.nba.history import Past, freeze_history, thaw_history
from cem.nba.rules import FactValue
from tests.builders.customers import DAY, HOUR, T0, household
from tests.builders.nba import shipped_policy

NOW = T0 + 40 * DAY


def facts(customer: Customer, now_ms: int = NOW, call: Call | None = None) -> dict[str, FactValue]:
    """Return all facts."""
    return facts_of(customer, call or Call(), now_ms, FACTS, shipped_policy().params.topics)


def known(*events: tuple[int, Event]) -> Customer:
    return household(sorted(events, key=lambda e: e[0]))[0]


def call(call_id: str, at_ms: int, reason: str, **ended: object) -> list[tuple[int, Event]]:
    return [
        (at_ms, CallStarted(call_id=call_id, reason=reason)),
        (at_ms + HOUR // 6, CallEnded(call_id=call_id, reason=reason, duration_s=300.0, **ended)),  # type: ignore[arg-type]
    ]


def test_every_fact_has_its_type_also_for_a_stranger() -> None:
    """A fact is of its kind, or null where the table allows it."""
    kinds: dict[str, type] = {"bool": bool, "int": int, "double": float, "string": str, "list": str}
    for customer in (new_customer("c"), known(*call("k1", NOW - DAY, "billing"))):
        for name, value in facts(customer).items():
            fact = FACTS[name]
            assert (value is None and fact.nullable) or type(value) is kinds[fact.kind], (name, value)


def test_somebody_of_whom_nothing_came_is_a_stranger() -> None:
    """Whoever sent a record of his own is not."""
    assert facts(new_customer("c"))["status"] == "stranger"
    assert facts(known(*call("k1", NOW - DAY, "billing")))["status"] == "active"
    closed = known((T0, ProfileChanged(status=CustomerStatus.CLOSED)))
    assert facts(closed)["status"] == "closed"


def test_contacts_before_this_one_are_counted_to_the_millisecond() -> None:
    """The call that is going on is not one of them; the window is open at its old end."""
    at_edge = call("old", NOW - 7 * DAY, "billing")
    inside = call("k1", NOW - 7 * DAY + 1, "hóa đơn")
    now_open = [(NOW - 1000, CallStarted(call_id="now", reason="bill"))]
    found = facts(known(*at_edge, *inside, *now_open))
    assert found["contacts_7d"] == 1
    assert found["contacts_30d"] == 2
    assert found["calls_7d"] == 1
    assert found["call_topic"] == "billing"
    assert found["same_topic_7d"] == 1
    assert found["repeat_contact"] is True
    assert facts(known(*at_edge, *now_open))["repeat_contact"] is False


def test_what_the_desktop_says_goes_before_what_the_call_says() -> None:
    """And what it leaves out is taken from the call's own record, down to what was said."""
    events = [
        (NOW - 2000, CallStarted(call_id="now", queue="q1", language="vi")),
        (NOW - 1000, CallTurn(call_id="now", turn=1, speaker=Speaker.CUSTOMER, text="Tôi muốn hủy hợp đồng")),
    ]
    found = facts(known(*events))
    assert (found["call_topic"], found["call_queue"], found["customer_language"]) == ("cancel", "q1", "vi")
    said = facts(known(*events), call=Call(call_id="now", reason="network", channel="chat"))
    assert (said["call_topic"], said["call_channel"], said["call_queue"]) == ("network", "chat", "q1")


def test_what_the_model_supposes_goes_before_words_and_after_what_is_said() -> None:
    """A likely reason of this very contact decides the topic, an unlikely one only is a fact; a said one hides it."""
    events = [
        (NOW - 2000, CallStarted(call_id="now")),
        (
            NOW - 1000,
            CallTurn(call_id="now", turn=1, speaker=Speaker.CUSTOMER, text="my phone has no signal"),
        ),
    ]
    found = {}
    for sure in (50, 70):
        customer = known(*events)
        customer.estimates.talked = Talked(
            contact_key("now"), NOW // 1000, reason="billing", sure=sure, reason_version=5
        )
        found[sure] = facts(customer)
        assert facts(customer, call=Call(call_id="now", reason="plan"))["supposed_reason"] == ""
        assert facts(customer, call=Call(call_id="other"))["supposed_reason_chance"] is None
        assert model_versions(customer) == {"reason": "5"}
    shown = {
        sure: (each["call_topic"], each["supposed_reason"], each["supposed_reason_chance"])
        for sure, each in found.items()
    }
    assert shown == {50: ("network", "billing", 0.5), 70: ("billing", "billing", 0.7)}


@pytest.mark.parametrize(
    ("reason", "text", "topic"),
    [
        ("Billing", "", "billing"),
        ("cancel", "my bill is wrong", "cancel"),
        ("", "I have NO SERVICE at home", "network"),
        ("", "Mất sóng từ hôm qua", "network"),
        ("something else", "", ""),
        ("xyz", "please cancel my contract", "cancel"),
        ("", "", ""),
    ],
)
def test_the_topic_is_of_the_reason_then_of_the_words(reason: str, text: str, topic: str) -> None:
    """By the policy's list, in both languages."""
    assert facts(new_customer("c"), call=Call(reason=reason, text=text))["call_topic"] == topic


def test_bills_and_what_is_owed() -> None:
    """Delta, what is beyond the plan, days and amount overdue, hardship."""
    items = (
        BillItem(cause=BillCause.PLAN, amount_minor=2000),
        BillItem(cause=BillCause.SMS, amount_minor=900, line="l1"),
    )
    day = date_of(T0 // DAY)
    customer = known(
        (T0, BillIssued(bill_id="b1", total_minor=2000, due=day)),
        (T0 + 30 * DAY, BillIssued(bill_id="b2", total_minor=2900, items=items)),
        (T0 + 10 * DAY, PaymentOverdue(bill_id="b1", amount_minor=2000, days_overdue=10)),
    )
    found = facts(customer)
    assert found["bill_total_minor"] == 2900
    assert found["bill_delta_minor"] == 900
    assert found["bill_extra_minor"] == 900
    assert found["days_since_bill"] == 10.0
    assert found["overdue_days"] == 40
    assert found["overdue_minor"] == 2000
    assert found["in_hardship"] is True


def test_plans_contract_and_consent() -> None:
    """Prices add up over account and lines; the earliest end counts; a later cancellation holds."""
    end = date_of((NOW + 20 * DAY) // DAY)
    events: list[tuple[int, Event]] = [
        (
            T0,
            ProfileChanged(
                status=CustomerStatus.ACTIVE,
                language="vi",
                lines=(
                    ProfileLine(line="l1", role=Role.PAYER),
                    ProfileLine(line="l2", role=Role.CHILD),
                ),
            ),
        ),
        (T0, PlanChanged(plan="basic", price_minor=1500, end=end)),
        (T0, PlanChanged(plan="kid", price_minor=500, line="l2")),
        (T0, ConsentChanged(purpose=Consent.MARKETING, granted=False)),
    ]
    found = facts(known(*events))
    assert found["plan_price_minor"] == 2000
    assert found["contract_days_left"] == 21.0
    assert found["marketing_refused"] is True
    assert (found["lines"], found["child_lines"]) == (2, 1)
    assert found["cancelled"] is False
    assert facts(known(*events, (T0 + DAY, ContractCancelled(effective=end))))["cancelled"] is True


def test_messages_beyond_the_plan_by_line() -> None:
    """What the child's line cost is told apart."""
    events: list[tuple[int, Event]] = [
        (
            T0,
            ProfileChanged(
                lines=(ProfileLine(line="l1", role=Role.PAYER), ProfileLine(line="l2", role=Role.CHILD))
            ),
        ),
        *(
            (
                NOW - DAY + i,
                SmsRated(
                    line="l2",
                    segments=2,
                    recipient=f"r{i}",
                    destination=SmsDestination.OFFNET,
                    in_allowance=False,
                    charge_minor=50,
                ),
            )
            for i in range(10)
        ),
        (
            NOW - DAY,
            SmsRated(
                line="l1",
                segments=1,
                recipient="r",
                destination=SmsDestination.ROAMING,
                in_allowance=False,
                charge_minor=70,
            ),
        ),
    ]
    found = facts(known(*events))
    assert found["sms_extra_minor"] == 570
    assert found["sms_extra_child_minor"] == 500
    assert found["sms_top_line_segments"] == 20
    assert found["sms_roaming_minor"] == 70


def test_faults_and_satisfaction() -> None:
    """An open fault, an unresolved call and a bad survey pull the estimate down; it stays within 1 and 5."""
    calm = facts(known(*call("k0", NOW - 20 * DAY, "plan", resolution=Resolution.RESOLVED)))
    assert calm["satisfaction"] == 3.6
    customer = known(
        (NOW - 10 * DAY, ServiceDegraded(kind=ServiceKind.COVERAGE, line="l1")),
        (NOW - 9 * DAY, ServiceRestored(kind=ServiceKind.COVERAGE, line="l1")),
        (NOW - 2 * HOUR, ServiceDegraded(kind=ServiceKind.COVERAGE, line="l1")),
        *call("k1", NOW - DAY, "network", resolution=Resolution.UNRESOLVED),
        (NOW - DAY + HOUR, SurveyAnswered(about="k1", csat=1)),
    )
    found = facts(customer)
    assert (found["open_faults"], found["faults_30d"], found["unresolved_30d"]) == (1, 2, 1)
    assert found["fault_hours_30d"] == pytest.approx(26)
    assert found["last_csat"] == 1
    satisfaction = found["satisfaction"]
    assert isinstance(satisfaction, float)
    assert 1 <= satisfaction < 1.7


def test_the_history_of_suggestions_is_frozen_and_thawed() -> None:
    """Action, furthest state and time; decisions that nobody was shown are not history."""
    made = DecisionMade(
        decision_id="C1.a",
        customer_id="C1",
        as_of="2025-04-01T00:00:00Z",
        action="plan_upgrade",
        policy_hash="x",  # type: ignore[arg-type]
    )
    customer = known(
        (NOW - 3 * DAY, made),
        (NOW - 2 * DAY, OutcomeRecorded(decision_id="C1.a", state=OutcomeState.DECLINED, reason="dear")),
        (NOW - DAY, OutcomeRecorded(decision_id="C1.b", state=OutcomeState.RETURNED, action="roaming_pack")),
    )
    history = history_of(customer, NOW)
    assert history == (Past("plan_upgrade", "declined", NOW - 2 * DAY),)
    assert thaw_history(freeze_history(history)) == history
    assert facts(customer)["declined_30d"] == 1


def test_what_he_answered_to_messages_is_history_too() -> None:
    """An action that a campaign carried, from his answer on; what he left unread offered nothing."""
    taken = CampaignContacted(
        campaign="spring", channel=Channel.EMAIL, contact_id="m1", action="roaming_pack"
    )
    unread = CampaignContacted(campaign="may", channel=Channel.EMAIL, contact_id="m2", action="plan_upgrade")
    opened = CampaignContacted(campaign="june", channel=Channel.EMAIL, contact_id="m3", action="device_offer")
    customer = known(
        (NOW - 5 * DAY, taken),
        (NOW - 4 * DAY, unread),
        (NOW - 4 * DAY, opened),
        (
            NOW - 3 * DAY,
            OutcomeRecorded(decision_id="C1.a", state=OutcomeState.DECLINED, action="loyalty_bonus"),
        ),
        (NOW - 2 * DAY, CampaignResponded(campaign="spring", contact_id="m1", response=Response.ACCEPTED)),
        (NOW - DAY, CampaignResponded(campaign="june", contact_id="m3", response=Response.OPENED)),
    )
    assert history_of(customer, NOW) == (
        Past("loyalty_bonus", "declined", NOW - 3 * DAY),
        Past("roaming_pack", "accepted", NOW - 2 * DAY),
    )
