"""What decisions read by shorter ways is what the longer ways say, whatever the customer's state."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cem.domain.customer import new_customer
from cem.domain.localtime import DAY_MS
from cem.domain.state.billing import CAUSES, Bill
from cem.domain.state.contact_rows import pack_contacts
from cem.domain.state.contacts import Contact, channel_code
from cem.domain.state.decisions import STATES, Decision, Decisions, acted, count_since, pack_decisions
from cem.domain.state.outreach import TOUCHES, Touch
from cem.domain.state.reach import PERIOD_MS, Cell, store_past
from cem.domain.view import answering_channel, best_channel
from cem.nba.satisfaction import estimate
from tests.builders.any_state import contact_lists, decision_lists
from tests.builders.nba import NOW_MS

_TOLD = st.lists(
    st.builds(
        Touch,
        at_ms=st.integers(NOW_MS - 400 * DAY_MS, NOW_MS + DAY_MS),
        id=st.just("m"),
        code=st.sampled_from(("sms", "app", "email", "chat")).map(
            lambda channel: TOUCHES.index("message") + 8 * channel_code(channel)
        ),
        response=st.sampled_from(("", "clicked", "ignored", "accepted")),
        response_ms=st.integers(NOW_MS - 400 * DAY_MS, NOW_MS + DAY_MS),
        response_code=st.sampled_from((0, channel_code("email"))),
    ),
    max_size=12,
)
#: Old messages to him, by cell: answered, and not.
_PAST = st.dictionaries(
    st.builds(
        Cell,
        period=st.integers(NOW_MS // PERIOD_MS - 12, NOW_MS // PERIOD_MS),
        channel=st.sampled_from(("sms", "email")),
        part=st.integers(0, 7),
        answered=st.booleans(),
    ),
    st.integers(1, 4),
    max_size=4,
)


@given(
    _TOLD,
    _PAST,
    contact_lists(),
    st.sampled_from(("", "sms", "email", "chat")),
    st.integers(NOW_MS - 100 * DAY_MS, NOW_MS + DAY_MS),
)
def test_the_channel_that_his_answers_show_is_that_of_his_best_channel(
    told: list[Touch],
    past: dict[Cell, int],
    contacts: tuple[list[Contact], list[Contact]],
    said: str,
    now_ms: int,
) -> None:
    """Looking for it alone says what looking at everything about his channels says."""
    customer = new_customer("c1")
    customer.outreach.touches = told
    store_past(customer.outreach, past)
    customer.profile.channel_said = said
    pack_contacts(customer.contacts, *contacts)
    assert answering_channel(customer, now_ms) == best_channel(customer, "service", now_ms).does


@given(decision_lists(), st.sampled_from(STATES), st.data())
def test_rows_of_decisions_say_what_the_decisions_say(
    made: list[Decision], state: str, data: st.DataObject
) -> None:
    """Who was shown what, what became of it, and how often, read off the rows."""
    decisions = Decisions()
    pack_decisions(decisions, made)
    unpacked = decisions.made
    after_ms = data.draw(st.sampled_from([0, NOW_MS, *[d.state_ms for d in unpacked]]))
    assert acted(decisions) == [
        (d.action, d.state, d.state_ms or d.at_ms) for d in unpacked if d.action and not d.shadow
    ]
    assert count_since(decisions, state, after_ms) == sum(
        d.state == state and d.state_ms > after_ms for d in unpacked
    )


@given(
    st.dictionaries(
        st.sampled_from(("", "l1", "l2")),
        st.dictionaries(
            st.one_of(
                st.integers(0, len(CAUSES) - 1),
                st.sampled_from((*CAUSES, "roaming/world", "premium/chat", "sms/world")),
            ),
            st.integers(-(10**6), 10**6),
        ),
    )
)
def test_a_bills_amounts_by_place_are_its_parts(sums: dict[str, dict[int | str, int]]) -> None:
    """In the same order, and the last of two parts of one place counts, as in a dictionary of the parts."""
    bill = Bill("b", 1, 0, sums=sums)
    parts = {(p.line, p.cause, p.destination): p.amount_minor for p in bill.parts}
    assert list(bill.amounts_by_place().items()) == list(parts.items())


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 200)), max_size=4),
    st.integers(0, 4),
    st.booleans(),
    st.integers(0, 4),
    st.sampled_from((0, 1000, 1200)),
    st.sampled_from((None, 1.5, 3.9)),
)
def test_the_estimate_takes_off_what_was_suffered(
    faults: list[tuple[bool, float]],
    unresolved: int,
    repeats: bool,
    late: int,
    before_minor: int,
    predicted: float | None,
) -> None:
    """Each kind by its points and no more often than it counts; a model's word goes before, unless things came since."""
    shocked = 0 < before_minor * 4 < 1500 * 3
    lived: Any = SimpleNamespace(
        customer=new_customer("c1"),
        now_ms=NOW_MS,
        faults=[
            (SimpleNamespace(going_on=going_on, began_ms=NOW_MS - 1), hours) for going_on, hours in faults
        ],
        going_on=lambda fault: fault.going_on,
        unresolved=unresolved,
        repeats=repeats,
        late_promises=late,
        bill=SimpleNamespace(issued_ms=NOW_MS - DAY_MS, total_minor=1500),
        bill_before=SimpleNamespace(total_minor=before_minor),
        days_since=lambda at_ms: (NOW_MS - at_ms) / DAY_MS,
        predicted=None if predicted is None else SimpleNamespace(point=predicted, at_ms=NOW_MS - 2 * DAY_MS),
    )
    counts = [
        (0.6, min(1, sum(going_on for going_on, _ in faults))),
        (0.2, min(2, int(sum(hours for _, hours in faults) // 24))),
        (0.35, min(2, unresolved)),
        (0.3, int(repeats)),
        (0.4, min(2, late)),
        (0.5, int(shocked)),
    ]
    index = round(min(5.0, max(1.0, 3.6 - sum(points * count for points, count in counts))), 2)
    came_since = bool(faults) or shocked
    expected = index if predicted is None else min(predicted, index) if came_since else predicted
    assert estimate(lived) == expected
