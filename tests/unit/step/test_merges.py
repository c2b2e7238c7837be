"""Merges and splits of customers, across lanes: nothing is lost, and nothing counts twice."""

from __future__ import annotations

import random

import pytest

from cem.domain.customer import Customer
from cem.domain.events import (
    CallStarted,
    CustomerErased,
    CustomerMerged,
    CustomerSplit,
    Event,
    PaymentMade,
    ProfileChanged,
    ProfileLine,
    SmsRated,
    encode_structured,
)
from cem.domain.state.identifier import Identifier
from cem.domain.state.value import unpack_money
from cem.ports import Emission
from cem.streams.partition import lane_of
from tests.builders.customers import DAY, HOUR, T0
from tests.builders.many_lanes import ManyLanes

LINE = "+84901234567"


def sms(line: str = LINE) -> SmsRated:
    return SmsRated(line=line, recipient="r", in_allowance=True)


def call(number: int) -> CallStarted:
    return CallStarted(call_id=f"call-{number}", direction="inbound", reason="bill")


def profile(*lines: str) -> ProfileChanged:
    return ProfileChanged(lines=tuple(ProfileLine(line=line) for line in lines))


def customer(lanes: ManyLanes, name: str) -> Customer:
    state = lanes.state(name)
    return state if isinstance(state, Customer) else Customer(1, name)


def messages(lanes: ManyLanes, name: str) -> int:
    counts = customer(lanes, name).counts
    return counts[1] if len(counts) > 1 else 0


@pytest.mark.parametrize("seed", range(6))
def test_the_other_customer_goes_on_with_everything(seed: int) -> None:
    """Counts, lines, contacts and links are his; what still comes for the first one is folded there, in order, once."""
    lanes = ManyLanes(4, seed=seed, repeats=0.5)
    lanes.send(profile(LINE), "A", "p1")
    lanes.send(profile("+8499"), "B", "p2")
    for number in range(3):
        lanes.send(sms(), "A", f"s{number}")
        lanes.send(call(number), "A", f"c{number}", time_ms=T0 - number * DAY)
        lanes.send(sms("+8499"), "B", f"b{number}")
    lanes.run()
    lanes.now_ms += 3 * DAY
    lanes.send(CustomerMerged(into="B"), "A", "m1")
    for number in (2, 3, 4):
        lanes.send(sms(), "A", f"s{number}")
    lanes.send(sms(), f"line:{LINE}", "s5", topic="cem.inbox")
    lanes.run()
    lanes.send(sms(), f"line:{LINE}", "s6", topic="cem.inbox")
    lanes.run()
    taker, gone = customer(lanes, "B"), customer(lanes, "A")
    assert (messages(lanes, "B"), messages(lanes, "A")) == (10, 0)
    assert taker.lines[LINE].counts[1] == 7
    assert taker.contacts.total == 3
    assert [user.line for user in taker.profile.users] == [LINE, "+8499"]
    assert (gone.moves.into, gone.lines, gone.contacts.total) == ("B", {}, 0)
    link = lanes.state(f"line:{LINE}")
    assert isinstance(link, Identifier)
    assert [claim.customer_id for claim in link.claims] == ["B"]
    lanes.pass_time(60 * DAY)
    lanes.send(sms(), "A", "s7", time_ms=lanes.now_ms)
    lanes.run()
    assert messages(lanes, "B") == 11
    assert lanes.dead_letters() == []


def test_chains_are_followed_to_the_last() -> None:
    """A went on as B, and B goes on as C: what comes for A reaches C."""
    lanes = ManyLanes(4, repeats=0.5)
    for number, (one, other) in enumerate((("A", "B"), ("B", "C"), ("C", "D"))):
        lanes.send(sms(), one, f"s{number}")
        lanes.run()
        lanes.send(CustomerMerged(into=other), one, f"m{number}")
        lanes.run()
    for name in "ABCD":
        lanes.send(sms(), name, f"late-{name}")
    lanes.run()
    assert [messages(lanes, name) for name in "ABCD"] == [0, 0, 0, 7]
    assert customer(lanes, "D").moves.absorbed == ["C", "B", "A"]


