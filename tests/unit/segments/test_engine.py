"""Which rules are asked when: messages pay for nothing that they do not change, and every move is counted once."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cem.domain.customer import Customer, new_customer
from cem.domain.events import (
    BillIssued,
    CallEnded,
    CallStarted,
    CustomerErased,
    InteractionRecorded,
    PaymentMade,
    SmsRated,
    SurveyAnswered,
)
from cem.domain.events.enums import Channel
from cem.domain.state.lane import LaneState
from cem.domain.state.segments import (
    MOST,
    UNKNOWN,
    Standing,
    key_of,
    members_of,
    pack_standing,
    rows_of,
    segments_due_ms,
    shares_of,
    unpack_standing,
    with_shares,
)
from cem.domain.thresholds import AlertPolicy
from cem.ports import Record
from cem.segments import ALL, TALLY, SegmentRules, Sums, add_up
from cem.segments.groups import CONTACTS, ENDED, LINES, PAID, USAGE, groups_of
from cem.step import CemStepper
from cem.step_rules import Rules
from cem.stepper import Moment
from cem.streams.dead_letters import dead_letter
from tests.builders.any_state import standings
from tests.builders.customers import DAY, SECOND, T0, household
from tests.builders.records import record_of
from tests.builders.segments import rules_of
from tests.builders.typical_customer import typical_customer, typical_events


@given(standings())
def test_any_standing_comes_back(standing: Standing) -> None:
    """From its bytes, the due time at the place where the step looks for it."""
    packed = pack_standing(standing)
    assert unpack_standing(packed) == standing
    assert segments_due_ms(packed) == standing.due_s * 1000


@given(standings(), st.integers(-90, 500_000), st.integers(0, 2**32 - 1))
def test_a_standing_is_changed_in_part_as_it_is_in_whole(
    standing: Standing, value_minor: int, due_s: int
) -> None:
    """Members are those of the whole; other shares in the same segments give the bytes of the whole, or none."""
    packed = pack_standing(standing)
    assert [*members_of(packed)] == sorted(standing.since)
    kept = unpack_standing(packed)
    for shares in (None, (kept.csat_centi, 500), (UNKNOWN, UNKNOWN)):
        for value in (None, value_minor, kept.value_minor):
            csat, risk = shares or (kept.csat_centi, kept.risk_milli)
            worth = kept.value_minor if value is None else value
            whole = msgspec.structs.replace(
                kept, due_s=due_s, csat_centi=csat, risk_milli=risk, value_minor=worth
            )
            changed = with_shares(packed, due_s, shares, value)
            assert changed == pack_standing(whole) or (changed is None and value is None)


@given(standings(), st.sets(st.integers(0, MOST - 1)), st.integers(0, 65_535))
def test_who_stays_in_a_segment_entered_it_when_he_did(
    standing: Standing, now_in: set[int], day: int
) -> None:
    """Whatever else he leaves or enters, and the bytes are those of the whole."""
    packed = pack_standing(standing)
    since = {number: standing.since.get(number, day) for number in sorted(now_in)}
    whole = msgspec.structs.replace(unpack_standing(packed), since=since)
    rows = rows_of(packed, sorted(now_in), day)
    changed = with_shares(packed, whole.due_s, None, whole.value_minor, rows)
    assert changed == pack_standing(whole)
    assert key_of(packed) == standing.key
    assert shares_of(packed) == (whole.csat_centi, whole.risk_milli, whole.value_minor)


def sent(customer: Customer, rules: SegmentRules, segments: int = 1, **fields: object) -> int:
    """Return what one more message of an ordinary line touches."""
    event = SmsRated(line="1", segments=segments, recipient="r", **{"in_allowance": True, **fields})  # type: ignore[arg-type]
    cycle = customer.lines["1"].cycle
    assert cycle is not None
    cycle.messages += 1
    cycle.segments += segments
    cycle.counted += segments
    return rules.of_message(customer, event, T0 + DAY)


def test_a_message_asks_nothing_until_it_crosses_a_number() -> None:
    """The 400th segment is looked at, the 399th is not; nor is any where no rule speaks of messages."""
    first = SmsRated(line="1", segments=1, recipient="r", in_allowance=True)
    customer, _ = household([(T0, first)])
    rules = rules_of(heavy="sms_top_line_segments >= 400")
    assert rules.of_message(customer, first, T0) == USAGE | LINES
    assert [sent(customer, rules, 100) for _ in range(3)] == [0, 0, 0]
    assert sent(customer, rules, 98) == 0
    assert sent(customer, rules) & USAGE
    assert sent(customer, rules) & USAGE
    assert sent(customer, rules) == 0
    assert sent(customer, rules, charge_minor=9) & USAGE
    assert sent(customer, rules_of(other="lines > 2"), 400) == 0


def test_an_allowance_is_watched_by_its_share() -> None:
    """A share of .9 of 10 segments is crossed by the ninth."""
    customer, _ = household([(T0, SmsRated(line="1", segments=1, recipient="r", in_allowance=True))])
    customer.lines["1"].allowance = 10
    rules = rules_of(used="sms_allowance_share >= 0.9")
    assert [bool(sent(customer, rules)) for _ in range(9)] == [False] * 7 + [True, True]


def test_time_alone_moves_a_customer_to_the_second() -> None:
    """The second contact of 7 days falls out of the window, and he is out of the segment, not a moment before."""
    chat = InteractionRecorded(interaction_id="i", channel=Channel.CHAT)
    other = InteractionRecorded(interaction_id="j", channel=Channel.CHAT)
    customer, _ = household([(T0, chat), (T0 + DAY, other)])
    rules = rules_of(often="contacts_7d >= 2", silent="contacts_30d == 0")
    rules.ask(customer, ALL, T0 + DAY, "UTC")
    assert rules.names_of(customer) == ("often",)
    due_ms = segments_due_ms(customer.segments)
    assert due_ms == T0 + 7 * DAY
    rules.ask(customer, ALL, due_ms - SECOND, "UTC")
    assert rules.names_of(customer) == ("often",)
    rules.ask(customer, ALL, due_ms, "UTC")
    assert rules.names_of(customer) == ()


def test_a_standing_is_small() -> None:
    """A typical customer's takes at most twenty bytes, its field included."""
    customer = typical_customer()
    rules = rules_of(family="lines >= 2", child="child_lines >= 1")
    rules.ask(customer, ALL, typical_events()[-1][0], "UTC")
    assert rules.names_of(customer) == ("family", "child")
    assert len(customer.segments) + 2 <= 20


