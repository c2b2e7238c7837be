"""Several lanes beside each other: what one says on a topic that lanes read reaches the lane of its key.

The product's own stream job on lists in place of Kafka and Redis. Batches are cut, topics interleaved and emissions
published again as a seeded draw wants; every state goes through its bytes after each step.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

from cem.domain.events import Event, encode
from cem.domain.identity import IdentityRules
from cem.domain.subject_states import Subject, decode_subject
from cem.domain.thresholds import AlertPolicy
from cem.ports import Emission
from cem.step import CemStepper
from cem.step_rules import Rules
from cem.stepper import Moment
from cem.streams.dead_letters import dead_letter, read_dead_letter
from cem.streams.partition import lane_of
from cem.streams.topics import DEAD_LETTERS, LANE_TOPICS
from tests.builders.customers import DAY, T0
from tests.builders.records import LogRecord

__all__ = ["ManyLanes"]


class ManyLanes:
    """The log, the states and the workers of a small deployment."""

    def __init__(
        self,
        lanes: int = 3,
        *,
        seed: int = 0,
        identity: IdentityRules | None = None,
        repeats: float = 0.0,
        alerts: AlertPolicy | None = None,
    ) -> None:
        """repeats: share of the saves whose emissions are published a second time, later."""
        self.lanes = lanes
        self.now_ms = T0
        self.log: dict[tuple[str, int], list[LogRecord]] = {
            (topic, lane): [] for topic in LANE_TOPICS for lane in range(lanes)
        }
        #: What went to topics that no lane reads.
        self.said: list[Emission] = []
        self._positions = dict.fromkeys(self.log, 0)
        self._values: dict[str, bytes] = {}
        self._dues: dict[str, int] = {}
        self._ticks = [0] * lanes
        self._draw = random.Random(seed)
        self._repeats = repeats
        self._again: list[list[Emission]] = []
        rules = Rules(
            "test", alerts=alerts or AlertPolicy(), late_limit_ms=7 * DAY, timezone="UTC", identity=identity
        )
        self.stepper = CemStepper(rules, dead_letter=dead_letter, lane_of=lambda key: lane_of(key, lanes))

    def send(self, event: Event, key: str, event_id: str, *, topic: str = "", **more: Any) -> None:
        """Append an event to its topic, or to another."""
        more = {"source": "test", "time_ms": self.now_ms, **more}
        headers, value = encode(event, id=event_id, customer_id=key, **more)
        self._append(Emission(topic or event.TOPIC, key.encode(), value, headers))

    def take(self, emission: Emission) -> None:
        """Append a record as it is to the topic and lane that it is for."""
        self._append(emission)

    def run(self) -> None:
        """Have the lanes read everything, and whatever comes of it, in a drawn order."""
        while True:
            unread = [place for place, records in self.log.items() if self._positions[place] < len(records)]
            if not unread:
                if not self._again:
                    return
                for emission in self._again.pop():
                    self._append(emission)
                continue
            topic, lane = self._draw.choice(unread)
            first = self._positions[topic, lane]
            stop = min(len(self.log[topic, lane]), first + self._draw.randint(1, 6))
            self._positions[topic, lane] = stop
            items = self.stepper.read(self.log[topic, lane][first:stop])
            moment = Moment(lane, topic, self.now_ms)
            step = partial(self.stepper.step, items=items, moment=moment)
            self._save(lane, self.stepper.customers(items), step)

    def pass_time(self, span_ms: int) -> None:
        """Let the time pass, and wake who is due."""
        self.now_ms += span_ms
        for lane in range(self.lanes):
            due = sorted(
                name
                for name, due_ms in self._dues.items()
                if due_ms <= self.now_ms and lane_of(name, self.lanes) == lane
            )
            if due:
                self._ticks[lane] += 1
                moment = Moment(lane, "", self.now_ms, self._ticks[lane])
                self._save(lane, due, partial(self.stepper.tick, customers=due, moment=moment))
        self.run()

    def state(self, subject: str) -> Subject | None:
        """Return the subject's state, None if there is none."""
        data = self._values.get(subject)
        return None if data is None else decode_subject(subject, data)

    def subjects(self) -> list[str]:
        """Return the names of all that have a state, but the lanes' own."""
        return sorted(name for name in self._values if not name.startswith("lane:"))

    def dead_letters(self) -> list[tuple[str, str]]:
        """Return key and reason of each dead letter."""
        found = []
        for emission in self.said:
            if emission.topic == DEAD_LETTERS:
                record = LogRecord(emission.topic, 0, 0, 0, emission.key, emission.value, emission.headers)
                letter = read_dead_letter(record)
                found.append(((letter.key or b"").decode(), letter.code))
        return found

    def _save(self, lane: int, subjects: Sequence[str], step: Any) -> None:
        standing = self.stepper.standing(lane)
        states = {
            name: self.state(name) or self.stepper.new_state(name)
            for name in dict.fromkeys([*standing, *subjects])
        }
        outcome = step(states)
        for name in dict.fromkeys([*outcome.changed]):
            data = self.stepper.encode_state(states[name])
            self._values.pop(name, None)
            if data:
                self._values[name] = data
            due = self.stepper.due_of(states[name]) if data else None
            self._dues.pop(name, None)
            if due is not None:
                self._dues[name] = due
        for emission in outcome.emissions:
            self._append(emission)
        if outcome.emissions and self._draw.random() < self._repeats:
            self._again.append(outcome.emissions)

    def _append(self, emission: Emission) -> None:
        key = emission.key or b""
        lane = lane_of(key.decode(), self.lanes)
        place = emission.topic, lane
        if place not in self.log:
            self.said.append(emission)
            return
        records = self.log[place]
        records.append(
            LogRecord(
                emission.topic,
                lane,
                len(records),
                self.now_ms,
                key,
                emission.value,
                emission.headers,
            )
        )
