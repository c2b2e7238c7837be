"""On which channel and at what time of day he answers: what is learnt from messages, by the clock, within consent."""

from __future__ import annotations

from collections import Counter
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain import view
from cem.domain.alert_telling import tell_channel
from cem.domain.customer import Customer, decode_customer, encode_customer
from cem.domain.describe import describe
from cem.domain.events import (
    CallDirection,
    CallEnded,
    CampaignContacted,
    CampaignResponded,
    Channel,
    ConsentChanged,
    ContactAnswered,
    ContactDelivered,
    ContactFailed,
    Event,
    InteractionRecorded,
    ProfileChanged,
    Response,
)
from cem.domain.events.enums import Consent
from cem.domain.facts.answering import ANSWER_WINDOW_MS, cells_of, part_at
from cem.domain.state.reach import PERIOD_MS, PERIODS_KEPT, Cell, merge_past, past_cells
from cem.simulator import Parameters, open_world
from tests.builders.customers import DAY, HOUR, T0, Context, arrived, household
from tests.builders.known_customers import known_customers

EMAIL, SMS, CALL, APP = Channel.EMAIL, Channel.SMS, Channel.CALL, Channel.APP


def sent(
    at_ms: int, number: int, channel: Channel, response: Response | None = None
) -> list[tuple[int, Event]]:
    """Return a message that arrives, and two hours later his response to it."""
    events: list[tuple[int, Event]] = [(at_ms, ContactDelivered(contact_id=f"k{number}", channel=channel))]
    if response is not None:
        answer = ContactAnswered(contact_id=f"k{number}", response=response, channel=channel)
        events.append((at_ms + 2 * HOUR, answer))
    return events


def wrong_channel(messages: int = 6) -> list[tuple[int, Event]]:
    """Return what happens to one who says "phone me" and answers nothing but e-mail."""
    events: list[tuple[int, Event]] = [(T0, ProfileChanged(channel_said=CALL))]
    for n in range(messages):
        at_ms = T0 + n * 5 * DAY + 18 * HOUR
        ring = CallEnded(call_id=f"out-{n}", duration_s=0, direction=CallDirection.OUTBOUND, abandoned=True)
        events += [(at_ms, ring), *sent(at_ms + HOUR, n, EMAIL, Response.CLICKED)]
    return events


