"""Events that know a line or another name, but no customer: they find him, or wait for him."""

from __future__ import annotations

import random

import pytest

from cem.domain.customer import Customer
from cem.domain.events import (
    CustomerErased,
    Event,
    IdentifierLinked,
    ProfileChanged,
    ProfileLine,
    RegistrationMade,
    SmsRated,
    encode_structured,
)
from cem.domain.events.interactions import Identifier as Name
from cem.domain.identity import FORGOTTEN_MS, IdentityRules
from cem.domain.state.identifier import Identifier
from cem.ports import Emission
from cem.streams.partition import lane_of
from tests.builders.customers import DAY, HOUR, T0
from tests.builders.many_lanes import ManyLanes

LINE = "+84901234567"


def sms(line: str = LINE) -> SmsRated:
    return SmsRated(line=line, recipient="r", in_allowance=True)


def profile(*lines: str, **more: object) -> ProfileChanged:
    return ProfileChanged(lines=tuple(ProfileLine(line=line) for line in lines), **more)  # type: ignore[arg-type]


def inbox(lanes: ManyLanes, number: int, name: str = f"line:{LINE}", **more: object) -> None:
    lanes.send(sms(), name, f"s{number}", topic="cem.inbox", **more)


def messages(lanes: ManyLanes, customer: str) -> int:
    state = lanes.state(customer)
    return state.counts[1] if isinstance(state, Customer) and len(state.counts) > 1 else 0


def identifier(lanes: ManyLanes, name: str = f"line:{LINE}") -> Identifier:
    state = lanes.state(name)
    assert isinstance(state, Identifier)
    return state


def test_records_wait_for_the_profile_and_follow_in_order() -> None:
    """What came before the link follows it in its order, before what comes after; source, id and time stay."""
    lanes = ManyLanes(4)
    for number in range(3):
        inbox(lanes, number, time_ms=T0 + number)
    lanes.run()
    assert lanes.subjects() == [f"line:{LINE}"]
    lanes.send(profile(LINE), "C1", "p1")
    lanes.run()
    inbox(lanes, 3, time_ms=T0 + 3)
    lanes.run()
    sent = lanes.log["cem.sms-usage", lane_of("C1", 4)]
    told = [(dict(r.headers)["ce_id"], dict(r.headers)["ce_source"], r.key) for r in sent]
    assert told == [(b"s%d" % n, b"test", b"C1") for n in range(4)]
    assert [dict(r.headers)["ce_time"][-5:-1] for r in sent][-1] == b".003"
    assert messages(lanes, "C1") == 4
    assert (identifier(lanes).waiting, identifier(lanes).forwarded) == ([], 4)


def test_a_record_counts_once_whichever_way_and_however_often_it_comes() -> None:
    """A repeat on the inbox, a repeat of what was passed on, and the same event sent straight: one message."""
    lanes = ManyLanes(3)
    lanes.send(profile(LINE), "C1", "p1")
    for _ in range(2):
        inbox(lanes, 1)
    lanes.run()
    lane = lane_of("C1", 3)
    (copy,) = lanes.log["cem.sms-usage", lane]
    for number in range(2, 100):
        inbox(lanes, number)
    lanes.run()
    lanes.now_ms += 5 * HOUR
    lanes._append(Emission(copy.topic, copy.key, copy.value, copy.headers))
    lanes.send(sms(), "C1", "s99")
    lanes.run()
    state = lanes.state("C1")
    assert isinstance(state, Customer)
    assert (messages(lanes, "C1"), state.duplicates) == (99, 2)
    assert identifier(lanes).duplicates == 1


def test_numbers_of_an_ordered_source_count_at_the_identifier() -> None:
    """An import's rows of two lines reach the customer out of its order, and none is taken for a repeat."""
    lanes = ManyLanes(3)
    lanes.send(profile("+8491"), "C1", "p1")
    for number in range(10):
        inbox(lanes, number, f"line:+849{number % 2 + 1}", sequence=number)
    lanes.run()
    lanes.send(profile("+8491", "+8492"), "C1", "p2", time_ms=T0 + 1)
    lanes.run()
    assert messages(lanes, "C1") == 10
    lanes.now_ms += 300 * DAY
    for number in range(10):
        inbox(lanes, number, f"line:+849{number % 2 + 1}", sequence=number)
    lanes.run()
    assert messages(lanes, "C1") == 10


