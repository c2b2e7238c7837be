"""Touches, responses, decisions and outcomes: what contact policies count."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain.events import (
    CallDirection,
    CampaignContacted,
    CampaignResponded,
    Channel,
    ContactAnswered,
    ContactDelivered,
    ContactFailed,
    DecisionMade,
    Event,
    InteractionRecorded,
    OutcomeRecorded,
    OutcomeState,
    Response,
)
from cem.domain.facts.decisions import keep_decisions
from cem.nba.facts import history_of
from tests.builders.customers import DAY, HOUR, MINUTE, T0, arrived
from tests.builders.windows import touches_in

INSTANT = datetime.fromtimestamp(T0 / 1000, UTC)


def decision(number: int, action: str | None, **more: object) -> DecisionMade:
    fields = {"channel": Channel.CALL, "policy_hash": "p", "as_of": INSTANT, **more}
    return DecisionMade(decision_id=f"d{number}", customer_id="C1", action=action, **fields)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 40 * 24),
            st.sampled_from(["campaign", "message", "failed", "interaction"]),
            st.sampled_from([Channel.SMS, Channel.EMAIL]),
            st.booleans(),
        ),
        max_size=30,
        unique_by=lambda t: t[0],
    ),
    st.integers(0, 40 * 24),
    st.sampled_from([7, 30]),
    st.data(),
)
def test_touches_in_windows_in_any_order(
    drawn: list[tuple[int, str, Channel, bool]], hours: int, days: int, data: st.DataObject
) -> None:
    """What reached him in a window, by channel, is what a plain count says; what failed is no touch."""
    events: list[tuple[int, Event]] = []
    for n, (hour, kind, channel, answered) in enumerate(drawn):
        at_ms, touch_id = T0 + hour * HOUR, f"k{n}"
        if kind == "campaign":
            events.append((at_ms, CampaignContacted(campaign="x", channel=channel, contact_id=touch_id)))
        elif kind == "message":
            events.append((at_ms, ContactDelivered(contact_id=touch_id, channel=channel)))
        elif kind == "failed":
            events.append((at_ms, ContactFailed(contact_id=touch_id, channel=channel)))
        else:
            outbound = CallDirection.OUTBOUND
            events.append(
                (at_ms, InteractionRecorded(interaction_id=touch_id, channel=channel, direction=outbound))
            )
        if answered and kind in ("campaign", "message"):
            answer = Response.ACCEPTED
            later = at_ms + MINUTE
            if kind == "campaign":
                events.append((later, CampaignResponded(campaign="x", contact_id=touch_id, response=answer)))
            else:
                events.append((later, ContactAnswered(contact_id=touch_id, response=answer)))
    customer = arrived(data.draw(st.permutations(events)), T0 + 40 * DAY)
    now_ms = T0 + hours * HOUR
    newest_ms = max((at_ms for at_ms, _ in events), default=T0)
    if now_ms < newest_ms - DAY:
        now_ms = newest_ms
    for channel in (None, Channel.SMS):
        expected = [
            T0 + hour * HOUR
            for hour, kind, via, _ in drawn
            if kind != "failed"
            and now_ms - days * DAY < T0 + hour * HOUR <= now_ms
            and channel in (None, via)
        ]
        name = None if channel is None else str(channel)
        assert [t.at_ms for t in touches_in(customer, now_ms, days, channel=name)] == sorted(expected)
    assert customer.outreach.responded == sum(a and k in ("campaign", "message") for _, k, _, a in drawn)


def test_response_goes_to_the_campaigns_last_contact_before_it() -> None:
    """Where contacts have no id, a response belongs to the newest contact of its campaign before it."""
    contacted = [(T0 + n * DAY, CampaignContacted(campaign="x", channel=Channel.SMS)) for n in range(3)]
    responded = (T0 + DAY + HOUR, CampaignResponded(campaign="x", response=Response.DECLINED))
    customer = arrived([*contacted, responded], T0 + 3 * DAY)
    assert [t.response for t in touches_in(customer, T0 + 3 * DAY, 30)] == ["", "declined", ""]
    assert customer.outreach.total == 3


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", None]),
            st.lists(st.sampled_from(list(OutcomeState)), max_size=4),
            st.booleans(),
        ),
        max_size=6,
    ),
    st.data(),
)
def test_decisions_reach_their_furthest_state_in_any_order(
    drawn: list[tuple[str | None, list[OutcomeState], bool]], data: st.DataObject
) -> None:
    """Whatever order decisions and outcomes come in, each decision is at its furthest state."""
    order = [
        [OutcomeState.OTHER],
        [OutcomeState.RETURNED],
        [OutcomeState.DISPLAYED],
        [OutcomeState.OFFERED],
        [OutcomeState.IGNORED],
        [OutcomeState.DECLINED, OutcomeState.ACCEPTED],
        [OutcomeState.DONE],
    ]
    rank = {state: place for place, states in enumerate(order) for state in states}
    events: list[tuple[int, Event]] = []
    for n, (action, states, named) in enumerate(drawn):
        events.append((T0 + n * HOUR, decision(n, action)))
        for m, state in enumerate(states, start=1):
            told = OutcomeRecorded(decision_id=f"d{n}", state=state, action=action if named else None)
            events.append((T0 + n * HOUR + m * MINUTE, told))
    customer = arrived(data.draw(st.permutations(events)), T0 + DAY)
    expected = []
    for action, states, _ in drawn:
        furthest = max(enumerate(states), key=lambda s: (rank[s[1]], s[0]), default=(0, ""))[1]
        expected.append((action or "", str(furthest)))
    assert [(d.action, d.state) for d in customer.decisions.made] == expected
    assert customer.decisions.total == len(drawn)
    packed = customer.decisions.rows, customer.decisions.texts
    keep_decisions(customer.decisions, customer.decisions.made)
    assert (customer.decisions.rows, customer.decisions.texts) == packed, (
        "one put behind the others is packed alike"
    )
    states = [state for _, state in expected]
    assert customer.decisions.accepted == states.count("accepted") + states.count("done")
    assert customer.decisions.declined == states.count("declined")


def test_an_outcome_of_another_action_is_an_entry_of_its_own() -> None:
    """The representative offered the second suggestion: that one rests, the first stays as it was."""
    customer = arrived(
        [
            (T0, decision(1, "upgrade")),
            (T0 + MINUTE, OutcomeRecorded(decision_id="d1", action="bundle", state=OutcomeState.DECLINED)),
        ],
        T0 + HOUR,
    )
    assert [(d.action, d.state, d.made) for d in customer.decisions.made] == [
        ("upgrade", "", True),
        ("bundle", "declined", False),
    ]


def test_shadow_decisions_do_not_count() -> None:
    """What was decided only to compare rests nothing."""
    declined = [(T0 + n, OutcomeRecorded(decision_id=f"d{n}", state=OutcomeState.DECLINED)) for n in (1, 2)]
    made = [(T0, decision(1, "a", shadow=True)), (T0, decision(2, "b"))]
    assert [past.action for past in history_of(arrived([*made, *declined], T0 + HOUR), T0 + HOUR)] == ["b"]


def test_decisions_of_a_month_are_kept_however_many() -> None:
    """Beyond the newest eight, decisions of the last 30 days are kept for the policy, up to forty."""
    customer = arrived([(T0 + n * DAY, decision(n, "a")) for n in range(60)], T0 + 60 * DAY)
    now_ms = T0 + 59 * DAY
    assert sum(now_ms - 30 * DAY < made.at_ms for made in customer.decisions.made) == 30
    assert len(customer.decisions.made) == 31
    later = arrived([(T0 + n * HOUR, decision(n, "a")) for n in range(60)], T0 + 10 * DAY)
    assert len(later.decisions.made) == 40
