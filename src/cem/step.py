"""The whole stream job of a batch or a tick, pure: states and records in; states, emissions and due times out.

`CemStepper` is what `cem.pipeline` drives. It folds records in log order into the states of customers and of the other
subjects that they are about (`cem.domain.subjects`), which the lane owns and which are changed in place: when a save
does not come about, the pipeline forgets them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, Final, TypeGuard

from cem.domain.area import fold_area, tick_area
from cem.domain.customer import Customer
from cem.domain.events import (
    CallEnded,
    InteractionRecorded,
    ServiceDegraded,
    SmsRated,
    SurveyAnswered,
)
from cem.domain.events.envelope import INBOX, Received, decode
from cem.domain.events.passing import Passing, read_inbox
from cem.domain.events.rejects import Reject
from cem.domain.fold import fold, tick
from cem.domain.identity import fold_identifier, tick_identifier
from cem.domain.restraint import NOTHING, Restraint, read_restraint
from cem.domain.scores import Answers
from cem.domain.state.area import Area
from cem.domain.state.identifier import Identifier
from cem.domain.state_errors import StateError
from cem.domain.subject_states import (
    Subject,
    decode_subject,
    encode_subject,
    new_subject,
    subject_due_ms,
)
from cem.domain.subjects import lane_subject
from cem.ports import Emission, LaneStopped, Record
from cem.segments import ALERTS, ALL, count_move, groups_of
from cem.step_context import StepContext
from cem.step_rules import Rules
from cem.stepper import Moment, Outcome
from cem.voice import hear

__all__ = ["CemStepper"]

#: What the voice of the customers is made of.
_HEARD: Final = frozenset({CallEnded, InteractionRecorded, ServiceDegraded, SurveyAnswered})

#: What a record is read as.
Read = Received | Passing | Reject


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

    def use(self, rules: Rules) -> None:
        """Let `rules` hold from the next step on. Not to be called in the midst of one."""
        self._rules = rules

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

    def read(self, records: Sequence[Record], known: Container[str] = ()) -> list[tuple[Record, Read]]:
        reader: Callable[[Record], Read] = read_inbox if records and records[0].topic == INBOX else decode
        items = [(record, reader(record)) for record in records]
        # Each subject is looked at once, not each record; nearly always all of them belong here. Who has a state here
        # was found to when it was made: of a million customers most lanes would have to be reckoned anew, 2 us each.
        lane_of = self._lane_of
        lane = records[0].partition if records else 0
        strangers = {c for c in self.customers(items) if c not in known and lane_of(c) != lane}
        if strangers:
            for index, (record, item) in enumerate(items):
                if _has_state(item) and item.customer_id in strangers:
                    # Folded here, the subject would be one that nobody finds: its lane is another.
                    items[index] = (record, _in_wrong_lane(lane, lane_of(item.customer_id)))
        return items

    def customers(self, items: Sequence[tuple[Record, Read]]) -> list[str]:
        # `_has_state` of a record that is passed on, without the call.
        return list(dict.fromkeys([i.customer_id for _, i in items if type(i) is Passing or _has_state(i)]))

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
        context = StepContext(self._rules, moment, states, self._models, self._dead_letter, self._restraint())
        # By its key each record finds a state of the right kind: it was loaded, or made, under that name.
        held: Mapping[str, Any] = states
        changed: dict[str, None] = {}
        rejected: list[int] = []
        emissions, segments = context.emissions, self._rules.segments
        cause, knows, of_message = context.caused_by_record, segments.knows, segments.of_message
        for index, (record, item) in enumerate(items):
            if type(item) is Reject:
                rejected.append(index)
                emissions.append(self._dead_letter(record, item))
                continue
            if type(item) is not Passing and not _has_state(item):
                continue
            subject = item.customer_id
            cause(item, record)
            state = held[subject]
            kind = type(state)
            if kind is Customer:
                assert type(item) is Received
                emitted, stood = len(emissions), state.segments
                if fold(state, item, context):
                    event = item.event
                    # Who comes into segments with this record, and who leaves them.
                    if not knows(state):
                        groups = ALL
                    else:
                        if type(event) is SmsRated:
                            groups = of_message(state, event, item.time_ms)
                        else:
                            groups = groups_of(event, state)
                        if len(emissions) != emitted:
                            groups |= ALERTS
                    if groups:
                        self._ask(state, groups, stood, context)
                    if type(event) in _HEARD:
                        names = segments.names_of(state) or ()
                        hear(context.lane, state, event, item.time_ms, context.lane_time_ms, names)
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
        context = StepContext(self._rules, moment, states, self._models, self._dead_letter, self._restraint())
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

    def _ask(self, state: Customer, groups: int, stood: bytes, context: StepContext) -> None:
        """Ask the segments' rules that rest on `groups`; `stood` is where the customer was before."""
        segments = self._rules.segments
        # The first records of a history come before the lane's time is known: theirs stands for it.
        now_ms = context.lane_time_ms or state.as_of_ms
        # Who was erased or forgotten is in no segment any more.
        moved = segments.ask(state, groups, now_ms, context.timezone, stood)
        if moved is not None:
            count_move(context.lane, segments.key, segments.names, *moved)


def _has_state(item: Read) -> TypeGuard[Received | Passing]:
    """Return whether a state is kept under the record's key.

    None is of an object that people change about the system: a lane passes it by.
    """
    if type(item) is Received:
        return item.event.OF_CUSTOMER or item.topic == INBOX
    return type(item) is Passing


def _in_wrong_lane(partition: int, lane: int) -> Reject:
    detail = (
        f"The key belongs to partition {lane}, but the record is in partition {partition}: the producer must use "
        "murmur2 (librdkafka: partitioner=murmur2_random)."
    )
    return Reject("wrong_partition", detail, "key")
