"""Contacts and first-contact resolution against a plain computation over all contacts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain import view
from cem.domain.customer import decode_customer, encode_customer, new_customer
from cem.domain.events import CallDirection, CallEnded, CallStarted, Channel, InteractionRecorded, Resolution
from cem.domain.facts.contacts import all_contacts
from cem.domain.fold import fold, next_due_ms, tick
from cem.domain.state.contact_rows import unpack_contacts
from cem.domain.state.contacts import KEPT, LEFT, OPEN, REPEATED, RESOLVED
from tests.builders.customers import DAY, HOUR, MINUTE, SECOND, T0, Context, advance, household, received
from tests.builders.windows import contacts_in, touches_in

WEEK = 7 * DAY
REASONS = (None, "billing", "coverage")
RESOLUTIONS = (None, Resolution.RESOLVED, Resolution.UNRESOLVED)


class Whole:
    """One contact as it really was."""

    def __init__(
        self, number: int, at_ms: int, reason: str | None, resolution: Resolution | None, call: bool
    ) -> None:
        self.id = f"c{number}"
        self.at_ms = at_ms
        self.reason = reason or ""
        self.bad = resolution is Resolution.UNRESOLVED
        self.lasted_s = 60 + number
        if call:
            self.events = [
                (at_ms, CallStarted(call_id=self.id, reason=reason, rep_id="r1")),
                (
                    at_ms + self.lasted_s * SECOND,
                    CallEnded(
                        call_id=self.id, duration_s=self.lasted_s - 20, wait_s=20, resolution=resolution
                    ),
                ),
            ]
        else:
            self.events = [
                (
                    at_ms,
                    InteractionRecorded(
                        interaction_id=self.id, channel=Channel.APP, reason=reason, resolution=resolution
                    ),
                )
            ]


@st.composite
def streams(draw: st.DrawFn, most: int = 32, days: int = 25) -> tuple[list[Whole], list[int]]:
    """Contacts within `days`, and an order in which their events arrive."""
    drawn = draw(
        st.lists(
            st.tuples(
                st.integers(0, days * 24 * 60),
                st.sampled_from(REASONS),
                st.sampled_from(RESOLUTIONS),
                st.booleans(),
            ),
            min_size=1,
            max_size=most,
            unique_by=lambda d: d[0],
        )
    )
    contacts = [
        Whole(n, T0 + minutes * MINUTE, reason, resolution, call)
        for n, (minutes, reason, resolution, call) in enumerate(drawn)
    ]
    order = draw(st.permutations(range(sum(len(c.events) for c in contacts))))
    return contacts, list(order)


def brute_verdict(contact: Whole, contacts: list[Whole], now_ms: int) -> int:
    if any(c.reason == contact.reason and 0 < c.at_ms - contact.at_ms < WEEK for c in contacts):
        return REPEATED
    if now_ms < contact.at_ms + WEEK:
        return OPEN
    return LEFT if contact.bad else RESOLVED


@settings(max_examples=150, deadline=None)
@given(streams(), st.integers(0, 40 * 24 * 60), st.sampled_from([1, 7, 30]))
def test_any_order_gives_the_brute_force_answer(
    drawn: tuple[list[Whole], list[int]], minutes: int, days: int
) -> None:
    """Whatever order the events arrive in, windows and verdicts at any instant are those of a plain computation."""
    contacts, order = drawn
    events = [event for contact in contacts for event in contact.events]
    now_ms = T0 + minutes * MINUTE
    ctx = Context(now_ms)
    customer = new_customer("C1")
    for index in order:
        at_ms, event = events[index]
        fold(customer, received(event, at_ms), ctx)
    assert customer.contacts.total == len(contacts)
    assert [c.at_ms for c in all_contacts(customer)] == sorted(c.at_ms for c in contacts)
    by_time = {c.at_ms: c for c in contacts}
    for found in all_contacts(customer):
        assert found.verdict == brute_verdict(by_time[found.at_ms], contacts, now_ms)
    verdicts = [brute_verdict(c, contacts, now_ms) for c in contacts]
    section = customer.contacts
    assert (section.resolved, section.repeated, section.left) == tuple(
        verdicts.count(v) for v in (RESOLVED, REPEATED, LEFT)
    )
    for reason in (None, "billing"):
        assert contacts_in(customer, now_ms, days, reason=reason) == sum(
            now_ms - days * DAY < c.at_ms <= now_ms and reason in (None, c.reason) for c in contacts
        )


@settings(max_examples=100, deadline=None)
@given(streams(most=15), st.lists(st.integers(0, 30), max_size=6))
def test_cuts_and_restarts_change_nothing(drawn: tuple[list[Whole], list[int]], cuts: list[int]) -> None:
    """Encoding and decoding between any two events, and ticking whenever something is due, ends in the same state."""
    contacts, order = drawn
    events = [event for contact in contacts for event in contact.events]
    end_ms = T0 + 40 * DAY
    straight, restarted = new_customer("C1"), new_customer("C1")
    once, ticking = Context(end_ms), Context(T0)
    for place, index in enumerate(order):
        at_ms, event = events[index]
        fold(straight, received(event, at_ms), once)
        advance(restarted, ticking, at_ms)
        fold(restarted, received(event, at_ms), ticking)
        if place in cuts:
            restarted = decode_customer(encode_customer(restarted))
    advance(restarted, ticking, end_ms)
    assert next_due_ms(straight) is None or straight.contacts_due_ms == 0
    assert unpack_contacts(straight.contacts) == unpack_contacts(restarted.contacts)
    assert straight.contacts == restarted.contacts


def test_window_closes_to_the_millisecond() -> None:
    """A contact is open until, and judged exactly when, seven days have passed."""
    customer, ctx = household([(T0, CallStarted(call_id="c1", reason="billing"))])
    assert next_due_ms(customer) == T0 + WEEK
    tick(customer, T0 + WEEK - 1, ctx)
    assert all_contacts(customer)[0].verdict == OPEN
    tick(customer, T0 + WEEK, ctx)
    assert all_contacts(customer)[0].verdict == RESOLVED
    assert next_due_ms(customer) is None


def test_contact_at_the_end_of_the_window_is_no_repeat() -> None:
    """A window is half open: a contact exactly seven days later is outside, a millisecond earlier inside."""
    for late_ms, verdict in ((0, RESOLVED), (-1, REPEATED)):
        customer, _ = household(
            [
                (T0, CallStarted(call_id="c1", reason="billing")),
                (T0 + WEEK + late_ms, CallStarted(call_id="c2", reason="billing")),
            ]
        )
        assert all_contacts(customer)[0].verdict == verdict


def test_late_repeat_takes_a_verdict_back() -> None:
    """A repeat that is read after its window was closed turns RESOLVED into REPEATED, in the totals too."""
    customer, ctx = household([(T0, CallStarted(call_id="c1", reason="billing"))])
    advance(customer, ctx, T0 + 8 * DAY)
    assert customer.contacts.resolved == 1
    fold(customer, received(CallStarted(call_id="c2", reason="billing"), T0 + 6 * DAY), ctx)
    assert (customer.contacts.resolved, customer.contacts.repeated) == (0, 1)
    assert view.first_contact_resolution(customer) == 0.0


def test_abandoned_call_is_not_resolved() -> None:
    """An abandoned call without a repeat was left, not resolved at first contact."""
    customer, ctx = household(
        [(T0, CallStarted(call_id="c1")), (T0 + MINUTE, CallEnded(call_id="c1", abandoned=True))]
    )
    advance(customer, ctx, T0 + 8 * DAY)
    assert (customer.contacts.resolved, customer.contacts.left) == (0, 1)


def test_call_known_by_its_end_only_is_one_contact() -> None:
    """A source that knows whole calls gives one contact, at the call's beginning."""
    customer, _ = household(
        [(T0 + HOUR, CallEnded(call_id="c1", wait_s=60, duration_s=240, transfers=2, reason="billing"))]
    )
    (contact,) = view.recent_contacts(customer)
    assert contact.at_ms == T0 + HOUR - 300 * SECOND
    assert (contact.reason, contact.transfers, contact.id, contact.wait_s) == ("billing", 2, "c1", 60)
    assert view.effort(customer, T0 + HOUR) == (60, 0, 2, 0)