def test_what_would_be_a_circle_is_refused() -> None:
    """Into himself, into somebody who goes on as him, elsewhere than where he went: a dead letter, and nothing moves."""
    lanes = ManyLanes(4)
    merges = [("A", "A"), ("A", "B"), ("B", "C"), ("C", "A"), ("C", "B"), ("A", "D"), ("A", "B")]
    for number, (one, other) in enumerate(merges):
        lanes.send(sms(), one, f"s{number}")
        lanes.send(CustomerMerged(into=other), one, f"m{number}")
        lanes.run()
    reasons = {code for _, code in lanes.dead_letters()}
    assert (reasons, len(lanes.dead_letters())) == ({"merge_refused"}, 4)
    assert [messages(lanes, name) for name in "ABCD"] == [0, 0, 7, 0]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("circle", ["AB", "ABC", "DBCA"])
def test_lanes_that_merge_towards_each_other_end_at_the_least(circle: str, seed: int) -> None:
    """No lane knows of the other's merge yet: one customer keeps everything, and no record goes round for ever."""
    lanes = ManyLanes(4, seed=seed, repeats=0.3)
    for number, name in enumerate(circle):
        lanes.send(sms(), name, f"s{number}")
    lanes.run()
    for number, name in enumerate(circle):
        lanes.send(CustomerMerged(into=circle[(number + 1) % len(circle)]), name, f"m{number}")
    for number, name in enumerate(circle):
        lanes.send(sms(), name, f"t{number}")
    lanes.run()
    for number, name in enumerate(circle):
        lanes.send(sms(), name, f"u{number}")
    lanes.run()
    assert sum(messages(lanes, name) for name in circle) == 3 * len(circle)
    assert [name for name in circle if not customer(lanes, name).moves.into] == [
        name for name in circle if messages(lanes, name)
    ]


@pytest.mark.parametrize("seed", range(6))
def test_a_line_leaves_with_its_state(seed: int) -> None:
    """Its counts and link move, and its later records; what is older than the split stays, and so do contacts."""
    lanes = ManyLanes(4, seed=seed, repeats=0.5)
    lanes.send(profile(LINE, "+8499"), "A", "p1")
    lanes.run()
    for number in range(4):
        lanes.send(sms(), "A", f"s{number}")
        lanes.send(sms("+8499"), "A", f"o{number}")
    lanes.send(call(1), "A", "c1")
    lanes.run()
    lanes.now_ms += HOUR
    lanes.send(CustomerSplit(into="B", line=LINE), "A", "x1")
    lanes.run()
    lanes.now_ms += HOUR
    lanes.send(sms(), "A", "s4")
    lanes.send(sms(), f"line:{LINE}", "s5", topic="cem.inbox")
    lanes.send(sms("+8499"), "A", "o4")
    lanes.send(sms(), "A", "late", time_ms=T0)
    lanes.run()
    assert (messages(lanes, "A"), messages(lanes, "B")) == (6, 6)
    assert customer(lanes, "B").lines[LINE].counts[1] == 6
    assert [u.line for u in customer(lanes, "B").profile.users] == [LINE]
    assert (customer(lanes, "A").contacts.total, customer(lanes, "B").contacts.total) == (1, 0)
    lanes.send(CustomerSplit(into="A", line=LINE), "B", "x2")
    lanes.run()
    lanes.now_ms += HOUR
    lanes.send(sms(), "A", "s6")
    lanes.send(sms(), "B", "s7")
    lanes.run()
    assert (messages(lanes, "A"), messages(lanes, "B")) == (14, 0)


def test_what_comes_before_its_turn_is_held() -> None:
    """The second before the first changes nothing; once the first is there both count, and a copy of either does not."""
    lanes = ManyLanes(2)
    for number, event in enumerate((sms(), CustomerMerged(into="B"), sms())):
        lanes.send(event, "A", f"s{number}")
        lanes.run()
    moved, forwarded = lanes.log["cem.inbox", lane_of("B", 2)]
    again = ManyLanes(2)
    for record, count in ((forwarded, 0), (forwarded, 0), (moved, 2), (moved, 2), (forwarded, 2)):
        again._append(Emission(record.topic, record.key, record.value, record.headers))
        again.run()
        assert messages(again, "B") == count