@pytest.mark.parametrize("written", ["0901 234 567", "01201234567", "+841201234567", "84901234567"])
def test_every_way_of_writing_a_line_finds_it(written: str) -> None:
    """National, with spaces, or with a Vietnamese prefix of before 2018: the identifier in normal form has it."""
    lanes = ManyLanes(4, identity=IdentityRules(region="VN"))
    lines = {"0901 234 567": LINE, "84901234567": LINE}
    inbox(lanes, 1, f"line:{written}")
    lanes.send(profile(lines.get(written, "0701234567")), "C1", "p1")
    lanes.run()
    inbox(lanes, 2, f"line:{written}")
    lanes.run()
    assert messages(lanes, "C1") == 2


def test_past_its_bounds_the_oldest_becomes_a_dead_letter() -> None:
    """At most so many wait, and so long; what is given up is counted, and is byte for byte a dead letter."""
    lanes = ManyLanes(2, identity=IdentityRules(waiting_records=2, waiting_ms=DAY))
    for number in range(3):
        inbox(lanes, number)
        lanes.run()
        lanes.pass_time(HOUR)
    assert lanes.dead_letters() == [(f"line:{LINE}", "unlinked")]
    lanes.pass_time(DAY - 2 * HOUR)
    assert (len(lanes.dead_letters()), len(identifier(lanes).waiting)) == (2, 1)
    assert (identifier(lanes).records, identifier(lanes).dropped) == (3, 2)
    lanes.pass_time(HOUR)
    assert len(lanes.dead_letters()) == 3
    lanes.pass_time(FORGOTTEN_MS)
    assert lanes.subjects() == []


def test_a_profile_that_no_longer_names_a_line_loses_it() -> None:
    """Its later records wait for whoever names it next; what was passed on stays."""
    lanes = ManyLanes(3)
    lanes.send(profile(LINE, "+8499"), "C1", "p1")
    inbox(lanes, 1)
    lanes.run()
    lanes.send(profile("+8499"), "C1", "p2", time_ms=T0 + 1)
    lanes.run()
    inbox(lanes, 2)
    lanes.run()
    lanes.send(profile(LINE), "C2", "p3", time_ms=T0 + 2)
    lanes.run()
    assert (messages(lanes, "C1"), messages(lanes, "C2")) == (1, 1)


@pytest.mark.parametrize("seed", range(4))
def test_of_two_profiles_that_claim_a_line_the_newer_has_it(seed: int) -> None:
    """By event time, whichever arrives first; when it lets go, the other has it again."""
    lanes = ManyLanes(3, seed=seed)
    claims = [("C1", T0), ("C2", T0 + 5)]
    for customer, at_ms in claims[:: 1 if seed % 2 else -1]:
        lanes.send(profile(LINE), customer, "p1", time_ms=at_ms)
        if seed > 1:
            lanes.run()
    lanes.run()
    inbox(lanes, 1)
    lanes.run()
    assert (messages(lanes, "C1"), messages(lanes, "C2")) == (0, 1)
    assert [c.customer_id for c in identifier(lanes).claims] == ["C1", "C2"]
    lanes.send(profile(), "C2", "p2", time_ms=T0 + 6)
    lanes.run()
    inbox(lanes, 2)
    lanes.run()
    assert (messages(lanes, "C1"), messages(lanes, "C2")) == (1, 1)


def test_an_erased_customer_is_found_by_nothing() -> None:
    """His identifiers let him go, so that nothing is folded into the customer who is no longer there."""
    lanes = ManyLanes(3)
    lanes.send(profile(LINE, identifiers=(Name(kind="email", value="A@B.example"),)), "C1", "p1")
    lanes.run()
    assert identifier(lanes, "email:a@b.example").customer_id == "C1"
    lanes.send(CustomerErased(), "C1", "p2", time_ms=T0 + 1)
    lanes.run()
    for name in (f"line:{LINE}", "email:a@b.example"):
        assert (identifier(lanes, name).customer_id, identifier(lanes, name).claims) == ("", [])


