"""The surroundings of one step: what folds are given, and what they say, under ids made of the cause.

An emission's id is made of what caused it: topic, partition and offset of the record, or lane and number of the tick
with the customer, and the kind of emission. Made again from the same history it has the same id and the same bytes.
Its source numbers its emissions (`sequence`), so a consumer drops repeats by one watermark per source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from cem.domain.context import Carried
from cem.domain.customer import Customer
from cem.domain.events import (
    TOPIC_OF,
    Event,
    IdentifierLinked,
    IdentifierUnlinked,
    type_of,
)
from cem.domain.events.enums import IdentifierKind
from cem.domain.events.envelope import INBOX, Received, encode
from cem.domain.events.passing import Headers, Passing, readdressed
from cem.domain.events.rejects import Reject
from cem.domain.finding import Finding
from cem.domain.localtime import DAY_MS
from cem.domain.restraint import Restraint
from cem.domain.scores import Answers, Recorded, example_emission
from cem.domain.state.identifier import Waiting
from cem.domain.state.lane import LaneState
from cem.domain.subject_states import (
    Subject,
)
from cem.domain.subjects import lane_subject
from cem.domain.thresholds import RemedyPolicy
from cem.normal_form import normal_name
from cem.ports import Emission, Record
from cem.step_rules import Rules
from cem.stepper import Moment

__all__ = ["StepContext"]

#: Emissions of one record, and of one tick, at most; their numbers leave room for so many.
_PER_RECORD: Final = 1_000
_PER_TICK: Final = 1_000_000


class _Place(NamedTuple):
    """A record as the log had it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class StepContext:
    """`cem.domain.context.FoldContext` of one step."""

    __slots__ = (
        "_arrived_ms",
        "_dead_letter",
        "_first",
        "_lane_name",
        "_moment",
        "_ordinal",
        "_propose",
        "_record",
        "_sender",
        "_source",
        "_states",
        "_traceparent",
        "alerts",
        "currency",
        "customer_id",
        "emissions",
        "identity",
        "lane",
        "lane_time_ms",
        "late_limit_ms",
        "models",
        "restraint",
        "sorted_sets",
        "timezone",
        "value",
    )

    def __init__(
        self,
        rules: Rules,
        moment: Moment,
        states: Mapping[str, Subject],
        models: Answers | None,
        dead_letter: Callable[[Record, Reject], Emission],
        restraint: Restraint,
    ) -> None:
        self.lane_time_ms = moment.lane_time_ms
        self.late_limit_ms = rules.late_limit_ms
        self.alerts = rules.alerts
        self.value = rules.value
        self.timezone = rules.timezone
        self._propose = rules.propose
        self.currency = rules.currency
        self.restraint = restraint
        self.models = Recorded(models, moment.scores)
        self.identity = rules.identity
        self._dead_letter = dead_letter
        self.emissions: list[Emission] = []
        self.sorted_sets: dict[str, dict[str, int | None]] = {}
        self.customer_id = ""
        self._moment = moment
        self._states = states
        self._lane_name = lane_subject(moment.lane)
        found = states.get(self._lane_name)
        if type(found) is LaneState:
            # Each message asks for it. Where a step is given none, no fold may ask.
            self.lane = found
        self._source = f"/{moment.topic}/{moment.lane}" if moment.topic else f"/lanes/{moment.lane}/ticks"
        self._sender = self._source.encode()
        self._record: Record | None = None
        #: When what is being folded arrived; 0 in a tick.
        self._arrived_ms = 0
        self._first = 0
        self._ordinal = 0
        self._traceparent: str | None = None

    def with_lane(self, changed: dict[str, None]) -> list[str]:
        """Return the subjects changed, and the lane's own state among them if a fold touched it."""
        state = self._states.get(self._lane_name)
        if type(state) is LaneState and state.touched:
            state.touched = False
            return [*changed, self._lane_name]
        return list(changed)

    def caused_by_record(self, item: Received | Passing, record: Record) -> None:
        self._record = record
        self.customer_id = item.customer_id
        self._first = item.offset
        self._arrived_ms = item.ingested_ms
        self._ordinal = 0
        self._traceparent = item.traceparent if type(item) is Received else None

    def caused_by_tick(self) -> None:
        self._first = self._moment.tick
        self._arrived_ms = 0
        self._ordinal = 0
        self._traceparent = None

    def propose(
        self, customer: Customer, finding: Finding, channel: str, identity: str
    ) -> RemedyPolicy | None:
        if self._propose is None:
            return None
        return self._propose(customer, finding, channel, identity, self.lane_time_ms)

    def carried(self) -> Carried:
        record = self._record
        assert record is not None, "a tick folds no record"
        return Carried(record.topic, tuple(record.headers), record.value or b"", record.timestamp)

    def refuse(self, reject: Reject) -> None:
        assert self._record is not None, "a tick folds no record"
        self.emissions.append(self._dead_letter(self._record, reject))

    def normal_name(self, name: str) -> str:
        return normal_name(name, self.identity.region)

    def link(self, name: str, customer_id: str, at_ms: int, *, linked: bool) -> None:
        kind, _, value = name.partition(":")
        said: type[IdentifierLinked | IdentifierUnlinked] = IdentifierLinked if linked else IdentifierUnlinked
        event = said(kind=IdentifierKind(kind), value=value, customer_id=customer_id)
        self.emit(event, kind="linked" if linked else "unlinked", key=name, at_ms=at_ms)

    def pass_on(self, topic: str, key: str, headers: Headers, value: bytes) -> None:
        # Only records are passed on by records: a tick numbers its emissions in another way.
        assert self._moment.topic
        assert self._ordinal < _PER_RECORD
        number = self._first * _PER_RECORD + self._ordinal
        self._ordinal += 1
        address = key.encode()
        sent = readdressed(headers, address, b"%s#%d" % (self._sender, number))
        self.emissions.append(Emission(topic, address, value, sent))

    def give_up(self, record: Waiting, name: str, reject: Reject) -> None:
        key, lane = name.encode(), self._moment.lane
        place = _Place(INBOX, lane, record.offset, record.timestamp_ms, key, record.value, record.headers)
        self.emissions.append(self._dead_letter(place, reject))

    def emit(self, event: Event, *, kind: str, key: str | None = None, at_ms: int | None = None) -> str:
        event_id, sequence = self._number(kind)
        headers, value = encode(
            event,
            id=event_id,
            source=self._source,
            time_ms=self._now_ms() if at_ms is None else at_ms,
            customer_id=key or self.customer_id,
            sequence=sequence,
            traceparent=self._traceparent,
        )
        topic = TOPIC_OF[type_of(event)]
        self.emissions.append(Emission(topic, (key or self.customer_id).encode(), value, headers))
        return event_id

    def ask(self, model: str, question: Any) -> Any:
        return self.models.ask(model, question)

    def example(self, model: str, source: str, x: Any, y: Any) -> None:
        event_id, sequence = self._number("example")
        self.emissions.append(
            example_emission(
                model,
                x,
                y,
                about=source,
                key=self.customer_id,
                id=event_id,
                source=self._source,
                time_ms=self.lane_time_ms,
                sequence=sequence,
            )
        )

    def _now_ms(self) -> int:
        """Return when something is said: at the lane's time, but not before what it is about has arrived.

        A lane's time is that of its oldest unread record, so later ones of the same batch have come after it: by less
        than a day, or else their source says a wrong time.
        """
        if self._arrived_ms <= self.lane_time_ms:
            return self.lane_time_ms
        return min(self._arrived_ms, self.lane_time_ms + DAY_MS)

    def _number(self, kind: str) -> tuple[str, int]:
        """Return id and sequence number of the next emission."""
        moment = self._moment
        if moment.topic:
            event_id = f"{moment.topic}/{moment.lane}/{self._first}/{kind}"
            sequence = self._first * _PER_RECORD + self._ordinal
            assert self._ordinal < _PER_RECORD
        else:
            event_id = f"lane-{moment.lane}/tick/{self._first}/{self.customer_id}/{kind}"
            sequence = self._first * _PER_TICK + self._ordinal
            assert self._ordinal < _PER_TICK
        if self._ordinal:
            event_id = f"{event_id}.{self._ordinal}"
        self._ordinal += 1
        return event_id, sequence

    def index(self, sorted_set: str, member: str, score_ms: int | None) -> None:
        self.sorted_sets.setdefault(sorted_set, {})[member] = score_ms
