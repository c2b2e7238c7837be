"""What the pipeline needs from the outside, as protocols, and the plain values that cross them.

Nothing here does I/O. `cem.bootstrap` chooses who stands behind each port; the fault simulation puts models of
Kafka and Redis there instead, and hand-steps the same pipeline.

A *lane* is a partition number: all partitions of that number, of every customer topic, belong to one lane, and
one worker owns them together. A *token* is a random value that names one save of one lane: a save succeeds only
if the lane still carries the token that the saver loaded, which fences off late owners even after the store has
gone back in time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

__all__ = [
    "NO_TOKEN",
    "Clock",
    "CustomerReader",
    "Emission",
    "Fenced",
    "JournalEntry",
    "LaneHeader",
    "LaneImage",
    "LaneStopped",
    "Log",
    "Observer",
    "Position",
    "Publisher",
    "Record",
    "Refused",
    "Save",
    "SaveAnswer",
    "StateStore",
    "Unavailable",
]

#: The token of a lane that nobody has saved yet: the root of every lane's history.
NO_TOKEN = ""


class Record(Protocol):
    """One record as the log hands it over. aiokafka's ConsumerRecord is one; so is `cem.streams.records.LogRecord`."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch at which the record was ingested (not when the event happened)."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class Emission(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A record to publish. Its id is made of what caused it, so a repeat has the same id and the same bytes."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    #: None leaves the choice to the partitioner (murmur2 of the key); the journal names its lane.
    partition: int | None = None


