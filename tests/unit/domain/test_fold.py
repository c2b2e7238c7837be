"""The fold as a whole: any events, any cuts, ticks, erasure, purity."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cem.domain.customer import Customer, decode_customer, encode_customer, new_customer
from cem.domain.events import EVENT_TYPES, CustomerErased, Event, SmsRated
from cem.domain.fold import fold, next_due_ms, tick
from tests.builders.any_event import customer_events
from tests.builders.customers import DAY, HOUR, MINUTE, T0, Context, advance, received
from tests.builders.typical_customer import CHILD, typical_events

drawn_events = st.lists(st.tuples(customer_events(), st.integers(-20 * 24, 5 * 24)), max_size=25)
quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def run(
    events: list[tuple[Event, int]], cuts: list[int], *, restart: bool
) -> tuple[Customer, Context, list[str]]:
    """Fold the events at rising lane times, in batches that end at `cuts`; with `restart`, encode between them."""
    ctx = Context(T0)
    customer = new_customer("C1")
    for number, (event, hours) in enumerate(events):
        now_ms = T0 + number * 5 * HOUR
        advance(customer, ctx, now_ms)
        fold(customer, received(event, now_ms + hours * HOUR, id=f"e{number}"), ctx)
        if restart and number in cuts:
            customer = decode_customer(encode_customer(customer))
    advance(customer, ctx, T0 + 60 * DAY)
    return customer, ctx, [repr(event) for event in ctx.emitted]


@quick
@given(drawn_events, st.lists(st.integers(0, 25), max_size=6))
def test_any_events_fold_and_any_cut_gives_the_same_bytes(
    events: list[tuple[Event, int]], cuts: list[int]
) -> None:
    """No event that the classes allow stops a lane, and restarts between events change neither state nor emissions."""
    straight, ctx, emitted = run(events, cuts, restart=False)
    restarted, again, emitted_again = run(events, cuts, restart=True)
    assert encode_customer(straight) == encode_customer(restarted)
    assert emitted == emitted_again
    assert ctx.kinds == again.kinds
    assert ctx.indexed == again.indexed
    decode_customer(encode_customer(straight))


@quick
@given(drawn_events)
def test_a_tick_leaves_nothing_due(events: list[tuple[Event, int]]) -> None:
    """After a tick at any time nothing is due by then, so the lane does not tick for ever."""
    customer, ctx = new_customer("C1"), Context(T0)
    for number, (event, hours) in enumerate(events):
        fold(customer, received(event, T0 + hours * HOUR, id=f"e{number}"), ctx)
        tick(customer, T0 + number * HOUR, ctx)
        due_ms = next_due_ms(customer)
        assert due_ms is None or due_ms > T0 + number * HOUR


@pytest.mark.parametrize("name", sorted(name for name, cls in EVENT_TYPES.items() if cls.OF_CUSTOMER))
def test_every_type_is_counted_once(name: str) -> None:
    """Whatever else it does, an accepted record is counted, and its repeat is not."""
    from hypothesis import find

    from tests.builders.any_event import any_event

    event = find(any_event(EVENT_TYPES[name]), lambda _: True)
    customer, ctx = new_customer("C1"), Context(T0)
    assert fold(customer, received(event, T0), ctx)
    counted = sum(customer.counts)
    assert counted == (
        0
        if name.startswith(
            ("customer.erased", "customer.merged", "state.", "alert.", "outreach.", "webhook.")
        )
        else 1
    )
    assert not fold(customer, received(event, T0), ctx)
    assert sum(customer.counts) == counted


def test_erasure_forgets_everything_but_the_ids() -> None:
    """After an erasure nothing of the customer is left, and a repeat of what was folded before stays out."""
    customer, ctx = new_customer("C0012345"), Context(0)
    for at_ms, event in typical_events():
        fold(customer, received(event, at_ms, customer_id="C0012345"), ctx)
    for n in range(60):
        ctx.lane_time_ms = T0 + 400 * DAY + n * MINUTE
        fold(customer, received(SmsRated(line=CHILD, recipient=f"r{n}"), ctx.lane_time_ms), ctx)
    assert customer.alerts.open
    assert ctx.indexed
    fold(customer, received(CustomerErased(), T0 + 401 * DAY), ctx)
    blank = new_customer("C0012345")
    blank.as_of_ms, blank.seen = customer.as_of_ms, customer.seen
    blank.seen_mark_s, blank.seen_marked = customer.seen_mark_s, customer.seen_marked
    assert encode_customer(customer) == encode_customer(blank)
    assert ctx.indexed == {}
    assert next_due_ms(customer) is None
