"""What customers say is counted once, at its time, under each of their groups, and within bounds."""

from __future__ import annotations

from cem.domain.customer import new_customer
from cem.domain.events import (
    CallEnded,
    Event,
    InteractionRecorded,
    ProfileChanged,
    ServiceDegraded,
    SurveyAnswered,
)
from cem.domain.events.enums import CallDirection, Channel, ServiceKind
from cem.domain.fold import fold
from cem.domain.state.lane import LaneState
from cem.voice import VOICE, Group, Report, Voice, hear, report
from tests.builders.customers import DAY, HOUR, T0, Context, received


def lane_of(
    events: list[tuple[int, Event]], now_ms: int, segments: tuple[str, ...] = ("family",)
) -> LaneState:
    """Return a lane in which these events of a customer in Berlin came in this order, all at `now_ms`."""
    lane, customer, ctx = LaneState(0), new_customer("C1"), Context(now_ms)
    home = ProfileChanged(area="Berlin", plan="M", price_minor=1)
    fold(customer, received(home, T0 - DAY, id="p"), ctx)
    for number, (at_ms, event) in enumerate(events):
        fold(customer, received(event, at_ms, id=f"e{number}"), ctx)
        hear(lane, customer, event, at_ms, now_ms, segments)
    return lane


def told(lane: LaneState, by: str, days: int, now_ms: int) -> Report:
    return report([lane.look(VOICE)], by, days, now_ms)


def chat(number: int, reason: str | None, **more: object) -> InteractionRecorded:
    return InteractionRecorded(interaction_id=f"i{number}", channel=Channel.CHAT, reason=reason, **more)  # type: ignore[arg-type]


EVENTS: list[tuple[int, Event]] = [
    (T0, CallEnded(call_id="k", reason="Billing", duration_s=9, resolution="unresolved")),
    (T0 + HOUR, chat(1, "billing")),
    (T0 + 2 * HOUR, chat(2, None)),
    (T0 + 2 * HOUR, chat(3, "bill", direction=CallDirection.OUTBOUND)),
    (T0 + 3 * HOUR, ServiceDegraded(kind=ServiceKind.DATA, area="Berlin")),
    (T0 + 4 * HOUR, SurveyAnswered(csat=2)),
]


def test_each_group_has_what_its_customers_said() -> None:
    """By area, product and segment alike; what we began ourselves counts for nothing."""
    lane = lane_of(EVENTS, T0 + 5 * HOUR)
    for by, name in (("area", "berlin"), ("product", "m"), ("segment", "family")):
        found = told(lane, by, 1, T0 + 5 * HOUR)
        assert found.groups == [Group(name, 3, 1, 0, 1, 1, 2.0, {"billing": 2, "unsaid": 1})]
        assert found.all == Group("all", 3, 1, 0, 1, 1, 2.0, {"billing": 2, "unsaid": 1})
    reasons = told(lane, "reason", 7, T0 + 5 * HOUR).groups
    assert {g.name: g.contacts for g in reasons} == {"billing": 2, "unsaid": 1}


def test_windows_are_exact_to_the_hour_and_the_order_does_not_matter() -> None:
    """24 hours after its hour a contact is out of the last day, but not out of the week; late records count alike."""
    lane, other = lane_of(EVENTS, T0 + 5 * HOUR), lane_of(EVENTS[::-1], T0 + 5 * HOUR)
    for now_ms, contacts in (
        (T0 + 23 * HOUR, 3),
        (T0 + 24 * HOUR, 2),
        (T0 + 25 * HOUR, 1),
        (T0 + 26 * HOUR, 0),
    ):
        assert told(lane, "reason", 1, now_ms).all.contacts == contacts
        assert told(other, "reason", 1, now_ms).all.contacts == contacts
    assert told(lane, "reason", 7, T0 + 6 * DAY).all.contacts == 3
    assert told(lane, "reason", 7, T0 + 7 * DAY).all.contacts == 0


def test_a_repeat_is_about_the_same_reason() -> None:
    """Within seven days, in the operator's words."""
    lane = lane_of([(T0, chat(1, "a")), (T0 + HOUR, chat(2, "b")), (T0 + DAY, chat(3, "a"))], T0 + DAY)
    assert told(lane, "area", 7, T0 + DAY).all.repeats == 1


def test_texts_are_bounded_and_make_room() -> None:
    """The 160th text counts as other; when the windows have passed, new texts have names again."""
    many = [(T0 + n, chat(n, f"reason {n}")) for n in range(300)]
    lane = lane_of(many, T0 + HOUR)
    found = told(lane, "reason", 1, T0 + HOUR)
    assert found.all.contacts == sum(g.contacts for g in found.groups) == 300
    names = {g.name: g.contacts for g in found.groups}
    assert names["other"] == 300 - (len(names) - 1)
    assert len(lane.look(VOICE).names) == 160
    customer, later = new_customer("C2"), T0 + 40 * DAY
    fresh = chat(999, "fresh")
    fold(customer, received(fresh, later, customer_id="C2"), Context(later))
    hear(lane, customer, fresh, later, later, ())
    assert [g.name for g in told(lane, "reason", 1, later).groups] == ["fresh"]
    assert Voice() != lane.look(VOICE)
