"""The whole stream job of a batch or a tick, pure: states and records in; states, emissions and due times out.

`CemStepper` is what `cem.pipeline` drives. It folds records in log order into the states of customers and of the other
subjects that they are about (`cem.domain.subjects`), which the lane owns and which are changed in place: when a save
does not come about, the pipeline forgets them.

An emission's id is made of what caused it: topic, partition and offset of the record, or lane and number of the tick
with the customer, and the kind of emission. Made again from the same history it has the same id and the same bytes.
Its source numbers its emissions (`sequence`), so a consumer drops repeats by one watermark per source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeGuard

from cem.domain.area import fold_area, tick_area
from cem.domain.context import Carried
from cem.domain.customer import Customer, StateError
from cem.domain.events import (
    TOPIC_OF,
    CallEnded,
    Event,
    IdentifierLinked,
    IdentifierUnlinked,
    InteractionRecorded,
    ServiceDegraded,
    SmsRated,
    SurveyAnswered,
    type_of,
)
from cem.domain.events.enums import IdentifierKind
from cem.domain.events.envelope import INBOX, Received, decode, encode
from cem.domain.events.passing import Headers, Passing, read_inbox, readdressed
from cem.domain.events.rejects import Reject
from cem.domain.finding import Finding
from cem.domain.fold import fold, tick
from cem.domain.identity import IdentityRules, fold_identifier, tick_identifier
from cem.domain.restraint import NOTHING, Restraint, read_restraint
from cem.domain.scores import Answers, Recorded, example_emission
from cem.domain.state.area import Area
from cem.domain.state.identifier import Identifier, Waiting
from cem.domain.state.lane import LaneState
from cem.domain.subject_states import (
    Subject,
    decode_subject,
    encode_subject,
    new_subject,
    subject_due_ms,
)
from cem.domain.subjects import lane_subject
from cem.domain.thresholds import AlertPolicy, RemedyPolicy
from cem.domain.value_policy import ValuePolicy
from cem.normal_form import normal_name
from cem.ports import Emission, LaneStopped, Record
from cem.segments import ALERTS, ALL, SegmentRules, count_move, groups_of
from cem.stepper import Moment, Outcome
from cem.voice import hear

__all__ = ["CemStepper", "Propose", "Rules"]

#: What the voice of the customers is made of.
_HEARD: Final = frozenset({CallEnded, InteractionRecorded, ServiceDegraded, SurveyAnswered})
#: Emissions of one record, and of one tick, at most; their numbers leave room for so many.
_PER_RECORD: Final = 1_000
_PER_TICK: Final = 1_000_000


#: What a record is read as.
Read = Received | Passing | Reject
#: Customer, finding, channel, the alert's id and now (ms) to the remedy that is decided on, or None.
Propose = Callable[[Customer, Finding, str, str, int], RemedyPolicy | None]


class Rules:
    """What people may change about a step, under the version that the journal records."""

    def __init__(
        self,
        version: str,
        *,
        alerts: AlertPolicy,
        late_limit_ms: int,
        timezone: str,
        currency: str = "EUR",
        identity: IdentityRules | None = None,
        segments: SegmentRules | None = None,
        value: ValuePolicy | None = None,
        bundle: str = "",
        propose: Propose | None = None,
    ) -> None:
        """Take what the version stands for; `propose` decides on an alert's remedy (None: the policy's own stands)."""
        self.version = version
        #: What the rules were made from, so that a version can be kept and made again.
        self.bundle = bundle
        self.alerts = alerts
        self.value = value or ValuePolicy()
        self.late_limit_ms = late_limit_ms
        self.timezone = timezone
        self.currency = currency
        self.identity = identity or IdentityRules()
        self.propose = propose
        #: The rules of the segments.
        self.segments = segments or SegmentRules(())


class CemStepper:
    """Folds the customers' topics; `cem.pipeline.Stepper` for the product."""

    def __init__(
        self,
        rules: Rules,
        *,
        dead_letter: Callable[[Record, Reject], Emission],
        lane_of: Callable[[str], int],
        find_rules: Callable[[str], Rules | None] = lambda version: None,
        models: Answers | None = None,
        restraint: Callable[[], Restraint] = lambda: NOTHING,
    ) -> None:
        """Take the rules in force, a dead letter's form, a subject's lane, and where rules of other versions are.

        `models` answers what the folds ask; what it said becomes part of the journal. `restraint` is asked at each step
        what is withheld from customers now; the answer is one of the versions.
        """
        self._rules = rules
        self._dead_letter = dead_letter
        self._lane_of = lane_of
        self._find_rules = find_rules
        self._models = models
        self._restraint = restraint
        #: The last step of the past that was asked for: entries of one journal mostly name the same versions.
        self._past: tuple[dict[str, str], CemStepper] | None = None

    @property
    def versions(self) -> dict[str, str]:
        text = self._restraint().text
        return {"rules": self._rules.version, **({"restraint": text} if text else {})}

    def at(self, versions: Mapping[str, str]) -> CemStepper:
        if self._past is not None and self._past[0] == versions:
            return self._past[1]
        version = versions.get("rules", "")
        rules = self._rules if version == self._rules.version else self._find_rules(version)
        if rules is None:
            msg = (
                f"the journal has saves made under rules {version!r}, which are not to be found: put the policies and "
                "settings of that time back (they are kept beside the checkpoints) and start again."
            )
            raise LaneStopped(msg)
        restraint = read_restraint(versions.get("restraint", ""))
        past = CemStepper(
            rules,
            dead_letter=self._dead_letter,
            lane_of=self._lane_of,
            find_rules=self._find_rules,
            models=self._models,
            restraint=lambda: restraint,
        )
        self._past = dict(versions), past
        return past

    def read(self, records: Sequence[Record]) -> list[tuple[Record, Read]]:
        reader: Callable[[Record], Read] = read_inbox if records and records[0].topic == INBOX else decode
        items = [(record, reader(record)) for record in records]
        # Each subject is looked at once, not each record; nearly always all of them belong here.
        lane_of = self._lane_of
        lane = records[0].partition if records else 0
        strangers = {c for c in self.customers(items) if lane_of(c) != lane}
        if strangers:
            for index, (record, item) in enumerate(items):
                if _has_state(item) and item.customer_id in strangers:
                    # Folded here, the subject would be one that nobody finds: its lane is another.
                    items[index] = (record, _in_wrong_lane(lane, lane_of(item.customer_id)))
        return items

    def customers(self, items: Sequence[tuple[Record, Read]]) -> list[str]:
        return list(dict.fromkeys([item.customer_id for _, item in items if _has_state(item)]))

    def standing(self, lane: int) -> Sequence[str]:
        return (lane_subject(lane),)

    def new_state(self, subject: str) -> Subject:
        return new_subject(subject)

    def decode_state(self, subject: str, data: bytes) -> Subject:
        try:
            return decode_subject(subject, data)
        except StateError as error:
            # The other lanes may go on: only this one has a state that a person has to look at.
            raise LaneStopped(str(error)) from error

    def encode_state(self, state: Subject) -> bytes:
        return encode_subject(state)

    def due_of(self, state: Subject) -> int | None:
        return subject_due_ms(state)

    def step(
        self,
        states: Mapping[str, Subject],
        items: Sequence[tuple[Record, Read]],
        moment: Moment,
    ) -> Outcome:
        context = _Context(self._rules, moment, states, self._models, self._dead_letter, self._restraint())
        # By its key each record finds a state of the right kind: it was loaded, or made, under that name.
        held: Mapping[str, Any] = states
        changed: dict[str, None] = {}
        rejected: list[int] = []
        for index, (record, item) in enumerate(items):
            if type(item) is Reject:
                rejected.append(index)
                context.emissions.append(self._dead_letter(record, item))
                continue
            if not _has_state(item):
                continue
            subject = item.customer_id
            context.caused_by_record(item, record)
            state = held[subject]
            kind = type(state)
            if kind is Customer:
                assert type(item) is Received
                emitted, stood = len(context.emissions), state.segments
                if fold(state, item, context):
                    self._move(state, item, stood, len(context.emissions) != emitted, context)
                    if type(item.event) in _HEARD:
                        names = self._rules.segments.names_of(state) or ()
                        hear(context.lane, state, item.event, item.time_ms, context.lane_time_ms, names)
            elif kind is Identifier:
                fold_identifier(state, item, context)
            else:
                assert type(item) is Received
                fold_area(state, item, context)
            changed[subject] = None
        return Outcome(
            context.with_lane(changed),
            context.emissions,
            context.sorted_sets,
            rejected,
            context.models.written(),
        )

    def tick(self, states: Mapping[str, Subject], customers: Sequence[str], moment: Moment) -> Outcome:
        context = _Context(self._rules, moment, states, self._models, self._dead_letter, self._restraint())
        context.caused_by_tick()
        for subject in customers:
            context.customer_id = subject
            state = states[subject]
            if type(state) is Customer:
                stood = state.segments
                tick(state, moment.lane_time_ms, context)
                self._ask(state, ALL, stood, context)
            elif type(state) is Identifier:
                tick_identifier(state, moment.lane_time_ms, context)
            elif type(state) is Area:
                tick_area(state, moment.lane_time_ms, context)
        return Outcome(
            context.with_lane(dict.fromkeys(customers)),
            context.emissions,
            context.sorted_sets,
            [],
            context.models.written(),
        )

    def _move(self, state: Customer, item: Received, stood: bytes, told: bool, context: _Context) -> None:
        """Put the customer into the segments whose rules hold since this record, and out of the others."""
        segments = self._rules.segments
        event = item.event
        if not segments.knows(state):
            groups = ALL
        else:
            if type(event) is SmsRated:
                groups = segments.of_message(state, event, item.time_ms)
            else:
                groups = groups_of(event, state)
            if told:
                groups |= ALERTS
        if groups:
            self._ask(state, groups, stood, context)

    def _ask(self, state: Customer, groups: int, stood: bytes, context: _Context) -> None:
        """Ask the segments' rules that rest on `groups`; `stood` is where the customer was before."""
        segments = self._rules.segments
        # Who was erased or forgotten is in no segment any more.
        moved = segments.ask(state, groups, context.lane_time_ms, context.timezone, stood)
        if moved is not None:
            count_move(context.lane, segments.key, segments.names, *moved)


