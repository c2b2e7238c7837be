"""What a lane finds when it is opened, and whether going on from there would lose or invent something.

The store is a fold of the lane's journal that may be behind it (`cem.pipeline`). Here both are read, and compared with
each other and with the log; following the journal is in `cem.following`.
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import msgspec

from cem.journal import History
from cem.patience import Patience
from cem.ports import (
    NO_TOKEN,
    Emission,
    Fenced,
    JournalEntry,
    LaneHeader,
    LaneStopped,
    Log,
    Position,
    Record,
    StateStore,
)

__all__ = ["Found", "Opening", "Portion", "checksum"]


class Portion(msgspec.Struct, frozen=True):
    """As much of the journal as is held at once."""

    #: (offset, entry) of what follows a save here, oldest first.
    continuation: list[tuple[int, JournalEntry]]
    #: The offset behind it.
    end: int
    #: False when that was the journal's end.
    more: bool
    #: True when one of the saves that follow is not this owner's own.
    others: bool


class Found(msgspec.Struct, frozen=True):
    """A lane as store and journal have it."""

    header: LaneHeader
    next_due_ms: int | None
    #: Emissions of the store's last save.
    outbox: tuple[Emission, ...]
    #: The journal's first portion behind the store's last save.
    portion: Portion
    #: True when the store was on another log's history, which ends here.
    adopted: bool


class Opening:
    """Reads one lane anew."""

    def __init__(
        self,
        lane: int,
        *,
        store: StateStore,
        log: Log,
        topics: Sequence[str],
        owner: str,
        patiently: Patience,
        entries: int,
        rebuild: bool,
        accept_loss: bool,
        adopt_new_log: bool,
    ) -> None:
        self.lane = lane
        self.topics = tuple(topics)
        self._store = store
        self._log = log
        self._owner = owner
        self._patiently = patiently
        self._entries = entries
        self._rebuild = rebuild
        self._accept_loss = accept_loss
        self._adopt_new_log = adopt_new_log

    async def find(self) -> Found:
        """Return what store and journal have. Raises LaneStopped, Fenced."""
        cluster_id = await self._patiently(self._log.cluster_id)
        image = await self._patiently(lambda: self._store.open_lane(self.lane))
        found = image.header
        header = found or LaneHeader(NO_TOKEN, NO_TOKEN, self._owner, 0, 0, cluster_id, {})
        adopted = header.cluster_id != cluster_id
        if adopted:
            header = self._adopt(header, cluster_id)
        first = header.journal_offset
        entries, end = await self._patiently(lambda: self._log.journal(self.lane, first, most=self._entries))
        history, more = History(entries), end - first >= self._entries
        if found is None and end:
            await self._refuse_empty_store(history, end, more=more)
        if found is not None and not adopted and header.token not in history:
            msg = (
                f"lane {self.lane}: the journal no longer has the save that the store is at (offset {first}): the "
                "store is older than the journal's retention. Restore a newer checkpoint or store."
            )
            raise LaneStopped(msg)
        portion = self._portion(history, header.token, end, more=more)
        return Found(header, image.next_due_ms, image.outbox, portion, adopted)

    async def portion_after(self, token: str, first: int) -> Portion:
        """Return what follows the save `token` from the offset `first` on, behind which it is. Raises LaneStopped."""
        entries, end = await self._patiently(lambda: self._log.journal(self.lane, first, most=self._entries))
        if end > first and (not entries or entries[0][0] > first):
            msg = (
                f"lane {self.lane}: the journal lost offset {first} while it was followed: its retention passed the "
                "worker. Restore a newer checkpoint or store."
            )
            raise LaneStopped(msg)
        return self._portion(History(entries), token, end, more=end - first >= self._entries)

    def _portion(self, history: History, token: str, end: int, *, more: bool) -> Portion:
        continuation = list(history.after(token))
        return Portion(continuation, end, more, any(e.owner != self._owner for _, e in continuation))

    def _adopt(self, header: LaneHeader, cluster_id: str) -> LaneHeader:
        if not self._adopt_new_log:
            msg = (
                f"lane {self.lane}: the states were made from the log of Kafka cluster {header.cluster_id!r}, but this "
                f"is cluster {cluster_id!r}. Point CEM_KAFKA_BOOTSTRAP at the right cluster, or set "
                "CEM_ADOPT_NEW_LOG=1 to start this log with the old states."
            )
            raise LaneStopped(msg)
        return msgspec.structs.replace(
            header, cluster_id=cluster_id, positions={}, journal_offset=0, rejects={}
        )

    async def _refuse_empty_store(self, history: History, end: int, *, more: bool) -> None:
        """Stop unless the states can be made again from the journal, and are wanted so.

        Nobody needs to want it if the lane's first save is all there is: its owner may have died before it.
        """
        saves = sum(1 for _ in history.after(NO_TOKEN))
        if (saves == 1 and not more) or (saves and self._rebuild):
            return
        again = await self._patiently(lambda: self._store.open_lane(self.lane))
        if again.header is not None:
            # Somebody else made the lane's first save between our two looks.
            raise Fenced(again.header.token)
        if self._rebuild:
            msg = (
                f"lane {self.lane}: the store is empty, and the journal no longer reaches back to the lane's first save. "
                "Put its checkpoint into CEM_CHECKPOINT_DIR, or point CEM_REDIS_URL at the right store."
            )
            raise LaneStopped(msg)
        many = f"more than {end}" if more else str(end)
        msg = (
            f"lane {self.lane}: the store is empty, but the journal has {many} saves of this lane. Point "
            "CEM_REDIS_URL at the right store, or start with --rebuild to make the states again."
        )
        raise LaneStopped(msg)

    async def checked(self, header: LaneHeader) -> LaneHeader:
        """Return `header` with a position for every topic.

        Raises LaneStopped if the log is not the one that was read: cut off before, behind, or overwritten at the
        positions.
        """
        bounds = await self._patiently(lambda: self._log.bounds(self.lane, self.topics))
        positions = dict(header.positions)
        for topic in self.topics:
            first, end = bounds[topic]
            known = positions.get(topic)
            if known is None:
                positions[topic] = Position(first)
            elif known.next_offset < first:
                lost = f"{topic}[{self.lane}] offsets {known.next_offset} to {first - 1}"
                if not self._accept_loss:
                    msg = (
                        f"lane {self.lane}: Kafka no longer has {lost}: retention passed the worker. "
                        "Start with --accept-loss to go on without them."
                    )
                    raise LaneStopped(msg)
                positions[topic] = Position(first)
            elif known.next_offset > end:
                msg = (
                    f"lane {self.lane}: {topic}[{self.lane}] ends at offset {end}, but {known.next_offset} had been "
                    "read: Kafka has lost acknowledged records. Restore them, or restore the store to the same age."
                )
                raise LaneStopped(msg)
        looked_at = {t: p.next_offset - 1 for t, p in header.positions.items() if p.crc and t in bounds}
        if looked_at:
            tails = await self._patiently(lambda: self._log.peek(self.lane, looked_at))
            for topic, record in tails.items():
                known = header.positions[topic]
                if (record.timestamp, checksum(record)) != (known.timestamp_ms, known.crc):
                    msg = (
                        f"lane {self.lane}: {topic}[{self.lane}] offset {record.offset} holds another record than the "
                        "one that was applied: the log was cut and overwritten. Restore the topic, or restore the "
                        "store to the same age."
                    )
                    raise LaneStopped(msg)
        return msgspec.structs.replace(header, positions=positions)


def checksum(record: Record) -> int:
    """Return the CRC-32 of key and value, never 0 (which stands for no record)."""
    return crc32(record.value or b"", crc32(record.key or b"")) or 1