def test_a_prospect_becomes_known_by_his_registration() -> None:
    """The names that he registers with bring what waited for them; a profile's status holds, however old."""
    lanes = ManyLanes(3)
    inbox(lanes, 1, "email:a@b.example")
    name = Name(kind="email", value="A@B.example")
    lanes.send(RegistrationMade(channel="web", identifiers=(name,)), "P1", "r1")
    lanes.run()
    state = lanes.state("P1")
    assert isinstance(state, Customer)
    assert (state.profile.status, messages(lanes, "P1")) == ("prospect", 1)
    lanes.send(ProfileChanged(status="active"), "P1", "p1", time_ms=T0 - DAY)
    lanes.run()
    state = lanes.state("P1")
    assert isinstance(state, Customer)
    assert state.profile.status == "active"
    assert [n.name for n in state.profile.identifiers] == ["email:a@b.example"]


def test_structured_mode_finds_its_customer_as_well() -> None:
    """What keeps no headers is passed on in binary mode; what is no event at all is a dead letter."""
    lanes = ManyLanes(3)
    lanes.send(profile(LINE), "C1", "p1")
    key = f"line:{LINE}"
    headers, value = encode_structured(sms(), id="s1", source="test", time_ms=T0, customer_id=key)
    for data in (value, value, b"{"):
        lanes._append(Emission("cem.inbox", key.encode(), data, headers))
    lanes.run()
    assert messages(lanes, "C1") == 1
    assert lanes.dead_letters() == [(key, "not_json")]


def test_broken_data_are_judged_where_the_customer_is() -> None:
    """The way through the inbox reads no data: the customer's lane refuses them, and goes on."""
    lanes = ManyLanes(3)
    lanes.send(profile(LINE), "C1", "p1")
    inbox(lanes, 1)
    broken = lanes.log["cem.inbox", lane_of(f"line:{LINE}", 3)][-1]
    headers = tuple((n, b"s2" if n == "ce_id" else v) for n, v in broken.headers)
    lanes._append(Emission("cem.inbox", broken.key, b'{"line":7}', headers))
    lanes.run()
    assert messages(lanes, "C1") == 1
    assert lanes.dead_letters() == [("C1", "invalid_field")]


def test_a_link_that_is_not_in_normal_form_reaches_the_one_that_is() -> None:
    """Whoever writes links of his own need not know the normal form."""
    lanes = ManyLanes(3, identity=IdentityRules(region="VN"))
    link = IdentifierLinked(kind="line", value="0901234567", customer_id="C1")
    lanes.send(link, "line:0901234567", "l1")
    lanes.run()
    inbox(lanes, 1)
    lanes.run()
    assert messages(lanes, "C1") == 1


@pytest.mark.parametrize("seed", range(25))
def test_whatever_the_order_each_record_counts_once(seed: int) -> None:
    """Links late and early and moving, repeats, both ways in, emissions published twice: the counts of a list of ids."""
    draw = random.Random(seed)
    lanes = ManyLanes(3, seed=seed, repeats=0.3)
    lines = [f"+8490{n:07}" for n in range(4)]
    owned: dict[str, list[str]] = {"C1": [], "C2": []}
    sent: dict[str, set[str]] = {line: set() for line in lines}
    straight: dict[str, set[str]] = {"C1": set(), "C2": set()}
    for number in range(60):
        lanes.now_ms += draw.choice([0, 1, HOUR])
        line = draw.choice(lines)
        event: Event
        match draw.randrange(8):
            case 0:
                customer = draw.choice(["C1", "C2"])
                owned[customer] = sorted({*draw.sample(lines, 2)})
                event = profile(*owned[customer])
                lanes.send(event, customer, f"p{number}", time_ms=lanes.now_ms - draw.choice([0, DAY]))
            case 1:
                customer = draw.choice(["C1", "C2"])
                straight[customer].add(f"d{number}")
                lanes.send(sms(line), customer, f"d{number}")
            case _:
                event_id = draw.choice([*sorted(sent[line]), f"n{number}", f"n{number}"][-6:])
                sent[line].add(event_id)
                lanes.send(sms(line), f"line:{line}", event_id, topic="cem.inbox")
        if draw.random() < 0.3:
            lanes.run()
    lanes.run()
    waiting = 0
    for line in lines:
        state = lanes.state(f"line:{line}")
        if isinstance(state, Identifier):
            assert state.records == len(sent[line])
            assert state.forwarded + len(state.waiting) == state.records
            assert not (state.waiting and state.customer_id)
            waiting += len(state.waiting)
    counted = messages(lanes, "C1") + messages(lanes, "C2")
    assert counted == sum(map(len, sent.values())) + sum(map(len, straight.values())) - waiting
    assert lanes.dead_letters() == []
