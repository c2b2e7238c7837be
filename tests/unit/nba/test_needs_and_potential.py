"""What he could use and what he could afford: two things, each with its reasons."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cem.domain.customer import Customer
from cem.domain.events import (
    BillCause,
    BillIssued,
    BillItem,
    CallEnded,
    CampaignContacted,
    CampaignResponded,
    Channel,
    DecisionMade,
    Event,
    OutcomeRecorded,
    OutcomeState,
    PaymentFailed,
    PaymentMade,
    ProfileChanged,
    ProfileLine,
    Response,
    Role,
    ServiceDegraded,
    ServiceKind,
    SmsDestination,
    SmsRated,
)
from cem.nba import FACTS, Call, facts_of
from cem.nba.needs import NEEDS, OFFERS, Need, needs_of
from cem.nba.potential import Potential, potential_of
from cem.nba.situation import Situation
from tests.builders.customers import DAY, HOUR, T0, household
from tests.builders.nba import shipped_policy

NOW = T0 + 60 * DAY
START = date(2025, 3, 3)
Events = list[tuple[int, Event]]


def known(events: Events) -> Customer:
    return household(sorted(events, key=lambda e: e[0]))[0]


def need(events: Events, name: str) -> Need:
    found = needs_of(Situation(known(events), Call(), NOW, {}, "UTC"))
    return next(n for n in found if n.need == name)


def bill(number: int, total_minor: int, **causes: int) -> tuple[int, Event]:
    """Return a monthly bill: causes in minor units beside the plan."""
    items = [BillItem(cause=BillCause(cause), amount_minor=minor) for cause, minor in causes.items()]
    rest = BillItem(cause=BillCause.PLAN, amount_minor=total_minor - sum(causes.values()))
    start = START + timedelta(days=30 * number)
    issued = BillIssued(
        bill_id=f"b{number}",
        total_minor=total_minor,
        period_start=start - timedelta(days=30),
        period_end=start,
        due=start + timedelta(days=14),
        items=(rest, *items),
    )
    return T0 + 30 * number * DAY, issued


def asked(reason: str) -> tuple[int, Event]:
    return NOW - DAY, CallEnded(call_id=f"call-{reason}", reason=reason)


def campaign(action: str, response: Response) -> Events:
    contacted = CampaignContacted(campaign="x", contact_id="k", channel=Channel.SMS, action=action)
    responded = CampaignResponded(campaign="x", contact_id="k", response=response)
    return [(NOW - DAY, contacted), (NOW - DAY + HOUR, responded)]


CHILD: tuple[int, Event] = (
    T0,
    ProfileChanged(
        lines=(ProfileLine(line="+1", role=Role.CHILD, birth_year=2013),),
        plan="M",
        price_minor=2_000,
        sms_allowance=10,
        contract_end=date(2025, 5, 10),
    ),
)
TEXTS: Events = [
    (
        NOW - HOUR + n,
        SmsRated(line="+1", recipient=f"r{n}", in_allowance=n < 10, charge_minor=0 if n < 10 else 20),
    )
    for n in range(30)
]
ABROAD: tuple[int, Event] = (
    NOW - HOUR,
    SmsRated(
        line="+1", recipient="r", in_allowance=False, charge_minor=50, destination=SmsDestination.ROAMING
    ),
)
FAULT: tuple[int, Event] = (
    NOW - 30 * HOUR,
    ServiceDegraded(kind=ServiceKind.COVERAGE, incident_id="i", area="a"),
)


@pytest.mark.parametrize(
    ("name", "events", "sign"),
    [
        ("data", [bill(1, 3_000, data=900)], "billed"),
        ("data", campaign("plan_upgrade", Response.ACCEPTED), "took"),
        ("texting", [CHILD, *TEXTS], "allowance"),
        ("texting", [bill(1, 3_000, sms=500)], "billed"),
        ("roaming", [bill(1, 3_000, roaming=500)], "billed"),
        ("roaming", [CHILD, ABROAD], "texts_abroad"),
        ("roaming", [asked("chuyển vùng quốc tế")], "asked"),
        ("family_control", [CHILD, *TEXTS], "child_charges"),
        ("family_control", [CHILD], "children"),
        ("coverage", [FAULT], "fault_hours"),
        ("coverage", [asked("no signal")], "asked"),
        ("device", [CHILD], "contract_ends"),
        ("device", campaign("device_offer", Response.CLICKED), "took"),
        ("price_certainty", [bill(1, 3_000), bill(2, 4_500)], "bill_swing"),
        ("price_certainty", [asked("Billing")], "asked"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_need_has_its_signs(name: str, events: Events, sign: str) -> None:
    """It scores above nothing, by a sign that says why; without the events it does not."""
    found = need(events, name)
    assert 0 < found.score <= 1
    assert sign in [s.code for s in found.signs]
    assert need([], name) == Need(name, 0.0, (), 0)


def test_signs_add_up_and_never_pass_one() -> None:
    """Each sign more raises the score; all together stay within 1."""
    one = need([asked("sms")], "texting").score
    two = need([asked("sms"), bill(1, 3_000, sms=500)], "texting").score
    more: Events = [(NOW - n * DAY, CallEnded(call_id=f"t{n}", reason="sms")) for n in range(9)]
    all_ = need([*more, CHILD, *TEXTS, bill(1, 3_000, sms=2_900)], "texting").score
    assert one < two < all_ <= 1


def test_an_offer_declined_lowers_the_need_for_it() -> None:
    """Whether a campaign's or a representative's; it does not go below nothing."""
    made = DecisionMade(
        decision_id="d",
        customer_id="C1",
        as_of=date_time(),
        action="sms_bundle",
        channel=Channel.CALL,
        policy_hash="p",
    )
    declined: Events = [
        (NOW - DAY, made),
        (NOW - DAY + HOUR, OutcomeRecorded(decision_id="d", state=OutcomeState.DECLINED)),
    ]
    bare = need([asked("sms")], "texting")
    by_phone = need([asked("sms"), *declined], "texting")
    by_mail = need([asked("sms"), *campaign("sms_bundle", Response.DECLINED)], "texting")
    assert by_phone.score == pytest.approx(by_mail.score)
    assert (by_phone.declined, by_mail.declined) == (1, 1)
    assert 0 < by_phone.score < bare.score


def test_old_contacts_are_forgotten() -> None:
    """What he asked about more than half a year ago says nothing of now."""
    customer = known([asked("sms")])
    later = Situation(customer, Call(), NOW + 200 * DAY, {}, "UTC")
    assert {n.score for n in needs_of(later)} == {0.0}


def test_the_offers_of_needs_are_actions_of_the_catalogue_or_of_operators_own() -> None:
    """Every need but one is met by an action that is shipped."""
    actions = {action.action for action in shipped_policy().catalogue.actions}
    assert set(OFFERS) == set(NEEDS)
    assert [name for name, offers in OFFERS.items() if not actions & {*offers}] == []


PAYER: tuple[int, Event] = (T0, ProfileChanged(plan="M", price_minor=3_000, contract_start=date(2023, 3, 1)))


def potential(events: Events, now_ms: int = NOW) -> Potential | None:
    return potential_of(Situation(known(events), Call(), now_ms, {}, "UTC"))


def paid(number: int, total_minor: int) -> tuple[int, Event]:
    return T0 + (30 * number + 5) * DAY, PaymentMade(bill_id=f"b{number}", amount_minor=total_minor)


def test_nothing_is_known_of_potential_before_a_bill() -> None:
    """Not nothing that he could afford, but nothing known."""
    assert potential([PAYER]) is None


def test_who_has_borne_more_and_paid_it_could_afford_more() -> None:
    """Headroom is what he has borne beyond his plan and a tenth of the usual, as far as he pays reliably."""
    steady = potential([PAYER, bill(0, 3_000), paid(0, 3_000), bill(1, 3_000), paid(1, 3_000)])
    borne = potential([PAYER, bill(0, 3_000), paid(0, 3_000), bill(1, 3_900), paid(1, 3_900)])
    assert steady is not None and borne is not None
    assert steady.headroom_minor == 300
    assert borne.headroom_minor == 900 + 345
    assert 0 < steady.score < borne.score <= 1


def test_refused_payments_lower_it() -> None:
    """A refusal speaks three times as loud as a payment."""
    events = [PAYER, bill(0, 3_000), paid(0, 3_000), bill(1, 3_900), paid(1, 3_900)]
    refused: tuple[int, Event] = (T0 + 40 * DAY, PaymentFailed(bill_id="b1", amount_minor=3_900))
    good, bad = potential(events), potential([*events, refused])
    assert good is not None and bad is not None
    assert bad.reliability < good.reliability == 1.0
    assert bad.headroom_minor < good.headroom_minor


@pytest.mark.parametrize(
    ("more", "barred"),
    [([(NOW - DAY, ProfileChanged(hardship=True))], "hardship"), ([], "overdue")],
)
def test_hardship_and_long_arrears_bar_it(more: Events, barred: str) -> None:
    """However much he once paid, nothing is to be added now."""
    settled = [paid(1, 3_900)] if barred == "hardship" else []
    found = potential([PAYER, bill(1, 3_900), *settled, *more])
    assert found is not None
    assert (found.barred, found.headroom_minor, found.score) == (barred, 0, 0.0)


def test_rules_can_name_all_of_it() -> None:
    """Needs and potential are facts of the table, and are computed apart."""
    customer = known([CHILD, *TEXTS, PAYER, bill(1, 3_000), paid(1, 3_000)])
    facts = facts_of(customer, Call(), NOW, FACTS, {})
    assert {f"need_{name}" for name in NEEDS} <= facts.keys()
    assert facts["top_need"] == "family_control"
    assert facts["headroom_minor"] == 300
    assert facts_of(known([]), Call(), NOW, ["top_need", "potential"], {}) == {
        "top_need": "",
        "potential": None,
    }


def date_time() -> object:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(NOW / 1000, UTC)
