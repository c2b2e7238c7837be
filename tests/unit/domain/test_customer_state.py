"""The customer's bytes: canonical, versioned, small."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cem.domain import view
from cem.domain.customer import VERSION, decode_customer, encode_customer, new_customer, plain_bytes
from cem.domain.events import PaymentMade, ProfileChanged, SmsRated
from cem.domain.fold import fold, tick
from cem.domain.state_errors import BrokenState, NewerState
from tests.builders.customers import DAY, HOUR, MINUTE, SECOND, T0, Context, household, received
from tests.builders.typical_customer import typical_customer

SECTIONS = (
    "profile",
    "contacts",
    "talk",
    "billing",
    "satisfaction",
    "service",
    "outreach",
    "decisions",
    "alerts",
    "journey",
    "value",
)


def test_looking_at_a_section_does_not_change_the_bytes() -> None:
    """Equal states have equal bytes, whichever sections somebody has read."""
    customer = typical_customer()
    data = encode_customer(customer)
    for make in (lambda: new_customer("C1"), lambda: decode_customer(data)):
        looked_at, untouched = make(), make()
        for name in SECTIONS:
            getattr(looked_at, name)
        assert encode_customer(looked_at) == encode_customer(untouched)
    assert encode_customer(decode_customer(data)) == data


def test_an_older_version_is_read_with_defaults() -> None:
    """A state whose arrays end earlier is read, and what it did not know yet is at its default."""
    customer, _ = household([(T0, ProfileChanged(language="vi")), (T0 + HOUR, SmsRated(line="+1"))])
    fields = msgspec.msgpack.decode(encode_customer(customer))
    older = [VERSION - 1, *fields[1:-2]]
    lines = older[customer.__struct_fields__.index("lines")]
    lines["+1"] = lines["+1"][:2]
    read = decode_customer(msgspec.msgpack.encode(older))
    assert read.version == VERSION
    assert read.profile.language == "vi"
    assert read.lines["+1"].cycle is not None
    assert read.lines["+1"].velocity is None
    assert read.alerts.open == []
    assert fold(read, received(SmsRated(line="+1"), T0 + 2 * HOUR), Context(T0))


def test_a_newer_version_is_refused_by_name() -> None:
    """What a newer program wrote is not half read: the error says which versions meet and what to do."""
    fields = msgspec.msgpack.decode(encode_customer(new_customer("C1")))
    for newer in ([VERSION + 1, *fields[1:], "new"], [VERSION + 1, "C1", "another", "layout"]):
        with pytest.raises(NewerState, match=f"customer C1 has version {VERSION + 1}.*reads up to {VERSION}"):
            decode_customer(msgspec.msgpack.encode(newer))


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"\xc1", b"{}", b"\x93\x01\xa2C1\xa1x", b"\x92\x01\xa2\xff\xfe"]
)
def test_bytes_that_are_no_customer_are_called_broken(data: bytes) -> None:
    """Anything else is BrokenState, never another exception."""
    with pytest.raises(BrokenState):
        decode_customer(data)


def test_a_typical_customer_is_small() -> None:
    """Two lines, 20 contacts, 5 decisions, 2 bills, a profile, value and what models wait for: at most 1,276 bytes.

    With Redis's 4 that is the 1,280 that its allocator hands out, and 1,440 with key and tables.
    """
    assert len(encode_customer(typical_customer())) <= 1_276


def test_quiet_sections_are_deflated_and_come_back() -> None:
    """The state is smaller than its parts; reading any section gives what was written, and looking changes no byte."""
    customer = typical_customer()
    contacts, billing = customer.contacts, customer.billing
    data = encode_customer(customer)
    assert len(data) < len(plain_bytes(data))
    read = decode_customer(data)
    assert (read.contacts, read.billing) == (contacts, billing)
    assert encode_customer(read) == data
    assert decode_customer(plain_bytes(data)).billing == billing
    # The common record neither inflates nor deflates them.
    again = decode_customer(data)
    at_ms = again.last_ms + MINUTE
    assert fold(again, received(SmsRated(line="+4915100000001"), at_ms), Context(at_ms))
    assert again._piece == decode_customer(data)._piece


def test_small_sections_stay_as_they_are() -> None:
    """A customer of whom little is known is not worth deflating."""
    customer, _ = household([(T0, ProfileChanged(language="vi")), (T0 + HOUR, SmsRated(line="+1"))])
    data = encode_customer(customer)
    assert plain_bytes(data) == data


def test_a_damaged_piece_is_called_broken() -> None:
    """A piece that cannot be inflated is BrokenState when one of its sections is looked at, and names the customer."""
    fields = msgspec.msgpack.decode(encode_customer(typical_customer()))
    place = fields.index(decode_customer(encode_customer(typical_customer()))._piece)
    whole = fields[place]
    for piece in (b"", b"\xff", whole[:-9], whole[:1] + b"\xff" * 20):
        fields[place] = piece
        with pytest.raises(BrokenState, match="C0012345"):
            _ = decode_customer(msgspec.msgpack.encode(fields)).billing


def test_a_busy_customer_is_not_deflated() -> None:
    """A record that is no message inflates the sections; an hour later a message, or a tick, has them deflated again."""
    quiet = typical_customer()
    data = encode_customer(quiet)
    now_ms = quiet.last_ms + DAY
    for settles in (
        lambda customer, at_ms: fold(customer, received(SmsRated(line="+1"), at_ms), Context(at_ms)),
        lambda customer, at_ms: tick(customer, at_ms, Context(at_ms)),
    ):
        customer = decode_customer(data)
        paid = PaymentMade(bill_id="b-00000003", amount_minor=1)
        assert fold(customer, received(paid, now_ms), Context(now_ms))
        busy = encode_customer(customer)
        assert plain_bytes(busy) == busy
        settles(customer, now_ms + HOUR - SECOND)
        assert encode_customer(customer) == plain_bytes(encode_customer(customer))
        settles(customer, now_ms + HOUR)
        assert len(encode_customer(customer)) < len(busy) - 300
        assert customer.billing.paid_minor == quiet.billing.paid_minor + 1


FROZEN = Path(__file__).parent / "states"


def test_this_version_has_a_frozen_state() -> None:
    """Whoever raises VERSION freezes a state of the new version: the bytes of `eventful_customer()`, in hex."""
    assert (FROZEN / f"version_{VERSION}.hex").exists()


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_states_of_this_and_the_last_version_are_read(version: int) -> None:
    """What version n - 1 wrote is read by n, field by field, and can be folded on: a rolling upgrade works."""
    customer = decode_customer(bytes.fromhex((FROZEN / f"version_{version}.hex").read_text()))
    now_ms = T0 + 370 * DAY + 70 * MINUTE
    assert (customer.version, customer.customer_id) == (VERSION, "C0012345")
    assert customer.counts == [35, 190, 10, 9, 2, 2, 5, 5]
    assert [line.counts for line in customer.lines.values()] == [[16, 60], [0, 130, 1, 1]]
    assert view.charged_minor(customer, now_ms) == 630
    assert view.recipients_24h(customer.lines["+4915100000002"], now_ms) == 70
    assert customer.profile.area == "Berlin"
    assert [user.role for user in customer.profile.users] == ["payer", "child"]
    assert view.consent(customer, "marketing") is True
    plan = view.plan_at(customer, now_ms + 30 * DAY)
    assert plan is not None
    assert (plan.name, plan.price_minor) == ("Family L", 4_900)
    assert view.cancelled_from_ms(customer, "+4915100000002") is not None
    assert len(view.recent_contacts(customer)) == 20
    assert view.recent_contacts(customer)[-1].id == "call-x"
    assert customer.contacts.total == 21
    assert [turn.text for call in view.open_calls(customer, now_ms) for turn in call.turns] == ["again!"]
    assert [bill.total_minor for bill in customer.billing.bills] == [4_260, 4_260]
    assert customer.billing.purchases[0].product == "case"
    assert [answer.nps for answer in customer.satisfaction.answers if answer.nps >= 0][-1] == 8
    assert len(view.open_faults(customer, now_ms)) == 1
    assert [t.category for t in view.open_tickets(customer)] == ["coverage"]
    assert [o.product for o in view.open_orders(customer)] == ["router"]
    assert [t.text for t in view.open_tasks(customer)] == ["call back"]
    assert customer.service.notes[0].text == "prefers mornings"
    assert [t.id for t in customer.outreach.touches] == ["k-000071", "k-000093"]
    assert {d.action for d in customer.decisions.made} == {"explain_bill", "sms_bundle"}
    assert sorted(a.type for a in view.open_alerts(customer)) == ["sms_allowance", "sms_velocity"]
    assert fold(customer, received(SmsRated(line="+1"), now_ms), Context(now_ms))
