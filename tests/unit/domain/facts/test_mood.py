"""The mood of what customers say, as the models answer it."""

from __future__ import annotations

from itertools import permutations

from cem.domain import view
from cem.domain.customer import Customer, decode_customer, encode_customer, new_customer
from cem.domain.events import CallStarted, CallTurn, Event, InteractionRecorded, Speaker
from cem.domain.events.enums import Channel
from cem.domain.fold import fold
from cem.domain.state.contacts import contact_key
from tests.builders.customers import DAY, HOUR, MINUTE, T0, Context, received

MOODS = {"bad": -80, "fine": 60, "so so": 0}


def hearing(events: list[tuple[int, Event]]) -> tuple[Customer, Context]:
    """Return a customer of whom a model hears these words, after the events came in this order."""
    ctx = Context(T0)
    ctx.answers = {"sentiment": lambda q: [MOODS[q[0]]], "about": lambda q: [q[0]]}
    customer = new_customer("C1")
    for number, (at_ms, event) in enumerate(events):
        fold(customer, received(event, at_ms, id=f"e{number}"), ctx)
    return customer, ctx


def turn(number: int, text: str, speaker: Speaker = Speaker.CUSTOMER) -> tuple[int, Event]:
    return T0 + number * MINUTE, CallTurn(call_id="c1", turn=number, speaker=speaker, text=text)


def test_a_call_has_a_level_a_turning_point_and_words() -> None:
    """He complains, is helped, and praises: the newest counts most, and the words of the strongest are kept."""
    turns = [turn(1, "bad"), turn(2, "so so", Speaker.REP), turn(3, "bad"), turn(4, "fine"), turn(5, "fine")]
    customer, ctx = hearing([(T0, CallStarted(call_id="c1")), *turns])
    found = view.mood(customer, T0 + DAY)
    assert found is not None
    assert found.newest.turned_at == 2
    assert found.newest.level > 0 and found.newest.trend > 0
    assert found.about == ("bad",)
    assert 0 < found.level < found.newest.level
    assert [question[0] for model, question in ctx.asked if model == "sentiment"] == [
        "bad",
        "bad",
        "fine",
        "fine",
    ]


def test_turns_may_come_in_any_order() -> None:
    """Within a call the mood is that of the turns in their order, however they arrived."""
    turns = [turn(1, "bad"), turn(2, "so so"), turn(3, "fine")]
    found = [view.mood(hearing(list(order))[0], T0 + DAY) for order in permutations(turns)]
    levels = {each.newest.level for each in found if each is not None}
    assert len(levels) == 1 and len(found) == 6


def test_conversations_fade() -> None:
    """A message makes a conversation of its own; the older one is kept as one mood, and weighs less."""
    email = InteractionRecorded(interaction_id="i1", channel=Channel.EMAIL, text="bad")
    chat = InteractionRecorded(interaction_id="i2", channel=Channel.CHAT, text="fine")
    customer, _ = hearing([(T0, email), (T0 + 30 * DAY, chat)])
    customer = decode_customer(encode_customer(customer))
    found = view.mood(customer, T0 + 30 * DAY)
    assert found is not None and found.trend is not None
    assert abs(found.trend - (0.6 + 0.8 * (1 / 6) / (1 / 6 + 0.3))) < 1e-9
    assert found.level > 0
    assert view.mood(new_customer("C2"), T0) is None


def test_nothing_is_kept_without_a_model() -> None:
    """Where no model answers there is no mood, and no trace of a conversation's mood."""
    ctx = Context(T0)
    customer = new_customer("C1")
    fold(customer, received(turn(1, "bad")[1], T0), ctx)
    assert view.mood(customer, T0) is None


def test_a_reason_is_supposed_while_the_call_goes_on() -> None:
    """From all that he has said so far, until the model is sure; not where the call's reason is known."""
    sure = iter((40, 85))
    ctx = Context(T0)
    ctx.answers = {"sentiment": [0], "reason": lambda q: ["billing", next(sure), 7]}
    customer = new_customer("C1")
    turns = [turn(1, "hello"), turn(2, "and", Speaker.REP), turn(3, "my bill"), turn(4, "yes")]
    for number, (at_ms, event) in enumerate([(T0, CallStarted(call_id="c1")), *turns]):
        fold(customer, received(event, at_ms, id=f"e{number}"), ctx)
    assert [q[0] for model, q in ctx.asked if model == "reason"] == ["hello", "hello my bill"]
    customer = decode_customer(encode_customer(customer))
    assert view.supposed_reason(customer, contact_key("c1")) == view.SupposedReason("billing", 0.85, 7)
    assert view.supposed_reason(customer, contact_key("c2")) is None
    fold(customer, received(CallStarted(call_id="c2", reason="plan"), T0 + HOUR, id="e8"), ctx)
    fold(
        customer,
        received(CallTurn(call_id="c2", turn=1, speaker=Speaker.CUSTOMER, text="hi"), T0 + HOUR),
        ctx,
    )
    assert view.supposed_reason(customer, contact_key("c2")) is None


def test_a_reason_that_nobody_said_is_supposed() -> None:
    """Of a message without a reason the model's is kept; one with a reason is an example for it."""
    ctx = Context(T0)
    ctx.answers = {"reason": ["billing", 80, 7]}
    customer = new_customer("C1")
    plain = InteractionRecorded(interaction_id="i1", channel=Channel.EMAIL, text="my bill")
    fold(customer, received(plain, T0), ctx)
    assert view.supposed_reason(customer, contact_key("i1")) == view.SupposedReason("billing", 0.8, 7)
    said = InteractionRecorded(interaction_id="i2", channel=Channel.EMAIL, text="no net", reason="coverage")
    fold(customer, received(said, T0 + 1), ctx)
    examples = [(x["text"], y) for model, _, x, y in ctx.examples if model == "reason"]
    assert examples == [("no net", "coverage")]
