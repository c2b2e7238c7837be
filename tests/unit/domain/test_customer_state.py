"""The customer's bytes: canonical, versioned, small."""

from __future__ import annotations

import msgspec
import pytest

from cem.domain.customer import (
    VERSION,
    BrokenState,
    NewerState,
    decode_customer,
    encode_customer,
    new_customer,
)
from cem.domain.events import ProfileChanged, SmsRated
from cem.domain.fold import fold
from tests.builders.customers import HOUR, T0, Context, household, received
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
    """Two lines, 20 contacts, 6 decisions, 2 bills, a profile: at most 1,500 bytes."""
    assert len(encode_customer(typical_customer())) <= 1_500
