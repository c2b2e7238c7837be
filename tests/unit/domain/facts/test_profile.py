"""What profiles, plans, contracts and consents say, against the newest statement."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain import view
from cem.domain.events import (
    Channel,
    ConsentChanged,
    ContractCancelled,
    ContractRenewed,
    CustomerStatus,
    Event,
    Initiative,
    PlanChanged,
    ProfileChanged,
    ProfileLine,
    Role,
)
from cem.domain.events.enums import Consent
from tests.builders.customers import DAY, HOUR, T0, arrived

UTC = ZoneInfo("UTC")
TODAY = date(2025, 3, 3)

said = st.fixed_dictionaries(
    {},
    optional={
        "language": st.sampled_from(["en", "vi"]),
        "status": st.sampled_from(list(CustomerStatus)),
        "area": st.sampled_from(["north", "south"]),
        "channel_said": st.sampled_from([Channel.SMS, Channel.CALL]),
        "hardship": st.booleans(),
        "cycle_day": st.integers(1, 31),
        "segments": st.sampled_from([{}, {"tier": "gold"}]),
        "lines": st.sampled_from([(), (ProfileLine(line="+1", role=Role.PAYER, birth_year=1980),)]),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(said, max_size=8), st.data())
def test_each_field_is_what_the_newest_event_said(
    statements: list[dict[str, object]], data: st.DataObject
) -> None:
    """Partial profiles in any order: each field has the value of the newest event that carried it."""
    events: list[tuple[int, Event]] = [
        (T0 + hour * HOUR, ProfileChanged(**fields)) for hour, fields in enumerate(statements)
    ]
    profile = arrived(data.draw(st.permutations(events)), T0 + DAY).profile
    newest: dict[str, object] = {}
    for fields in statements:
        newest |= fields
    assert profile.language == newest.get("language", "")
    assert profile.status == newest.get("status", "")
    assert profile.area == newest.get("area", "")
    assert profile.channel_said == newest.get("channel_said", "")
    assert profile.hardship == newest.get("hardship", False)
    assert profile.cycle_day == newest.get("cycle_day", 0)
    assert profile.segments == newest.get("segments", {})
    assert [u.line for u in profile.users] == [line.line for line in newest.get("lines", ())]  # type: ignore[attr-defined]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, "+1"]),
            st.sampled_from(["S", "M", "L"]),
            st.integers(-3, 30),
            st.integers(1, 99),
        ),
        max_size=4,
        unique_by=lambda p: (p[0], p[2]),
    ),
    st.integers(0, 40),
    st.data(),
)
def test_plan_in_force_on_any_day(
    plans: list[tuple[str | None, str, int, int]], day: int, data: st.DataObject
) -> None:
    """In any order of arrival, the plan with the latest beginning not after the instant holds, the line's own first."""
    events: list[tuple[int, Event]] = [
        (
            T0 + hour * HOUR,
            PlanChanged(line=line, plan=name, price_minor=price, effective=TODAY + timedelta(days=begins)),
        )
        for hour, (line, name, begins, price) in enumerate(plans)
    ]
    customer = arrived(data.draw(st.permutations(events)), T0 + DAY)
    now_ms = T0 + day * DAY
    for line in ("+1", "+2", ""):
        own = [p for p in plans if p[0] == line and p[2] <= day]
        account = [p for p in plans if p[0] is None and p[2] <= day]
        expected = max(own or account, key=lambda p: p[2], default=None)
        plan = view.plan_at(customer, now_ms, line)
        if expected is None:
            assert plan is None
        else:
            assert plan is not None
            assert (plan.name, plan.price_minor) == (expected[1], expected[3])


def test_what_a_plan_statement_leaves_out_is_as_it_was() -> None:
    """A profile that repeats the plan without its price keeps the price; another plan does not inherit it."""
    customer = arrived(
        [
            (T0, PlanChanged(plan="M", price_minor=3_900, sms_allowance=100)),
            (T0 + HOUR, ProfileChanged(plan="M")),
            (T0 + 2 * HOUR, ProfileChanged(price_minor=2_900)),
            (T0 + 3 * HOUR, PlanChanged(plan="L", effective=date(2025, 4, 1))),
        ],
        T0 + DAY,
    )
    plan = view.plan_at(customer, T0 + DAY)
    assert plan is not None
    assert (plan.name, plan.price_minor, plan.sms_allowance) == ("M", 2_900, 100)
    later = view.plan_at(customer, T0 + 40 * DAY)
    assert later is not None
    assert (later.name, later.price_minor, later.sms_allowance) == ("L", -1, -1)


def test_cancellation_holds_until_a_later_renewal() -> None:
    """In any order: the later said of renewal and cancellation holds; a restated profile changes neither."""
    cancelled = (T0, ContractCancelled(effective=date(2025, 4, 1), initiative=Initiative.OPERATOR))
    restated = (T0 + HOUR, ProfileChanged(contract_end=date(2026, 1, 1)))
    renewed = (T0 + 2 * HOUR, ContractRenewed(end=date(2027, 1, 1)))
    for events in ([cancelled, restated], [restated, cancelled]):
        customer = arrived(events, T0 + DAY)
        assert view.cancelled_from_ms(customer) == T0 + 29 * DAY
        assert view.contract_days_left(customer, T0, UTC) == (date(2026, 1, 1) - TODAY).days
    for events in (
        [cancelled, restated, renewed],
        [renewed, restated, cancelled],
        [restated, renewed, cancelled],
    ):
        customer = arrived(events, T0 + DAY)
        assert view.cancelled_from_ms(customer, "+1") is None
        assert view.contract_days_left(customer, T0, UTC, "+1") == (date(2027, 1, 1) - TODAY).days


def test_consents_by_purpose_and_channel() -> None:
    """The newest yes or no counts for each purpose and channel; over a channel without one, the purpose's own."""
    customer = arrived(
        [
            (T0 + HOUR, ConsentChanged(purpose=Consent.MARKETING, granted=False, channel=Channel.SMS)),
            (T0, ConsentChanged(purpose=Consent.MARKETING, granted=True, channel=Channel.SMS)),
            (T0, ConsentChanged(purpose=Consent.MARKETING, granted=True)),
        ],
        T0 + DAY,
    )
    assert view.consent(customer, "marketing", "sms") is False
    assert view.consent(customer, "marketing", "email") is True
    assert view.consent(customer, "marketing") is True
    assert view.consent(customer, "profiling") is None


def test_tenure_from_the_stated_day_or_the_first_record() -> None:
    """Without a stated first day, tenure counts from the oldest record."""
    assert view.tenure_days(arrived([(T0, ProfileChanged(area="x"))], T0), T0 + 10 * DAY, UTC) == 10
    stated = arrived([(T0, ProfileChanged(contract_start=TODAY - timedelta(days=100)))], T0)
    assert view.tenure_days(stated, T0 + 10 * DAY, UTC) == 110
