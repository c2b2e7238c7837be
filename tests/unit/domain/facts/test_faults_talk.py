"""Faults felt, and the calls going on."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain import view
from cem.domain.events import (
    CallEnded,
    CallStarted,
    CallTurn,
    Event,
    ServiceDegraded,
    ServiceKind,
    ServiceRestored,
    Speaker,
)
from cem.domain.facts.talk import CALL_LIMIT_MS
from tests.builders.customers import DAY, HOUR, MINUTE, T0, Context, arrived, household


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40 * 24), st.integers(1, 50), st.booleans()),
        max_size=20,
        unique_by=lambda f: f[0],
    ),
    st.data(),
)
def test_faults_by_incident_in_any_order(faults: list[tuple[int, int, bool]], data: st.DataObject) -> None:
    """Beginning and end of one incident are one fault, counted in the window in which it began."""
    events: list[tuple[int, Event]] = []
    for n, (hour, lasts, ends) in enumerate(faults):
        at_ms = T0 + hour * HOUR
        events.append((at_ms, ServiceDegraded(kind=ServiceKind.DATA, line="+1", incident_id=f"i{n}")))
        if ends:
            over_ms = at_ms + lasts * HOUR
            events.append((over_ms, ServiceRestored(kind=ServiceKind.DATA, line="+1", incident_id=f"i{n}")))
    customer = arrived(data.draw(st.permutations(events)), T0 + 50 * DAY)
    now_ms = max((at_ms for at_ms, _ in events), default=T0)
    began = [T0 + hour * HOUR for hour, _, _ in faults]
    if len(faults) <= 2:
        assert customer.service.faults_total == len(faults)
        assert len(view.open_faults(customer, now_ms)) == sum(not ends for _, _, ends in faults)
    since_ms = max(began, default=T0) - 30 * DAY
    kept = [fault.began_ms for fault in customer.service.faults]
    assert sum(since_ms < at_ms for at_ms in kept) == sum(since_ms < at_ms for at_ms in began)


def test_without_incidents_an_end_belongs_to_the_first_open_fault_of_its_place() -> None:
    """Service and line tell which fault is over."""
    customer = arrived(
        [
            (T0, ServiceDegraded(kind=ServiceKind.DATA, line="+1")),
            (T0 + HOUR, ServiceDegraded(kind=ServiceKind.DATA, area="north")),
            (T0 + 2 * HOUR, ServiceRestored(kind=ServiceKind.DATA, line="+1")),
        ],
        T0 + DAY,
    )
    assert [f.line for f in view.open_faults(customer, T0 + DAY)] == [""]
    assert customer.service.faults_total == 2


def test_the_open_call_and_its_last_words() -> None:
    """While a call goes on its reason, rep and last turns are known; its end takes it away."""
    events: list[tuple[int, Event]] = [
        (T0, CallStarted(call_id="c1", rep_id="r1", reason="billing", line="+1"))
    ]
    events += [
        (T0 + n, CallTurn(call_id="c1", turn=n, speaker=Speaker.CUSTOMER, text=f"{n} " + "x" * 500))
        for n in (2, 1, 5, 3, 4, 6)
    ]
    customer, _ = household(events, ctx=Context(T0))
    (call,) = view.open_calls(customer, T0 + MINUTE)
    assert (call.rep_id, call.reason, call.line) == ("r1", "billing", "+1")
    assert [t.turn for t in call.turns] == [3, 4, 5, 6]
    assert all(len(t.text) == 240 for t in call.turns)
    assert view.open_calls(customer, T0 + CALL_LIMIT_MS) == []
    customer, _ = household([*events, (T0 + HOUR, CallEnded(call_id="c1"))], ctx=Context(T0))
    assert view.open_calls(customer, T0 + HOUR) == []
    assert customer.talk.calls == []


def test_a_call_whose_end_came_first_does_not_open() -> None:
    """Neither its beginning nor a turn opens a call that has ended."""
    customer, _ = household(
        [
            (T0 + HOUR, CallEnded(call_id="c1", duration_s=60)),
            (T0 + HOUR - MINUTE, CallStarted(call_id="c1")),
            (T0 + HOUR - 1, CallTurn(call_id="c1", turn=1, speaker=Speaker.REP, text="hello")),
        ],
        ctx=Context(T0 + HOUR),
    )
    assert view.open_calls(customer, T0 + HOUR) == []


def test_two_members_may_call_at_once() -> None:
    """Several calls of one household are open side by side, the newest last, at most three."""
    events = [(T0 + n * MINUTE, CallStarted(call_id=f"c{n}")) for n in range(5)]
    customer, _ = household(events)
    assert [c.call_id for c in view.open_calls(customer, T0 + HOUR)] == ["c2", "c3", "c4"]