def _has_state(item: Read) -> TypeGuard[Received | Passing]:
    """Return whether a state is kept under the record's key.

    None is of an object that people change about the system: a lane passes it by.
    """
    if type(item) is Received:
        return item.event.OF_CUSTOMER or item.topic == INBOX
    return type(item) is Passing


class _Place(NamedTuple):
    """A record as the log had it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def _in_wrong_lane(partition: int, lane: int) -> Reject:
    detail = (
        f"The key belongs to partition {lane}, but the record is in partition {partition}: the producer must use "
        "murmur2 (librdkafka: partitioner=murmur2_random)."
    )
    return Reject("wrong_partition", detail, "key")


class _Context:
    """`cem.domain.context.FoldContext` of one step: collects what the folds say, under ids made of the cause."""

    __slots__ = (
        "_dead_letter",
        "_first",
        "_lane",
        "_moment",
        "_ordinal",
        "_prefix",
        "_propose",
        "_record",
        "_source",
        "_states",
        "_traceparent",
        "alerts",
        "currency",
        "customer_id",
        "emissions",
        "identity",
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
        self._lane: LaneState | None = None
        self._source = f"/{moment.topic}/{moment.lane}" if moment.topic else f"/lanes/{moment.lane}/ticks"
        self._prefix = ""
        self._record: Record | None = None
        self._first = 0
        self._ordinal = 0
        self._traceparent: str | None = None

    @property
    def lane(self) -> LaneState:
        state = self._lane
        if state is None:
            found = self._states[lane_subject(self._moment.lane)]
            assert type(found) is LaneState
            state = self._lane = found
        return state

    def with_lane(self, changed: dict[str, None]) -> list[str]:
        """Return the subjects changed, and the lane's own state among them if a fold touched it."""
        name = lane_subject(self._moment.lane)
        state = self._states.get(name)
        if type(state) is LaneState and state.touched:
            state.touched = False
            return [*changed, name]
        return list(changed)

    def caused_by_record(self, item: Received | Passing, record: Record) -> None:
        self._record = record
        self.customer_id = item.customer_id
        self._first = item.offset
        self._ordinal = 0
        self._traceparent = item.traceparent if type(item) is Received else None

    def caused_by_tick(self) -> None:
        self._first = self._moment.tick
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
        sent = readdressed(headers, address, b"%s#%d" % (self._source.encode(), number))
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
            time_ms=self.lane_time_ms if at_ms is None else at_ms,
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