class _Lane:
    def __init__(self, rules: SegmentRules) -> None:
        self.states: dict[str, Customer | LaneState] = {"lane:0": LaneState(0)}
        self.use(rules)

    def use(self, rules: SegmentRules) -> None:
        self.rules = rules
        made = Rules("t", alerts=AlertPolicy(), late_limit_ms=7 * DAY, timezone="UTC", segments=rules)
        self.job = CemStepper(made, dead_letter=dead_letter, lane_of=lambda customer_id: 3)

    def apply(self, *records: Record) -> None:
        items = self.job.read(records)
        for customer in self.job.customers(items):
            self.states.setdefault(customer, new_customer(customer))
        self.job.step(self.states, items, Moment(0, records[0].topic, T0))

    def sums(self) -> tuple[int, dict[str, int], int]:
        lane = self.states["lane:0"]
        assert isinstance(lane, LaneState)
        asked, found, others = add_up([lane.look(TALLY)], self.rules.key)
        return asked.customers, {name: s.customers for name, s in found.items()}, others


def chat(customer: str, number: int) -> Record:
    event = InteractionRecorded(interaction_id=f"{customer}{number}", channel=Channel.CHAT)
    return record_of(event, time_ms=T0, id=f"e{number}", key=customer)


def test_every_move_is_counted_once_also_under_new_rules_and_after_an_erasure() -> None:
    """New rules take a customer over at his next record; the erased are in no segment; old rules find their sums."""
    old, new = rules_of(met="contacts_30d >= 1"), rules_of(twice="contacts_30d >= 2")
    lane = _Lane(old)
    lane.apply(chat("a", 1), chat("b", 2), chat("c", 3))
    assert lane.sums() == (3, {"met": 3}, 0)
    lane.use(new)
    lane.apply(chat("a", 4))
    assert lane.sums() == (1, {"twice": 1}, 2)
    erased = record_of(CustomerErased(), time_ms=T0, id="e5", key="a")
    lane.apply(erased)
    assert lane.sums() == (0, {"twice": 0}, 2)
    lane.use(old)
    lane.apply(chat("b", 6))
    assert lane.sums() == (2, {"met": 2}, 0)


def test_satisfaction_is_averaged_over_those_who_are_known() -> None:
    """An answer counts for the segments that its customer is in, and a newer one takes its place."""
    lane = _Lane(rules_of(met="contacts_30d >= 1"))
    lane.apply(chat("a", 1), chat("b", 2))
    lane.apply(record_of(SurveyAnswered(csat=5), time_ms=T0, id="e3", key="a"))
    state = lane.states["lane:0"]
    assert isinstance(state, LaneState)
    _, found, _ = add_up([state.look(TALLY)], lane.rules.key)
    assert (found["met"].rated, found["met"].customers) == (1, 2)
    assert found["met"].csat_centi in range(420, 440)
    assert found["met"] != Sums()


