"""Windows of facts against a plain count over all that happened, to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cem.domain.customer import Customer, decode_customer
from cem.domain.events import (
    CallEnded,
    CampaignContacted,
    Channel,
    DecisionMade,
    Event,
    InteractionRecorded,
    OutcomeRecorded,
    OutcomeState,
    PaymentFailed,
    Resolution,
    ServiceDegraded,
    ServiceKind,
)
from cem.domain.facts.billing import PAYMENTS_KEPT
from cem.nba import Call, facts_of
from tests.builders.customers import DAY, HOUR, T0
from tests.builders.one_lane import LANE, Moment, run_lane
from tests.builders.records import record_of
from tests.builders.windows import touches_in

FACTS = (
    "contacts_7d",
    "contacts_30d",
    "calls_7d",
    "same_topic_7d",
    "unresolved_30d",
    "failed_payments_90d",
    "declined_30d",
    "faults_30d",
    "open_faults",
    "days_since_contact",
)
KINDS = ("call", "chat", "refused", "declined", "fault", "campaign")


class Happened(NamedTuple):
    """One thing that happened."""

    kind: str
    at_ms: int
    reason: str
    #: A contact that solved nothing.
    bad: bool

    def events(self, number: int) -> list[Event]:
        """Return what the log has of it."""
        name = f"x{number}"
        resolution = Resolution.UNRESOLVED if self.bad else Resolution.RESOLVED
        match self.kind:
            case "call":
                return [CallEnded(call_id=name, reason=self.reason or None, resolution=resolution)]
            case "chat":
                return [
                    InteractionRecorded(
                        interaction_id=name,
                        channel=Channel.CHAT,
                        reason=self.reason or None,
                        resolution=resolution,
                    )
                ]
            case "refused":
                return [PaymentFailed(bill_id="b", amount_minor=1)]
            case "declined":
                as_of = datetime.fromtimestamp(self.at_ms / 1000, UTC)
                return [
                    DecisionMade(
                        decision_id=name, customer_id="c-1", as_of=as_of, action="offer", policy_hash="p"
                    ),
                    OutcomeRecorded(decision_id=name, state=OutcomeState.DECLINED),
                ]
            case "fault":
                return [ServiceDegraded(kind=ServiceKind.DATA, line="1", incident_id=name)]
            case _:
                return [CampaignContacted(campaign="spring", channel=Channel.EMAIL, contact_id=name)]


#: Half days, a millisecond this way or that: the edges of every window are met exactly, and missed by one.
EDGES = st.builds(
    lambda half_days, off_ms: T0 + half_days * 12 * HOUR + off_ms, st.integers(0, 80), st.integers(-1, 1)
)
HAPPENED = st.lists(
    st.builds(
        Happened, st.sampled_from(KINDS), EDGES, st.sampled_from(["", "billing", "coverage"]), st.booleans()
    ),
    min_size=1,
    max_size=14,
    # Which of two contacts at one instant came first, nobody knows.
    unique_by=lambda one: one.at_ms,
)


def after(happened: list[Happened]) -> Customer:
    """Return the customer after all of it, folded by a lane."""
    moments: list[Moment] = []
    ends: dict[str, int] = {}
    for number, one in enumerate(happened):
        for event in one.events(number):
            offset = ends.get(event.TOPIC, 0)
            ends[event.TOPIC] = offset + 1
            record = record_of(event, key="c-1", time_ms=one.at_ms, id=f"{event.TOPIC}-{offset}")
            moments.append(Moment(one.at_ms, event.TOPIC, [record._replace(partition=LANE, offset=offset)]))
    return decode_customer(run_lane(moments).core.values(LANE)["c:c-1"])


@settings(max_examples=60)
@example([Happened("refused", T0 + number * DAY, "", False) for number in range(9)], 0, 0)
@given(HAPPENED, st.one_of(st.just(0), st.integers(0, 190)), st.integers(-1, 1))
def test_every_window_is_a_plain_count(drawn: list[Happened], half_days: int, off_ms: int) -> None:
    """At any instant from the last event on, each fact counts exactly what lies within its window."""
    happened = sorted(drawn, key=lambda one: one.at_ms)
    now_ms = max(happened[-1].at_ms, T0 + half_days * 12 * HOUR + off_ms)
    customer = after(happened)

    def within(days: int, *kinds: str) -> list[Happened]:
        return [one for one in happened if one.kind in kinds and now_ms - days * DAY < one.at_ms <= now_ms]

    contacts = within(30, "call", "chat")
    ever = [one for one in happened if one.kind in ("call", "chat")]
    repeated = [
        any(
            b.reason == a.reason and a.at_ms <= b.at_ms < a.at_ms + 7 * DAY and b is not a
            for b in ever[ever.index(a) + 1 :]
        )
        for a in contacts
    ]
    refused = [one for one in happened if one.kind == "refused"][-PAYMENTS_KEPT:]
    found = facts_of(customer, Call(reason="billing"), now_ms, FACTS, {})
    assert found == {
        "contacts_7d": len(within(7, "call", "chat")),
        "contacts_30d": len(contacts),
        "calls_7d": len(within(7, "call")),
        "same_topic_7d": sum(one.reason == "billing" for one in within(7, "call", "chat")),
        "unresolved_30d": sum(one.bad or again for one, again in zip(contacts, repeated, strict=True)),
        "failed_payments_90d": sum(now_ms - 90 * DAY < one.at_ms for one in refused),
        "declined_30d": len(within(30, "declined")),
        # One that nobody ended is taken for going on fourteen days.
        "faults_30d": len(within(44, "fault")),
        "open_faults": len(within(14, "fault")),
        "days_since_contact": (now_ms - contacts[-1].at_ms) / DAY if contacts else None,
    }
    assert len(touches_in(customer, now_ms, 30)) == len(within(30, "campaign"))
