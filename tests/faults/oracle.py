"""What must hold in the fault simulation: after each save, and at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from cem import journal
from cem.domain.subjects import lane_subject, state_suffix
from cem.lane_memory import TOKEN_HEADER
from cem.ports import NO_TOKEN, Emission, JournalEntry
from cem.stepper import Moment
from cem.stores.memory import MemoryCore
from tests.faults.fold import LaneStepper
from tests.faults.models import LANE, TOPICS, KafkaModel, SimState

__all__ = ["Oracle", "Violation"]

OWN = lane_subject(LANE)


class Violation(AssertionError):
    """An invariant did not hold; the message says which and where."""


class Oracle:
    """Plain folds of what was saved. Its methods raise Violation."""

    def __init__(self, seed: int, kafka: KafkaModel, store: MemoryCore) -> None:
        self._seed = seed
        self._kafka = kafka
        self._store = store
        #: Per token: the states and positions that a plain fold of the accepted saves gives.
        self._folded: dict[str, tuple[dict[str, SimState], dict[str, int]]] = {
            NO_TOKEN: ({OWN: SimState(OWN)}, dict.fromkeys(TOPICS, 0))
        }
        self._times: dict[str, int] = {}

    def saved(self) -> None:
        """Check the save just made: its state is the plain fold of exactly the records between the positions."""
        header = self._store.open_lane(LANE).header
        assert header is not None
        if header.previous not in self._folded:
            raise self._violation(f"{header.token} builds on {header.previous}, which nobody saved")
        states, positions = self._folded[header.previous]
        expected = {k: msgspec.structs.replace(s) for k, s in states.items()}
        moved = dict(positions)
        announced = [e for e in self._kafka.journal if e.token == header.token]
        if not announced:
            raise self._violation(f"{header.token} was saved before it was announced")
        entry = announced[0]
        if entry.lane_time_ms < self._times.get(header.previous, 0):
            raise self._violation(f"the lane's time went back with {header.token}")
        self._times[header.token] = entry.lane_time_ms
        if entry.topic:
            topic = entry.topic
            reached = header.positions[topic].next_offset
            if positions[topic] != entry.first or reached != entry.next:
                raise self._violation(
                    f"{topic} stood at {positions[topic]}, the save covers [{entry.first}, {entry.next}) and stands "
                    f"at {reached}"
                )
            moved[topic] = reached
        else:
            for customer_id in entry.due:
                due_ms = expected[customer_id].due_ms
                if not due_ms or due_ms > entry.lane_time_ms:
                    raise self._violation(f"{customer_id} was woken before its time")
        _make(self._kafka, expected, entry)
        for topic in TOPICS:
            position = header.positions.get(topic)
            if (position.next_offset if position else 0) != moved[topic]:
                raise self._violation(f"the position of {topic} moved without its records")
        self._folded[header.token] = (expected, moved)
        self._check_states(expected)

    def end(self) -> None:
        """Check where a history that has converged stands: everything read, counted once, and said."""
        header = self._store.open_lane(LANE).header
        if header is None:
            if any(self._kafka.inputs.values()):
                raise self._violation("nothing was ever saved")
            return
        states, positions = self._folded[header.token]
        for topic in TOPICS:
            if positions[topic] != len(self._kafka.inputs[topic]):
                raise self._violation(f"{topic} was read to {positions[topic]} only")
        if states[OWN].count != sum(map(len, self._kafka.inputs.values())):
            raise self._violation("not every record was counted exactly once")
        self._check_states(states)
        path = [entry for _, entry in journal.History(enumerate(self._kafka.journal)).after(NO_TOKEN)]
        if not path or path[-1].token != header.token:
            raise self._violation("the journal does not lead to the state")
        replayed: dict[str, SimState] = {OWN: SimState(OWN)}
        said = [emission for entry in path for emission in _make(self._kafka, replayed, entry)]
        self._check_emissions(said, {entry.token for entry in path})
        if replayed != states:
            raise self._violation("replaying the journal gives other states")

    def _check_states(self, expected: dict[str, SimState]) -> None:
        for key, state in expected.items():
            data = self._store.load(LANE, [state_suffix(key)])[1][0]
            found = SimState(key) if data is None else msgspec.msgpack.decode(data, type=SimState)
            if found != state or (data is not None and state == SimState(key)):
                raise self._violation(f"{key} is {found}, should be {state}")
        kept = self._store.sorted_sets(LANE)
        for name, scores in (
            ("due", {key: state.due_ms for key, state in expected.items() if state.due_ms}),
            ("alerts", {key: state.alert for key, state in expected.items() if state.alert}),
        ):
            members = kept[name].items() if name in kept else {}
            if members != scores:
                raise self._violation(f"{name} has {members}, should have {scores}")

    def _check_emissions(self, said: Sequence[Emission], living: set[str]) -> None:
        expected = {e.key: e.value for e in said}
        copies: dict[bytes, set[bytes]] = {}
        for emission, _ in self._kafka.published:
            token = dict(emission.headers)[TOKEN_HEADER].decode()
            if token not in living:
                raise self._violation(f"{emission.key!r} was said by save {token}, which is none")
            copies.setdefault(emission.key or b"", set()).add(emission.value or b"")
        for key, value in expected.items():
            if copies.get(key or b"") != {value}:
                raise self._violation(f"{key!r} should say {value!r}, was said {copies.get(key or b'')}")
        if set(copies) - {k or b"" for k in expected}:
            raise self._violation("emissions that the history does not contain")

    def _violation(self, what: str) -> Violation:
        return Violation(f"seed {self._seed}: {what}")


def _make(kafka: KafkaModel, states: dict[str, SimState], entry: JournalEntry) -> list[Emission]:
    """Make the entry's step on the states, one record at a time; return what it says."""
    stepper = LaneStepper(entry.versions["fold"])
    moment = Moment(LANE, entry.topic, entry.lane_time_ms, 0 if entry.topic else entry.first, entry.scores)
    said: list[Any] = []
    if entry.topic:
        for record in kafka.inputs[entry.topic][entry.first : entry.next]:
            key = (record.key or b"").decode()
            states.setdefault(key, SimState(key))
            said += stepper.step(states, [record], moment).emissions
    else:
        said += stepper.tick(states, entry.due, moment).emissions
    return said