def test_wrap_up_overrides_the_menu() -> None:
    """The reason and rep recorded at the end stand, whichever event is read first."""
    started = (T0, CallStarted(call_id="c1", reason="other", rep_id="r1"))
    ended = (T0 + MINUTE, CallEnded(call_id="c1", reason="billing", rep_id="r2"))
    for events in ([started, ended], [ended, started]):
        customer, _ = household(events, ctx=Context(T0 + HOUR))
        (contact,) = view.recent_contacts(customer)
        assert (contact.reason, contact.rep_id, contact.at_ms) == ("billing", "r2", T0)


def test_our_own_calls_are_no_contacts() -> None:
    """A call that the company began is a touch, also if its end, which does not say who began, is read first."""
    started = (T0, CallStarted(call_id="c1", direction=CallDirection.OUTBOUND))
    ended = (T0 + MINUTE, CallEnded(call_id="c1", duration_s=60))
    for events in ([started, ended], [ended, started]):
        customer, _ = household(events, ctx=Context(T0 + HOUR))
        assert customer.contacts.total == 0
        assert view.recent_contacts(customer) == []
        assert [(t.kind, t.at_ms) for t in touches_in(customer, T0 + DAY, 7)] == [("call", T0)]


def test_many_contacts_stay_countable() -> None:
    """Beyond the newest 20, contacts of the last 30 days are still counted by reason, and their texts stay short."""
    events = [(T0 + n * HOUR, CallStarted(call_id=f"c{n}", reason=REASONS[n % 2 + 1])) for n in range(100)]
    customer, _ = household(events)
    now_ms = T0 + 100 * HOUR
    assert len(view.recent_contacts(customer)) == KEPT
    assert contacts_in(customer, now_ms, 30) == 100
    assert contacts_in(customer, now_ms, 30, reason="billing") == 50
    assert customer.contacts.dropped == 0


def test_flood_is_bounded_and_says_so() -> None:
    """A flood of contacts keeps the state small, and what windows cannot count any more is counted as dropped."""
    events = [(T0 + n * MINUTE, CallStarted(call_id=f"c{n}")) for n in range(300)]
    customer, _ = household(events)
    assert contacts_in(customer, T0 + DAY, 30) == 220
    assert (customer.contacts.dropped, customer.contacts.total) == (80, 300)
