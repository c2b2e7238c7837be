"""What the pipeline drives: a pure job that turns records into changed states and things to say."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from cem.ports import Emission, Record

__all__ = ["Moment", "Outcome", "Stepper", "wake"]

S = TypeVar("S")
#: What a stepper makes of one record.
Item = TypeVar("Item")


class Moment(msgspec.Struct, frozen=True):
    """Where and when a step takes place: everything that it may know besides states and records."""

    lane: int
    #: "" for a tick.
    topic: str
    lane_time_ms: int
    #: The tick's number; 0 for records.
    tick: int = 0
    #: What the models said when this step was first made; None: it is made for the first time, and they are asked.
    scores: bytes | None = None


class Outcome(msgspec.Struct):
    """What a step changed and wants to say."""

    #: Subjects whose state differs from what was loaded, each once.
    changed: list[str]
    #: Sorted by cause.
    emissions: list[Emission]
    #: Sorted set -> member -> score (None removes), beside "due", which the pipeline keeps.
    sorted_sets: dict[str, dict[str, int | None]]
    #: Positions, within the items given, of those that became dead letters; ascending.
    rejected: list[int]
    #: What the models said, in the order in which they were asked; the journal keeps it.
    scores: bytes = b""


class Stepper(Protocol[S, Item]):
    """The pure job: how records become items, items change states, and states become bytes.

    A *subject* is whatever a state is kept of under a name: a customer, or another (see `cem.domain.subjects`).
    """

    @property
    def versions(self) -> dict[str, str]:
        """The versions of everything a step depends on besides its arguments, by name."""

    def at(self, versions: Mapping[str, str]) -> Stepper[S, Item]:
        """Return the stepper as it was at `versions`. Raises LaneStopped if that one cannot be had."""

    def read(self, records: Sequence[Record], known: Container[str] = ()) -> Sequence[Item]:
        """Return what each record is. `known`: subjects of whom the lane has a state, who need not be asked for theirs."""

    def customers(self, items: Sequence[Item]) -> Sequence[str]:
        """Return the subjects that the items are about, each once, in order of appearance."""

    def standing(self, lane: int) -> Sequence[str]:
        """Return the subjects whose states every step and tick of the lane is given, whomever it is about."""

    def new_state(self, subject: str) -> S: ...
    def decode_state(self, subject: str, data: bytes) -> S: ...
    def encode_state(self, state: S) -> bytes:
        """Return the state's bytes; none at all for one that need not be kept, which is as `new_state` makes it."""

    def due_of(self, state: S) -> int | None:
        """Return when (lane time, ms) the state wants its next tick."""

    def step(self, states: Mapping[str, S], items: Sequence[Item], moment: Moment) -> Outcome: ...
    def tick(self, states: Mapping[str, S], customers: Sequence[str], moment: Moment) -> Outcome: ...


def wake(stepper: Stepper[S, Any], states: Mapping[str, S], due: Sequence[str], moment: Moment) -> Outcome:
    """Return the outcome of a tick. Raises AssertionError where it would leave somebody due for ever."""
    outcome = stepper.tick(states, due, moment)
    for subject in due:
        again = stepper.due_of(states[subject])
        assert again is None or again > moment.lane_time_ms, f"{subject} would be due for ever"
    return outcome
