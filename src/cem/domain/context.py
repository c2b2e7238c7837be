"""What a fold is given besides the customer and the event: time, policy, and where its emissions go."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from cem.domain.customer import Customer
from cem.domain.events.base import Event
from cem.domain.events.rejects import Reject
from cem.domain.finding import Finding
from cem.domain.restraint import Restraint
from cem.domain.state.lane import LaneState
from cem.domain.thresholds import AlertPolicy, RemedyPolicy
from cem.domain.value_policy import ValuePolicy

__all__ = ["Carried", "FoldContext"]


class Carried(NamedTuple):
    """A record as the log has it, for passing it on."""

    topic: str
    headers: tuple[tuple[str, bytes], ...]
    value: bytes
    timestamp_ms: int


class FoldContext(Protocol):
    """One step's surroundings. All of it is input: equal contexts and events give equal states and emissions."""

    #: The lane's time (ms): the clock, or the oldest unread record's timestamp. It never goes back.
    lane_time_ms: int
    #: Events older than the lane's time by more than this (ms) change facts but tell nobody.
    late_limit_ms: int
    #: Thresholds of the detectors.
    alerts: AlertPolicy
    #: What lifetime values are reckoned with.
    value: ValuePolicy
    #: IANA name of the operator's time zone; a customer's profile may name another.
    timezone: str
    #: ISO 4217 code of all amounts.
    currency: str
    #: What keeps customers from being told.
    restraint: Restraint

    @property
    def lane(self) -> LaneState:
        """What the lane keeps across its customers: `look` at a section, change it, `touch` it."""

    def propose(
        self, customer: Customer, finding: Finding, channel: str, identity: str
    ) -> RemedyPolicy | None:
        """Return the remedy that is decided on for the alert called `identity`, told over `channel` ("": by a person).

        None: nothing is, and the policy's own remedy stands. The same alert and state have the same remedy.
        """

    def emit(self, event: Event, *, kind: str, key: str | None = None, at_ms: int | None = None) -> str:
        """Publish `event` once this step is saved and return its CloudEvents id.

        `kind` names the emission within what caused it; `key` is the record's key (None: the customer); `at_ms` its
        event time (None: the lane's, or when the record that is being folded arrived, if that is later). The topic is
        that of the event's type. One that lanes read is folded by the lane of its key, once.
        """

    def ask(self, model: str, question: Any) -> Any:
        """Return what the model says to the question, as `cem.domain.scores` names both; None if there is no answer.

        Questions and answers are plain data. A step that is made again gets the answers of the first time.
        """

    def example(self, model: str, source: str, x: Any, y: Any) -> None:
        """Give the model an example to learn when this step is saved: what was known (plain data), and its label.

        `source` names what the example is about; a later one of the same source corrects it.
        """

    def carried(self) -> Carried:
        """Return the record that is being folded."""

    def refuse(self, reject: Reject) -> None:
        """Publish the dead letter of the record that is being folded once this step is saved."""

    def normal_name(self, name: str) -> str:
        """Return the normal form of an identifier, `kind:value`."""

    def link(self, name: str, customer_id: str, at_ms: int, *, linked: bool) -> None:
        """Tell the identifier that from `at_ms` on it finds the customer, or that it does not any more."""

    def index(self, sorted_set: str, member: str, score_ms: int | None) -> None:
        """Put `member` at `score_ms` into the lane's sorted set, or take it out (None), when this step is saved."""