def test_an_erasure_reaches_whom_the_customer_goes_on_as() -> None:
    """And the order of what still comes from the first one is not lost with what was known."""
    lanes = ManyLanes(3)
    counted = []
    for number, event in enumerate((sms(), CustomerMerged(into="B"), sms(), CustomerErased(), sms())):
        lanes.send(event, "A", f"s{number}")
        lanes.run()
        counted.append(messages(lanes, "B"))
    assert counted == [0, 1, 2, 0, 1]


def test_a_structured_record_is_forwarded_as_well() -> None:
    """Its value names the first customer; that is no mismatch at the second."""
    lanes = ManyLanes(3)
    lanes.send(CustomerMerged(into="B"), "A", "m1")
    lanes.run()
    headers, value = encode_structured(sms(), id="s1", source="test", time_ms=T0, customer_id="A")
    lanes._append(Emission("cem.sms-usage", b"A", value, headers))
    lanes.run()
    assert (messages(lanes, "B"), lanes.dead_letters()) == (1, [])


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_merged_and_split_each_record_counts_once(seed: int) -> None:
    """Random merges, splits, links, repeats, both ways in, emissions published twice: the count of a list of ids."""
    draw = random.Random(seed)
    lanes = ManyLanes(3, seed=seed, repeats=0.3)
    names, lines = ["A", "B", "C", "D", "E"], [f"+8490{n:07}" for n in range(4)]
    ids: set[str] = set()
    waiting_of: dict[str, set[str]] = {line: set() for line in lines}
    for number in range(50):
        lanes.now_ms += draw.choice([0, 1, HOUR])
        line, name = draw.choice(lines), draw.choice(names)
        event: Event
        match draw.randrange(12):
            case 0:
                event = profile(*draw.sample(lines, 2))
                lanes.send(event, name, f"p{number}")
            case 1:
                lanes.send(CustomerMerged(into=draw.choice(names)), name, f"m{number}")
            case 2:
                lanes.send(CustomerSplit(into=draw.choice(names), line=line), name, f"x{number}")
            case 3 | 4 | 5 | 6:
                event_id = f"d{number}"
                ids.add(event_id)
                for _ in range(draw.randint(1, 2)):
                    lanes.send(sms(line), name, event_id)
            case _:
                event_id = f"n{number}"
                waiting_of[line].add(event_id)
                for _ in range(draw.randint(1, 2)):
                    lanes.send(sms(line), f"line:{line}", event_id, topic="cem.inbox")
        if draw.random() < 0.4:
            lanes.run()
    lanes.run()
    waiting = 0
    for line in lines:
        state = lanes.state(f"line:{line}")
        waiting += len(state.waiting) if isinstance(state, Identifier) else 0
    sent = len(ids) + sum(map(len, waiting_of.values()))
    assert sum(messages(lanes, name) for name in names) == sent - waiting
    assert {code for _, code in lanes.dead_letters()} <= {"merge_refused"}
    by_line = sum(sum(line.counts[1:2]) for name in names for line in customer(lanes, name).lines.values())
    assert by_line == sent - waiting


def test_what_was_paid_adds_up() -> None:
    """Payments of both are the one customer's, in totals and in what he is compared by; the tombstone is compared no more."""
    lanes = ManyLanes(3)
    for number, (name, amount) in enumerate((("A", 500), ("A", 700), ("B", 900))):
        lanes.send(PaymentMade(amount_minor=amount), name, f"y{number}")
    lanes.run()
    money = [unpack_money(customer(lanes, name).value) for name in "AB"]
    lanes.send(CustomerMerged(into="B"), "A", "m1")
    lanes.run()
    taker, gone = customer(lanes, "B"), customer(lanes, "A")
    assert (taker.billing.paid_minor, taker.billing.made, len(taker.billing.payments)) == (2100, 3, 3)
    assert unpack_money(taker.value).amount == pytest.approx(sum(m.amount for m in money))
    assert (gone.billing.paid_minor, gone.value.scored_day, gone.value.money) == (0, 0, b"")