class Position(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How far a lane has applied one topic, and what stood there, to notice a log that was cut and overwritten."""

    next_offset: int
    #: Ingestion time (ms) and CRC-32 of the last applied record; 0 and 0 before the first.
    timestamp_ms: int = 0
    crc: int = 0


class LaneHeader(msgspec.Struct, frozen=True, array_like=True):
    """What a lane knows about itself. Written by every save, together with the states."""

    token: str
    #: The token before it; NO_TOKEN for a lane's first save.
    previous: str
    #: Who saved: worker id and a number drawn at its start.
    owner: str
    #: Milliseconds; never goes back.
    lane_time_ms: int
    #: Number of the last tick.
    tick: int
    #: Kafka's id of the cluster that the positions belong to.
    cluster_id: str
    positions: dict[str, Position]
    #: Offset of this save's entry in the lane's journal partition.
    journal_offset: int = 0
    #: Per topic, the running dead-letter counts that pause a lane: see cem.streams.dead_letters.
    rejects: dict[str, tuple[int, int, int]] = {}
    version: int = 1


class LaneImage(msgspec.Struct, frozen=True):
    """A lane as the store has it: header (None: nothing saved yet) and the outbox of its last save."""

    header: LaneHeader | None
    outbox: tuple[Emission, ...]
    next_due_ms: int | None


class Save(msgspec.Struct, frozen=True):
    """Everything that one save changes. The store applies all of it or nothing."""

    expected: str
    header: LaneHeader
    #: Key suffix within the lane ("c:<customer_id>", "s:<kind>:<value>") to new bytes; None deletes.
    values: Mapping[str, bytes | None]
    #: Sorted set ("due", "alerts") to member to score; None removes the member.
    sorted_sets: Mapping[str, Mapping[str, int | None]]
    #: The emissions of this save; they replace the outbox of the last one, which has been published by then.
    outbox: Sequence[Emission]


class SaveAnswer(msgspec.Struct, frozen=True):
    """`saved`; `already`: this very save had been applied, only its reply was lost; `fenced`: somebody else saved."""

    outcome: Literal["saved", "already", "fenced"]
    #: Earliest score in the lane's "due" set after the save, None if empty (or fenced).
    next_due_ms: int | None = None
    #: When fenced: the token found instead.
    found: str = NO_TOKEN


class Fenced(Exception):
    """Another owner has saved this lane: cache and batch are void."""

    def __init__(self, found: str) -> None:
        super().__init__(f"the lane carries the token {found or 'of an empty lane'}")
        #: The token that the lane carries instead of the one expected.
        self.found = found


class Unavailable(Exception):
    """Kafka or Redis did not do what was asked, and may if asked again. The message names what is waited for.

    Where `retryable` is False it will not, before somebody changes a setting or a right.
    """

    retryable = True

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


class LaneStopped(Exception):
    """A lane that must not go on without a person's decision; the message says what was found and what to do."""


class Refused(LaneStopped):
    """A lane stopped because Kafka or Redis refuses us, and would again: a setting or a right has to be changed."""


class StateStore(Protocol):
    """The lanes' states. Redis behind it loses nothing on its own, but may go back in time as a whole."""

    async def open_lane(self, lane: int) -> LaneImage: ...

    async def load(self, lane: int, suffixes: Sequence[str]) -> tuple[str, list[bytes | None]]:
        """Return the lane's token and the values in the order asked for, read at one moment; one round trip.

        The token tells the caller that the values belong to the history that it goes on with. Without it, values
        saved by another owner could be read, and be saved again after the store went back to before them.
        """

    async def save(self, lane: int, save: Save) -> SaveAnswer:
        """Apply `save` if the lane's token is `save.expected`. Never re-sent by the driver; safe to call again."""

    async def due(self, lane: int, until_ms: int, limit: int) -> tuple[str, list[str]]:
        """Return the lane's token and the members of "due" with score <= until_ms, read at one moment.

        Earliest first (ties by name), at most `limit`.
        """


class CustomerReader(Protocol):
    """Read-only access for the API and the command line; bounded by the caller's deadline."""

    async def read(self, customer_id: str) -> bytes | None:
        """Return the customer's encoded hot state, or None."""

    async def newest(self, sorted_set: str, before_ms: int, limit: int) -> list[tuple[str, int]]:
        """Return (member, score) with score < before_ms over all lanes, newest first (ties by name descending)."""

    async def headers(self) -> dict[int, LaneHeader]:
        """Return each lane's header."""


class JournalEntry(msgspec.Struct, frozen=True, array_like=True):
    """One line of a lane's history: enough to make the same save again from the log."""

    lane: int
    owner: str
    token: str
    #: The token that it follows; NO_TOKEN for a lane's first save.
    previous: str
    #: Topic and offsets [first, next) of the batch; for a tick, topic "" and first = the tick's number.
    topic: str
    first: int
    next: int
    lane_time_ms: int
    #: Subjects that a tick woke, in order.
    due: tuple[str, ...] = ()
    #: Versions of models, policies and statistics that the step used, by name.
    versions: dict[str, str] = {}
    cluster_id: str = ""
    version: int = 1
    #: What the models said while the step was made (`cem.stepper.Outcome.scores`): made again, they are not asked.
    scores: bytes = b""


class Publisher(Protocol):
    """Publishes and waits for the acknowledgement of all in-sync replicas; raises if it does not come in time."""

    async def publish(self, emissions: Sequence[Emission]) -> None: ...

    async def append_journal(self, entry: JournalEntry) -> int:
        """Append to the lane's journal partition and return the offset. After a failure it may be there, too."""


class Log(Protocol):
    """Reading the log by offset: what following the journal and `cem replay` need."""

    async def cluster_id(self) -> str: ...

    async def bounds(self, partition: int, topics: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Return, by topic, the first offset that is still there and the next one to be written."""

    async def peek(self, partition: int, offsets: Mapping[str, int]) -> dict[str, Record]:
        """Return the record at each topic's offset, leaving out those that are not there (any more)."""

    async def read(self, topic: str, partition: int, first: int, stop: int) -> Sequence[Record]:
        """Return the records with first <= offset < stop in order; compaction may have left gaps."""

    async def journal(
        self, lane: int, first: int, stop: int | None = None, most: int | None = None
    ) -> tuple[Sequence[tuple[int, JournalEntry]], int]:
        """Return (offset, entry) for first <= offset < stop (None: the end at the time of the call), and that stop.

        Leaves out what the journal no longer has. `most`: stop after so many offsets of it.
        """


class Observer(Protocol):
    """Is told what a lane does, for people to see. Quick, and never raises."""

    def saved(
        self,
        topic: str,
        items: Sequence[Any],
        rejected: Sequence[int],
        emissions: Sequence[Emission],
        *,
        followed: bool,
    ) -> None:
        """Take note that a batch is visible in the store.

        topic: "" for a tick, which has no items. rejected: which of the items became dead letters, ascending.
        followed: the save was made again from the journal; it had been visible before.
        """

    def published(self, emissions: Sequence[Emission]) -> None:
        """Take note that the emissions of the last save are acknowledged."""

    def fenced(self) -> None:
        """Take note that another owner had saved the lane."""

    def waited(self, reason: Unavailable) -> None:
        """Take note that something is waited for before it is asked again."""


class Clock(Protocol):
    """The lane's sense of time: the wall, or a simulated one."""

    def now_ms(self) -> int: ...

    def at_ms(self, wall_ms: int) -> int:
        """Return what this clock showed when the wall showed `wall_ms`."""
