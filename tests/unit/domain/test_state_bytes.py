"""Every state that the classes allow goes into bytes and comes back as it was."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cem.domain.customer import Customer, decode_customer, encode_customer, new_customer, plain_bytes
from cem.domain.state.contact_rows import pack_contacts, unpack_contacts
from cem.domain.state.contacts import Contact, Contacts
from cem.domain.state.decisions import Decision, Decisions, pack_decisions
from cem.domain.state.squeeze import is_turned, squeeze, turned, turned_back, unsqueeze
from tests.builders.any_state import SECTIONS, any_struct, contact_lists, customers, decision_lists

slow = settings(suppress_health_check=[HealthCheck.too_slow])


@slow
@given(customers(), st.sets(st.sampled_from(sorted(SECTIONS))))
def test_any_customer_comes_back(customer: Customer, looked_at: set[str]) -> None:
    """Decoding gives an equal customer, and the same bytes again, whichever sections were looked at before."""
    data = encode_customer(customer)
    again = decode_customer(data)
    for name in Customer.__struct_fields__:
        if not name.startswith("_"):
            assert getattr(again, name) == getattr(customer, name)
    for name in sorted(looked_at):
        assert getattr(again, name) == getattr(customer, name)
    assert encode_customer(again) == data
    for name in SECTIONS:
        assert getattr(again, name) == getattr(customer, name)
    assert encode_customer(again) == data


@pytest.mark.parametrize("name", sorted(SECTIONS))
@settings(max_examples=25)
@given(data=st.data())
def test_a_section_of_an_older_version_is_read(name: str, data: st.DataObject) -> None:
    """A section whose array, and those in it, end anywhere after what is required: the rest is at its default."""
    section: Any = data.draw(any_struct(SECTIONS[name]))
    customer = new_customer("C1")
    setattr(customer, f"_{name}", section)
    fields = msgspec.msgpack.decode(plain_bytes(encode_customer(customer)))
    place = Customer.__struct_fields__.index(f"_{name}")
    kept = data.draw(st.integers(0, len(fields[place])))
    fields[place] = fields[place][:kept]
    read = getattr(decode_customer(msgspec.msgpack.encode(fields)), name)
    default = SECTIONS[name]()
    for index, field in enumerate(SECTIONS[name].__struct_fields__):
        assert getattr(read, field) == getattr(section if index < kept else default, field)


@given(st.binary(max_size=60), st.integers(1, 9))
def test_turned_rows_come_back(rows: bytes, width: int) -> None:
    """Columns become the rows again, whatever is left over at the end; turned, alike columns are together."""
    assert turned_back(turned(rows, width), width) == rows
    assert turned(b"a1b2c3", 2) == b"abc123"


@given(st.binary(max_size=500))
def test_pieces_come_back(plain: bytes) -> None:
    """Whatever is squeezed comes back, as a piece whose rows were turned."""
    piece = squeeze(plain)
    assert unsqueeze(piece) == plain
    assert is_turned(piece)


@given(contact_lists())
def test_packed_contacts_come_back(lists: tuple[list[Contact], list[Contact]]) -> None:
    """Rows of contacts hold each field that they are for, and equal lists give equal bytes."""
    packed, again = Contacts(), Contacts()
    pack_contacts(packed, *lists)
    assert unpack_contacts(packed) == lists
    pack_contacts(again, *unpack_contacts(packed))
    assert again == packed


@given(decision_lists())
def test_packed_decisions_come_back(made: list[Decision]) -> None:
    """Rows of decisions hold each field, and equal lists give equal bytes."""
    packed, again = Decisions(), Decisions()
    pack_decisions(packed, made)
    assert packed.made == made
    pack_decisions(again, packed.made)
    assert again == packed
