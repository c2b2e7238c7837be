"""Customers are in the segments whose rules hold, at every instant, whatever happened and whatever did not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cem.domain.customer import Customer, decode_customer, encode_customer
from cem.domain.state.lane import LaneState
from cem.domain.state.segments import segments_due_ms, shares_of, unpack_standing
from cem.domain.thresholds import AlertPolicy
from cem.segments import ALL, TALLY, SegmentRules, Sums, add_up
from cem.step import CemStepper
from cem.step_rules import Rules
from cem.stepper import Moment as StepMoment
from cem.streams.dead_letters import dead_letter
from tests.builders.customers import DAY, HOUR, SECOND
from tests.builders.histories import histories
from tests.builders.one_lane import LANE, Moment
from tests.builders.segments import every_fact, shipped_segments

slow = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


class Lane:
    """A lane's states, moved on by the product's own step, and looked at from outside at any instant."""

    def __init__(self, rules: SegmentRules) -> None:
        self.rules = rules
        self.states: dict[str, Any] = {"lane:0": LaneState(0)}
        self.ticks = 0
        made = Rules(
            "t", alerts=AlertPolicy(), late_limit_ms=7 * DAY, timezone="Europe/Berlin", segments=rules
        )
        self.job = CemStepper(made, dead_letter=dead_letter, lane_of=lambda customer_id: LANE)

    def pass_to(self, now_ms: int) -> None:
        """Tick at every instant at which something is due up to now, in order."""
        while dues := [d for s in self.states.values() if (d := self.job.due_of(s)) and d <= now_ms]:
            at_ms = min(dues)
            due = [c for c, s in self.states.items() if (self.job.due_of(s) or now_ms + 1) <= at_ms]
            self.ticks += 1
            self.job.tick(self.states, due, StepMoment(LANE, "", at_ms, self.ticks))
            for customer in due:
                again = self.job.due_of(self.states[customer])
                assert again is None or again > at_ms

    def apply(self, moment: Moment) -> None:
        items = self.job.read(moment.records)
        for customer in self.job.customers(items):
            self.states.setdefault(customer, self.job.new_state(customer))
        self.job.step(self.states, items, StepMoment(LANE, moment.topic, moment.lane_time_ms))

    def check(self, now_ms: int) -> None:
        """Demand that everybody is where all rules, asked anew, put him."""
        sums: dict[str, Sums] = {}
        for state in self.states.values():
            if not isinstance(state, Customer):
                continue
            turning = now_ms < segments_due_ms(state.segments) < now_ms + SECOND
            copy = decode_customer(encode_customer(state))
            copy.segments = b""
            self.rules.ask(copy, ALL, now_ms, "Europe/Berlin")
            asked = unpack_standing(copy.segments)
            kept = unpack_standing(state.segments)
            names = self.rules.names
            wrong = sorted(names[n] for n in kept.since.keys() ^ asked.since.keys())
            # What turns within this second is seen at its end.
            assert wrong == [] or turning, f"{wrong} of {state} at {now_ms}"
            for number in kept.since:
                sums.setdefault(names[number], Sums()).add(shares_of(state.segments), 1)
        _, counted, _ = add_up([self.states["lane:0"].look(TALLY)], self.rules.key)
        assert {name: found for name, found in counted.items() if found != Sums()} == sums


def instants(moments: Sequence[Moment], drawn: Sequence[int]) -> Iterator[tuple[int, Moment | None]]:
    """Yield the moments in order, and drawn instants between them."""
    marks = [(m.lane_time_ms, 1, i) for i, m in enumerate(moments)]
    first, last = moments[0].lane_time_ms, moments[-1].lane_time_ms
    marks += [(first + d, 0, -1) for d in drawn if first + d <= last]
    for at_ms, _, index in sorted(marks):
        yield at_ms, moments[index] if index >= 0 else None


def watch(rules: SegmentRules, moments: Sequence[Moment], drawn: Sequence[int]) -> Lane:
    lane = Lane(rules)
    for at_ms, moment in instants(moments, drawn):
        lane.pass_to(at_ms)
        if moment is None:
            at_ms += -at_ms % SECOND
            lane.pass_to(at_ms)
            lane.check(at_ms)
        else:
            lane.apply(moment)
            lane.check(at_ms)
    return lane


_INSTANTS = st.lists(st.integers(0, 60 * DAY // HOUR).map(lambda h: h * HOUR), max_size=12)


@slow
@given(histories(), _INSTANTS, st.sampled_from([0, 1]))
def test_everybody_is_where_all_rules_asked_anew_put_him(
    moments: list[Moment], drawn: list[int], half: int
) -> None:
    """Rules over every fact, asked only when a fact was touched or reached its turn, say what they always say."""
    watch(every_fact(half), moments, drawn)


@slow
@given(histories(), _INSTANTS)
def test_so_do_the_shipped_rules(moments: list[Moment], drawn: list[int]) -> None:
    """The same of the rules that are shipped."""
    watch(shipped_segments(), moments, drawn)
