"""Only the newest contacts are unpacked, judged and packed again by a record: the state is as if all of them had been."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain.customer import Customer, decode_customer, encode_customer, new_customer
from cem.domain.events import (
    CallEnded,
    CallStarted,
    Channel,
    Event,
    InteractionRecorded,
    Received,
    Resolution,
)
from cem.domain.facts import contacts
from cem.domain.facts.contacts import all_contacts, keep_contacts
from cem.domain.fold import fold, next_due_ms, tick
from cem.domain.state.contact_rows import newest_until, unpack_contacts
from cem.domain.state.contacts import unresolved
from cem.domain.state.contacts_at_hand import contacts_since, glimpses_since
from tests.builders.customers import DAY, HOUR, T0, Context, received

_REASONS = st.sampled_from([None, "a", "b", "c", "d", "e"])
_ENDS = st.sampled_from([None, Resolution.RESOLVED, Resolution.UNRESOLVED])
#: Hours since the contact before, how much later its events come, its reason, its end, and whether it is a call.
_ROWS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 60), st.integers(100, 900)),
        st.sampled_from([0, 0, 0, 1, 200, 900]),
        _REASONS,
        _ENDS,
        st.booleans(),
    ),
    min_size=1,
    max_size=45,
)


def _events(rows: list[tuple[int, int, str | None, Resolution | None, bool]]) -> list[tuple[int, int, Event]]:
    """Return when each event comes (lane time), when it happened, and itself, in order of coming."""
    found: list[tuple[int, int, Event]] = []
    at_ms = T0
    for number, (gap_h, late_h, reason, end, is_call) in enumerate(rows):
        at_ms += gap_h * HOUR
        if is_call:
            found.append((at_ms + late_h * HOUR, at_ms, CallStarted(call_id=f"c{number}", reason=reason)))
            ended = CallEnded(
                call_id=f"c{number}", duration_s=60, wait_s=number, resolution=end, reason=reason
            )
            found.append((at_ms + 60_000, at_ms + 60_000, ended))
        else:
            written = InteractionRecorded(
                interaction_id=f"i{number}", channel=Channel.APP, reason=reason, resolution=end
            )
            found.append((at_ms + late_h * HOUR, at_ms, written))
    return sorted(found, key=lambda event: event[0])


@settings(max_examples=60, deadline=None)
@given(_ROWS)
def test_a_part_is_folded_as_all_contacts_would_be(
    rows: list[tuple[int, int, str | None, Resolution | None, bool]],
) -> None:
    """The state is that of who looks at all contacts with each record; readers of a part see what all hold."""
    customer, whole = new_customer("c"), new_customer("c")
    for number, (lane_ms, at_ms, event) in enumerate(_events(rows)):
        come = received(event, at_ms, id=f"e{number}", ingested_ms=lane_ms)
        _advance(customer, come, lane_ms)
        with pytest.MonkeyPatch.context() as all_of_them:
            all_of_them.setattr(contacts, "_part_of", lambda *_: None)
            _advance(whole, come, lane_ms)
        assert encode_customer(whole) == encode_customer(customer)
        kept, older = unpack_contacts(customer.contacts)
        for since_ms in (lane_ms - 8 * DAY, lane_ms - 30 * DAY, at_ms, -1, lane_ms - DAY):
            expected = [c for c in (*older, *kept) if c.at_ms > since_ms]
            assert contacts_since(customer.contacts, since_ms) == expected
            seen = [(c.at_ms, c.verdict, unresolved(c), c.wait_s + c.hold_s, c.reason) for c in expected]
            assert glimpses_since(customer.contacts, since_ms) == seen
            before = [c.at_ms for c in (*older, *kept) if c.at_ms <= since_ms]
            assert newest_until(customer.contacts, since_ms) == (before[-1] if before else None)
        packed = encode_customer(customer)
        again = decode_customer(packed)
        keep_contacts(again, all_contacts(again), lane_ms)
        assert encode_customer(again) == packed


def _advance(customer: Customer, come: Received, lane_ms: int) -> None:
    """Have the customer's ticks up to then, and the record."""
    ctx = Context(T0)
    while (due_ms := next_due_ms(customer)) is not None and due_ms <= lane_ms:
        ctx.lane_time_ms = due_ms
        tick(customer, due_ms, ctx)
    ctx.lane_time_ms = lane_ms
    fold(customer, come, ctx)
