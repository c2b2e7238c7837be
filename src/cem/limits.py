"""What bounds one save, and how a batch is cut to fit it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import msgspec

from cem.ports import Record
from cem.settings import Settings

__all__ = ["Limits", "RejectLimits", "counted", "cuts"]

_SETTINGS: Final = Settings.model_fields


class Limits(msgspec.Struct, frozen=True):
    """Bounds of one save, and of what is kept in memory; those of a worker with one lane where nothing else is said."""

    customers: int = _SETTINGS["save_max_customers"].default
    bytes: int = _SETTINGS["save_max_bytes"].default
    cached: int = _SETTINGS["cache_customers"].default
    due: int = 500
    #: Customers of one save while the journal is followed, where several entries become one save: nobody waits for
    #: the states between them, and a store is blocked for 4 us a customer.
    followed: int = 2_000
    #: Journal entries that are held at once while it is followed: a day's are millions, and a worker opens many lanes.
    entries: int = 20_000


class RejectLimits(Protocol):
    """Counts dead letters per topic and says when there are too many of them."""

    def count(
        self, before: tuple[int, int, int], items: int, rejected: Sequence[int]
    ) -> tuple[int, int, int]:
        """Return the counts after `items` further records, of which those at `rejected` were dead letters."""

    def tripped(self, counts: tuple[int, int, int]) -> str | None:
        """Return the sentence that says which limit was passed, or None."""


def counted(
    limits: RejectLimits | None,
    rejects: dict[str, tuple[int, int, int]],
    topic: str,
    items: int,
    rejected: Sequence[int],
) -> dict[str, tuple[int, int, int]]:
    """Return the dead-letter counts by topic after so many further items of one topic; `rejected`: which became such."""
    if limits is None or not (rejected or topic in rejects):
        return rejects
    return {**rejects, topic: limits.count(rejects.get(topic, (0, 0, 0)), items, rejected)}


def cuts(records: Sequence[Record], limits: Limits, state_bytes: float) -> Iterable[Sequence[Record]]:
    """Yield the records in pieces that fit one save. `state_bytes`: what a customer's state takes on average."""
    customers = max(1, min(limits.customers, int(limits.bytes / state_bytes)))
    # A record's bytes count too: should it become a dead letter, they go into the outbox.
    if sum([len(r.value or b"") for r in records]) <= limits.bytes:
        yield from _by_customers(records, customers)
        return
    start, size = 0, 0
    seen: set[bytes | None] = set()
    for index, record in enumerate(records):
        seen.add(record.key)
        size += len(record.value or b"")
        if index > start and (len(seen) > customers or size > limits.bytes):
            yield records[start:index]
            start, size, seen = index, len(record.value or b""), {record.key}
    yield records[start:]


def _by_customers(records: Sequence[Record], customers: int) -> Iterable[Sequence[Record]]:
    """Yield the records in pieces of so many customers, each as long as can be."""
    start, end = 0, len(records)
    while start + customers < end:
        # So many records have no more customers than that; only what may follow them is looked at one by one.
        stop = start + customers
        seen = {record.key for record in records[start:stop]}
        while stop < end and (len(seen) < customers or records[stop].key in seen):
            seen.add(records[stop].key)
            stop += 1
        yield records[start:stop]
        start = stop
    if start < end:
        yield records[start:] if start else records