def cells_known(customer: Customer, now_ms: int) -> Counter[Cell]:
    """Return what all messages have taught, kept as touches or as counts."""
    found: Counter[Cell] = Counter(past_cells(customer.outreach))
    for touch in customer.outreach.touches:
        found.update(cells_of(touch, now_ms, UTC))
    return found


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 300),
            st.sampled_from([EMAIL, SMS, APP]),
            st.sampled_from(["campaign", "message", "failed", "reply"]),
            st.sampled_from([None, Response.OPENED, Response.ACCEPTED, Response.IGNORED, Response.OPTED_OUT]),
            st.sampled_from([None, APP]),
        ),
        max_size=40,
    ),
    st.data(),
)
def test_what_is_learnt_equals_a_count_over_all_messages(
    drawn: list[tuple[int, Channel, str, Response | None, Channel | None]], data: st.DataObject
) -> None:
    """Each message that asks for an answer is one observation, kept as a touch or as a count, none twice."""
    groups: list[tuple[int, list[tuple[int, Event]]]] = []
    expected: Counter[Cell] = Counter()
    for n, (day, channel, kind, response, other) in enumerate(sorted(drawn, key=lambda row: row[0])):
        at_ms = T0 + day * DAY + 7 * HOUR + n
        begun: Event = ContactDelivered(contact_id=f"k{n}", channel=channel)
        if kind == "campaign" or kind == "failed":
            begun = CampaignContacted(campaign="x", contact_id=f"k{n}", channel=channel)
        elif kind == "reply":
            begun = InteractionRecorded(
                interaction_id=f"k{n}", channel=channel, direction=CallDirection.OUTBOUND
            )
        group: list[tuple[int, Event]] = [(at_ms, begun)]
        if kind == "failed":
            group.append((at_ms + 1, ContactFailed(contact_id=f"k{n}", channel=channel)))
        elif kind != "reply" and response is not None:
            via = other or channel
            group.append(
                (
                    at_ms + HOUR,
                    CampaignResponded(campaign="x", contact_id=f"k{n}", response=response, channel=via),
                )
            )
        groups.append((day, data.draw(st.permutations(group))))
        if kind != "reply":
            yes = kind != "failed" and response in (Response.OPENED, Response.ACCEPTED)
            expected[Cell(at_ms // PERIOD_MS, str(channel), part_at(at_ms, UTC), yes)] += 1
            if yes and other is not None and other is not channel:
                later = at_ms + HOUR
                expected[Cell(later // PERIOD_MS, str(other), part_at(later, UTC), True)] += 1
    now_ms = T0 + 340 * DAY
    customer = arrived([event for _, group in groups for event in group], now_ms)
    newest = max((cell.period for cell in past_cells(customer.outreach)), default=0)
    wanted = {c: min(n, 16) for c, n in expected.items() if c.period > newest - PERIODS_KEPT}
    assert {c: min(n, 16) for c, n in cells_known(customer, now_ms).items()} == wanted
    again = decode_customer(encode_customer(customer))
    assert view.channel_rates(again, now_ms) == view.channel_rates(customer, now_ms)


def test_who_says_phone_and_answers_mail_is_told_by_mail() -> None:
    """Story 5: both are known, apart, with the messages that show it; the alert goes where he answers."""
    customer, ctx = household(wrong_channel())
    now_ms = T0 + 40 * DAY
    choice = view.best_channel(customer, "service", now_ms, ("sms", "app", "email"))
    assert (choice.channel, choice.said, choice.does, choice.reason) == ("email", "call", "email", "answers")
    assert (choice.answered, choice.sent, choice.observations) == (6, 6, 12)
    ctx.lane_time_ms = now_ms
    assert tell_channel(customer, ctx) == "email"


def test_nothing_learnt_means_what_he_said_else_the_policys_first() -> None:
    """Without an answer or a silence, his own words count; without those, the policy's order."""
    said, _ = household([(T0, ProfileChanged(channel_said=EMAIL))])
    unsaid, _ = household([])
    assert view.best_channel(said, "service", T0).reason == "said"
    assert view.best_channel(said, "service", T0, ("sms",)).channel == "email"
    assert view.best_channel(unsaid, "service", T0, ("app", "sms")).channel == "app"
    assert view.best_channel(unsaid, "service", T0).reason == "default"
    assert view.best_hour(unsaid, "sms", T0, UTC) is None


def test_what_he_forbade_is_never_chosen() -> None:
    """He answers mail, but has withdrawn it: for that purpose another channel is taken, for others it stays."""
    no_mail = (T0 + 39 * DAY, ConsentChanged(purpose=Consent.MARKETING, channel=EMAIL, granted=False))
    customer, _ = household([*wrong_channel(), no_mail])
    now_ms = T0 + 40 * DAY
    assert view.best_channel(customer, "marketing", now_ms).channel != "email"
    assert view.best_channel(customer, "service", now_ms).channel == "email"
    nothing = (T0 + 39 * DAY, ConsentChanged(purpose=Consent.MARKETING, granted=False))
    silenced, _ = household([*wrong_channel(), nothing])
    choice = view.best_channel(silenced, "marketing", now_ms)
    assert (choice.channel, choice.reason, choice.does) == ("", "none", "email")


def test_silence_counts_when_its_window_has_closed_and_not_before() -> None:
    """To the millisecond, without any further event; an answer that comes later takes it back."""
    customer, _ = household(sent(T0, 1, SMS))
    closes_ms = T0 + ANSWER_WINDOW_MS
    assert _rate(customer, closes_ms - 1, "sms") == (0, 0)
    assert _rate(customer, closes_ms, "sms") == (0, 1)
    late = ContactAnswered(contact_id="k1", response=Response.REPLIED)
    answered, _ = household([*sent(T0, 1, SMS), (closes_ms + DAY, late)])
    assert _rate(answered, closes_ms + DAY - 1, "sms") == (0, 1)
    assert _rate(answered, closes_ms + DAY, "sms") == (1, 1)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([(T0, ContactFailed(contact_id="a", channel=SMS))], (0, 0)),
        (
            [
                (T0, CampaignContacted(campaign="x", contact_id="a", channel=SMS)),
                (T0 + 1, ContactFailed(contact_id="a", channel=SMS)),
            ],
            (0, 1),
        ),
        (sent(T0, 1, SMS, Response.OPTED_OUT), (0, 1)),
        (sent(T0, 1, SMS, Response.DECLINED), (1, 1)),
        (
            [(T0, InteractionRecorded(interaction_id="i", channel=SMS, direction=CallDirection.OUTBOUND))],
            (0, 0),
        ),
    ],
    ids=["a receipt alone", "not delivered", "opted out", "declined", "our reply to him"],
)
def test_what_counts_as_an_answer(events: list[tuple[int, Event]], expected: tuple[int, int]) -> None:
    """Doing anything with a message is an answer; shutting it out, or not being reached, is none."""
    customer, _ = household(events)
    assert _rate(customer, T0 + 10 * DAY, "sms") == expected


@pytest.mark.parametrize(
    ("lasted_s", "left", "expected"), [(95, False, (1, 1)), (0, True, (0, 1)), (4, False, (0, 1))]
)
def test_a_call_of_ours_is_answered_when_it_was_taken(
    lasted_s: int, left: bool, expected: tuple[int, int]
) -> None:
    """Not when nobody took it; and it is no contact of his own."""
    end = CallEnded(call_id="c", duration_s=lasted_s, direction=CallDirection.OUTBOUND, abandoned=left)
    customer, _ = household([(T0, end)])
    assert _rate(customer, T0 + DAY, "call") == expected
    assert customer.contacts.total == 0


def test_an_answer_over_another_channel_speaks_for_both() -> None:
    """The message was read where it went, and he chose to write elsewhere."""
    answer = ContactAnswered(contact_id="k1", response=Response.REPLIED, channel=EMAIL)
    customer, _ = household([*sent(T0, 1, SMS), (T0 + HOUR, answer)])
    assert _rate(customer, T0 + DAY, "sms") == (1, 1)
    assert _rate(customer, T0 + DAY, "email") == (1, 1)


def test_old_answers_fade_to_what_is_expected_of_anybody() -> None:
    """Half after half a year; after a year, nothing."""
    customer, _ = household(wrong_channel())
    rates = [_probability(customer, T0 + days * DAY, "email") for days in (40, 200, 420)]
    assert rates[0] > rates[1] > rates[2]
    blank, _ = household([(T0, ProfileChanged(channel_said=CALL))])
    assert rates[2] == _probability(blank, T0, "email")


def test_the_hour_is_the_local_part_of_day_in_which_he_answers() -> None:
    """Evenings in Saigon, though those are afternoons in UTC; never the night."""
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    events: list[tuple[int, Event]] = [(T0, ProfileChanged(timezone=zone.key))]
    for n in range(8):
        evening, answered = n % 2 == 0, Response.CLICKED if n % 2 == 0 else None
        events += sent(T0 + n * 7 * DAY + (12 if evening else 2) * HOUR, n, EMAIL, answered)
    customer, _ = household(events)
    best = view.best_hour(customer, "email", T0 + 60 * DAY, zone)
    assert best is not None
    assert (best.part, best.weekend, best.from_hour, best.to_hour) == ("evening", False, 17, 22)
    assert best.observations == 8
    assert best.probability > _probability(customer, T0 + 60 * DAY, "email")


def test_old_messages_take_two_bytes_a_cell_and_are_shown_by_name() -> None:
    """Nothing while there are none; then how many he answered, since when, where, at what time of day."""
    customer, _ = household(wrong_channel(2))
    assert customer.outreach.past is None
    older, _ = household([*wrong_channel(1), *[e for n in range(40, 45) for e in sent(T0 + n * DAY, n, SMS)]])
    assert len(older.outreach.past or b"") == 2 + 2 * 2
    shown = describe(older)["outreach"]["past"]
    assert [(row["channel"], row["part"], row["answered"], row["messages"]) for row in shown] == [
        ("call", "evening", False, 1),
        ("email", "evening", True, 1),
    ]


def test_a_message_told_a_month_late_teaches_nothing() -> None:
    """What became of it is not known when it is forgotten at once: it must not pass for silence."""
    newer = [e for n in range(5) for e in sent(T0 + (100 + n) * DAY, n, SMS, Response.CLICKED)]
    customer = arrived([*newer, *sent(T0, 77, EMAIL)], T0 + 120 * DAY)
    assert _rate(customer, T0 + 120 * DAY, "email") == (0, 0)


def test_simulated_households_are_reached_on_more_of_their_true_channels_than_they_say() -> None:
    """Where half ask for a channel that they do not answer, what is learnt finds clearly more of the true ones."""
    given_ = Parameters(customers=70, share_channel_differs=0.5, campaigns_per_month=4.0)
    world = open_world(given_)
    now_ms = given_.day_start_ms(100)
    known = known_customers(world.advance(now_ms - 1), now_ms)
    staying = [h for h in world.households if h.customer_id in known and world.people.active[h.number]]
    found = sum(view.best_channel(known[h.customer_id], "service", now_ms).channel == h.does for h in staying)
    says = sum(h.said == h.does for h in staying)
    does = [(view.best_channel(known[h.customer_id], "service", now_ms).does, h.does) for h in staying]
    clear = [true == shown for shown, true in does if shown]
    assert found >= says + 0.15 * len(staying)
    assert len(clear) >= 0.3 * len(staying)
    assert sum(clear) >= 0.9 * len(clear)


def test_the_context_of_an_alert_decides_which_channels_may_be_used() -> None:
    """A channel that the policy does not list is used for an alert only if he asked for it."""
    events = [(T0, ProfileChanged(channel_said=EMAIL))]
    for n in range(6):
        taken = CallEnded(call_id=f"o{n}", duration_s=60, direction=CallDirection.OUTBOUND)
        events = [*events, (T0 + n * DAY, taken), *sent(T0 + n * DAY, n, EMAIL)]
    customer, _ = household(events)
    ctx = Context(T0 + 40 * DAY)
    assert view.best_channel(customer, "service", ctx.lane_time_ms).channel == "call"
    assert tell_channel(customer, ctx) in ("sms", "app", "email")


def _rate(customer: Customer, now_ms: int, channel: str) -> tuple[int, int]:
    rate = next(r for r in view.channel_rates(customer, now_ms) if r.channel == channel)
    return rate.answered, rate.sent


def _probability(customer: Customer, now_ms: int, channel: str) -> float:
    return next(r for r in view.channel_rates(customer, now_ms) if r.channel == channel).probability


def test_what_two_customers_taught_adds_up_when_they_are_one() -> None:
    """Cell by cell, whichever takes the other in."""
    later = [e for n in range(40, 45) for e in sent(T0 + n * DAY, n, SMS)]
    first, _ = household([*wrong_channel(1), *later])
    second, _ = household([*wrong_channel(2), *later])
    both = Counter(past_cells(first.outreach)) + Counter(past_cells(second.outreach))
    merge_past(first.outreach, second.outreach)
    assert Counter(past_cells(first.outreach)) == both
    assert sum(both.values()) == 6
