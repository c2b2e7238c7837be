"""What customers are told about alerts: asked for once, in their language, at a fit time, unless it is withheld."""

from __future__ import annotations

import pytest

from cem.domain.alert_telling import contact_id
from cem.domain.alert_types import ALERT_TYPES
from cem.domain.customer import Customer
from cem.domain.events import (
    Alert,
    BillIssued,
    ConsentChanged,
    ContactAnswered,
    ContactDelivered,
    ContactFailed,
    Event,
    OutreachRequested,
    OutreachWithheld,
    ProfileChanged,
)
from cem.domain.events.enums import Channel, Consent, Response, Tell, WithheldBecause
from cem.domain.fold import fold
from cem.domain.localtime import date_of
from cem.domain.restraint import Restraint, read_restraint
from cem.domain.state.alerts import EVIDENCE, StoredAlert
from cem.domain.thresholds import AlertPolicy
from cem.domain.wording import LANGUAGES, language_of, wording
from cem.nba import history_of
from cem.nba.history import Past
from tests.builders.customers import DAY, HOUR, T0, Context, advance, household, received

NOON, EVENING = T0 + 30 * DAY + 12 * HOUR, T0 + 30 * DAY + 22 * HOUR
BRAKE = Restraint(("all",))


def bill(number: int, total_minor: int, at_ms: int) -> tuple[int, Event]:
    due = date_of(at_ms // DAY + 14)
    return at_ms, BillIssued(bill_id=f"b{number}", total_minor=total_minor, due=due)


def shocked(
    at_ms: int = NOON, *said: Event, restraint: Restraint | None = None, quiet: bool = False
) -> tuple[Customer, Context]:
    """Return a customer with a bill of 20.00, and then one of 50.00 at `at_ms`."""
    events: list[tuple[int, Event]] = [(T0, event) for event in said]
    ctx = Context(
        0, **({"alerts": AlertPolicy()} if quiet else {}), **({"restraint": restraint} if restraint else {})
    )  # type: ignore[arg-type]
    return household([*events, bill(1, 2_000, T0), bill(2, 5_000, at_ms)], ctx=ctx)


def alert_of(ctx: Context) -> Alert:
    return next(e for e in ctx.emitted if isinstance(e, Alert))


def test_an_alert_that_opens_asks_for_one_message() -> None:
    """To whom, over which channel, until when, and what it says: the customer's own numbers."""
    _, ctx = shocked()
    (asked,) = ctx.contacts
    assert isinstance(asked, OutreachRequested)
    alert = alert_of(ctx)
    assert (asked.alert_id, asked.channel, asked.who) == (alert.alert_id, alert.tell.channel, Tell.PAYER)
    assert asked.expires == alert.deliver_before
    assert asked.text.startswith("Your new bill is €50.00; usually it is about €20.00.")
    assert asked.action == (alert.remedy.action if alert.remedy else None)


def test_in_his_language() -> None:
    """Vietnamese for whom it is said of; English for languages that there are none of."""
    _, ctx = shocked(NOON, ProfileChanged(language="vi-VN"))
    (asked,) = ctx.contacts
    assert isinstance(asked, OutreachRequested)
    assert asked.language == "vi"
    assert "Hóa đơn mới" in asked.text
    assert [language_of(said) for said in ("", "vi", "de-AT", "EN")] == ["en", "vi", "en", "en"]


def test_at_night_nothing_is_asked_for_before_the_morning() -> None:
    """So nothing lies with a sender that a brake would have to call back."""
    customer, ctx = shocked(EVENING, quiet=True)
    assert ctx.contacts == []
    advance(customer, ctx, EVENING + 10 * HOUR - 1)
    assert ctx.contacts == []
    advance(customer, ctx, EVENING + 10 * HOUR)
    assert len(ctx.contacts) == 1
    advance(customer, ctx, EVENING + 12 * HOUR)
    assert len(ctx.contacts) == 1


def test_who_has_forbidden_every_channel_is_not_told() -> None:
    """He hears of it when he is next in contact."""
    forbidden = [ConsentChanged(purpose=Consent.SERVICE, granted=False, channel=c) for c in Channel]
    _, ctx = shocked(NOON, *forbidden)
    assert ctx.contacts == []


def test_he_is_told_only_when_it_arrived() -> None:
    """By the contact id of the request."""
    customer, ctx = shocked()
    (asked,) = ctx.contacts
    (alert,) = customer.alerts.open
    assert not alert.told_ms
    ctx.lane_time_ms = NOON + HOUR
    fold(
        customer,
        received(ContactDelivered(contact_id=asked.contact_id, channel=asked.channel), NOON + HOUR),
        ctx,
    )
    assert alert.told_ms == NOON + HOUR


def test_what_the_message_carried_is_kept_with_his_answer() -> None:
    """So that a remedy that he has taken up or declined by message rests, as one that a representative offered."""
    customer, ctx = shocked()
    (asked,) = ctx.contacts
    assert isinstance(asked, OutreachRequested) and asked.action
    ctx.lane_time_ms = NOON + 2 * HOUR
    for at_ms, event in (
        (NOON + HOUR, ContactDelivered(contact_id=asked.contact_id, channel=asked.channel)),
        (NOON + 2 * HOUR, ContactAnswered(contact_id=asked.contact_id, response=Response.DECLINED)),
    ):
        fold(customer, received(event, at_ms), ctx)
    assert history_of(customer, NOON + 3 * HOUR) == (Past(asked.action, "declined", NOON + 2 * HOUR),)
    assert history_of(customer, NOON + HOUR) == ()


@pytest.mark.parametrize(
    ("restraint", "because"),
    [
        (BRAKE, WithheldBecause.BRAKE),
        (Restraint(("type:bill_shock",)), WithheldBecause.BRAKE),
        (Restraint((), shadow=True), WithheldBecause.SHADOW),
        (Restraint(("type:sms_allowance", "action:none_such")), None),
    ],
)
def test_a_brake_and_a_shadow_run_withhold_and_record(
    restraint: Restraint, because: WithheldBecause | None
) -> None:
    """The alert is the same; what would have been said is recorded where no sender reads it."""
    free_customer, free = shocked()
    customer, ctx = shocked(restraint=restraint)
    assert ctx.emitted == free.emitted
    assert customer == free_customer
    (contact,) = ctx.contacts
    if because is None:
        assert contact == free.contacts[0]
        return
    assert isinstance(contact, OutreachWithheld)
    assert (contact.because, contact.TOPIC) == (because, "cem.audit")
    assert (contact.contact_id, contact.text) == (free.contacts[0].contact_id, free.contacts[0].text)


def test_what_reached_the_user_of_a_line_says_nothing_of_where_the_payer_answers() -> None:
    """The alert has been told; no touch of the payer is kept of it, whatever became of the message."""
    customer, ctx = shocked()
    alert = customer.alerts.open[0]
    contact = contact_id(customer.customer_id, alert, to_user=True)
    for number, event in enumerate(
        (
            ContactDelivered(contact_id=contact, channel=Channel.SMS),
            ContactAnswered(contact_id=contact, channel=Channel.SMS, response=Response.OPENED),
            ContactFailed(contact_id=contact, channel=Channel.SMS),
        )
    ):
        fold(customer, received(event, NOON + HOUR + number), ctx)
    assert alert.told_ms == NOON + HOUR
    assert not customer.outreach.touches
    assert contact_id(customer.customer_id, alert) != contact


def test_a_restraint_is_read_as_it_was_written() -> None:
    """It stands in the journal as text."""
    for restraint in (
        Restraint(),
        BRAKE,
        Restraint(("action:x", "type:y"), shadow=True),
        Restraint((), shadow=True),
        Restraint((), paused=("repeat_call", "sinking")),
        Restraint(("type:y",), shadow=True, paused=("sinking",)),
    ):
        assert read_restraint(restraint.text) == restraint
    assert Restraint().text == ""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("type_", ALERT_TYPES)
@pytest.mark.parametrize("who", [Tell.PAYER, Tell.USER])
def test_every_type_has_words_with_and_without_evidence(type_: str, language: str, who: Tell) -> None:
    """Nothing is left unfilled, and nothing of another's line but its number is said."""
    for evidence in ({}, dict.fromkeys(EVIDENCE.get(type_, ()), 7)):
        alert = StoredAlert.new(
            type_, "+84900000001", "c", T0, evidence=evidence, tell_who=str(who), action="sms_bundle", price_minor=300,
            cost_minor=1_234,
        )  # fmt: skip
        text = wording(alert, language, "EUR")
        assert 20 < len(text) < 480
        assert not set("{}") & set(text)
        if who is Tell.USER:
            assert "+84900000001" not in text