def test_membership_is_known_whichever_rules_were_asked_last() -> None:
    """What is kept is believed until its turn; of other rules, past it, and of who was changed since, all are asked."""
    rules = rules_of(met="contacts_30d >= 1", lately="days_since_contact < 2.0")
    lane = _Lane(rules)
    lane.apply(chat("a", 1))
    customer = lane.states["a"]
    assert isinstance(customer, Customer)
    assert rules.members(customer, T0 + 1_000, "UTC") == ("met", "lately")
    assert rules.members(customer, T0 + 3 * DAY, "UTC") == ("met",)
    assert rules.members(customer, T0 + 31 * DAY, "UTC") == ()
    assert rules_of(ever="contacts_30d >= 0").members(customer, T0, "UTC") == ("ever",)
    assert rules.members(customer, T0, "UTC", anew=True) == ("met", "lately")
    assert rules.members(new_customer("x"), T0, "UTC") == ()


def test_who_joins_before_the_lanes_time_is_known_joins_when_his_record_came() -> None:
    """As with the first records of a history: rules are asked as of then, too, and the next tick is no repetition."""
    rules = rules_of(
        met="contacts_30d >= 1", fresh="days_since_contact < 1.0", old="days_since_contact >= 1.0"
    )
    lane = _Lane(rules)
    item = lane.job.read([chat("a", 1)])
    customer = lane.states["a"] = new_customer("a")
    lane.job.step(lane.states, item, Moment(0, "cem.interactions", 0))
    assert isinstance(customer, Customer)
    assert customer.as_of_ms >= T0
    standing = unpack_standing(customer.segments)
    day = customer.as_of_ms // DAY
    assert [(rules.names[n], since) for n, since in standing.since.items()] == [("met", day), ("fresh", day)]
    due_ms = segments_due_ms(customer.segments)
    assert due_ms >= T0 + DAY
    lane.job.tick(lane.states, ["a"], Moment(0, "", due_ms, 1))
    moved = unpack_standing(customer.segments)
    assert {rules.names[n]: since for n, since in moved.since.items()} == {"met": day, "old": due_ms // DAY}


def test_a_payment_asks_after_bills_only_where_time_has_changed_them() -> None:
    """In a lane that is behind nobody was woken when the bill became old: the payment is the occasion."""
    rules = rules_of(billed="days_since_bill <= 30.0")
    paid = PaymentMade(bill_id="b", amount_minor=100)
    for day, stays in ((5, True), (40, False)):
        customer, _ = household([(T0, BillIssued(bill_id="b", total_minor=100))])
        rules.ask(customer, ALL, T0 + DAY, "UTC")
        assert rules.names_of(customer) == ("billed",)
        assert groups_of(paid, customer) == PAID
        rules.ask(customer, PAID, T0 + day * DAY, "UTC")
        assert (rules.names_of(customer) == ("billed",)) == stays


def test_the_end_of_a_call_is_no_further_contact() -> None:
    """Unless it is all that is known of the call."""
    began, ended = CallStarted(call_id="c"), CallEnded(call_id="c", duration_s=60)
    known, _ = household([(T0, began), (T0 + SECOND, ended)])
    alone, _ = household([(T0 + SECOND, ended)])
    assert groups_of(ended, known) == ENDED
    assert groups_of(ended, alone) == CONTACTS


def test_rules_of_scores_alone_stand_among_the_others() -> None:
    """They are asked once for each scores; the standing has all that hold by number, wherever they are in the file."""
    rules = rules_of(
        first="recency_score >= 4",
        second="lines >= 1",
        third="money_score == 1",
        fourth="frequency_score == 3",
    )
    customer = typical_customer()
    now_ms = customer.last_ms
    for scores, held in (
        ((5, 3, 1), [0, 1, 2, 3]),
        ((1, 3, 5), [1, 3]),
        ((5, 3, 1), [0, 1, 2, 3]),
        (None, [1]),
    ):
        r, f, m = scores or (0, 0, 0)
        customer.value.scores = 1 + 25 * (r - 1) + 5 * (f - 1) + m - 1 if scores else 0
        rules.ask(customer, PAID | LINES, now_ms, "UTC")
        assert list(members_of(customer.segments)) == held
        assert rules.members(customer, now_ms, "UTC", anew=True) == tuple(rules.names[n] for n in held)
