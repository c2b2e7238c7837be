"""The one writer of a model: takes its topic of examples in order, and publishes what it has learnt.

* The model is a function of the log alone (`cem.learning.pupil`); the offset of the last record taken is its version.
* Version, card and snapshot are one value in the store. It carries a token, and a writer replaces only the value whose
  token it read or wrote last. A second writer, or a store that went back in time, is found out by that: the writer then
  takes what it finds there, goes on from its version, and comes to the same model again.
* Once an hour a published snapshot is kept as a file. With it and the log any later version can be made again.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final, Protocol

from cem.learning.examples import ExampleError, decode_example
from cem.learning.published import (
    HEAD_BYTES,
    TOKEN_AT,
    Card,
    Kept,
    card_of,
    pack_model,
    read_card,
    read_head,
    snapshot_in,
)
from cem.learning.pupil import Lesson, Limits, Pupil, Rebuild
from cem.learning.snapshot import SnapshotError, digest
from cem.ports import LaneStopped, Log, Record, Unavailable
from cem.streams.topics import examples_topic
from cem.whole_file import write_whole

__all__ = ["KeptFiles", "ModelStore", "ModelWriter", "TakenOver", "lesson_of", "model_key"]

_log = logging.getLogger(__name__)

#: Records read in one go, and records taken before others get their turn.
_PIECE: Final = 2_000
_AT_ONCE: Final = 100
#: Fences in a row by somebody else after which a writer lets him have the model.
_FENCES: Final = 3


class TakenOver(Exception):
    """Another writer has this model, and keeps writing."""


class ModelStore(Protocol):
    """What a writer needs of the store. Raises Unavailable."""

    async def get_raw(self, key: str) -> bytes | None: ...

    async def swap_raw(self, key: str, first: int, last: int, expected: bytes, value: bytes) -> bool:
        """Set the key if its bytes [first, last] are `expected` (none: it is not there); tell whether that was done."""
        ...


def model_key(name: str) -> str:
    """Return the store's key of a model."""
    return f"cem:model:{name}"


def lesson_of(record: Record) -> Lesson:
    """Return what a pupil takes of a record."""
    headers = dict(record.headers)
    sequence = headers.get("ce_sequence", b"")
    return Lesson(
        record.offset,
        record.timestamp,
        record.value,
        headers.get("ce_type", b"").decode("ascii", "replace"),
        headers.get("ce_source", b"").decode("utf-8", "replace") if sequence.isdigit() else "",
        int(sequence) if sequence.isdigit() else 0,
    )


class KeptFiles:
    """Full snapshots of one model as files, the newest few."""

    def __init__(self, folder: Path, *, most: int) -> None:
        self._folder = folder
        self._most = most

    def keep(self, version: int, snapshot: bytes) -> None:
        """Keep a snapshot; the oldest beyond the most that are kept go."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._path(version), snapshot)
        for kept in self.kept()[: -self._most]:
            self._path(kept.version).unlink(missing_ok=True)

    def kept(self) -> list[Kept]:
        """Return versions and times, oldest version first."""
        found = []
        for path in self._folder.glob("*.model"):
            if path.stem.isdecimal():
                found.append(Kept(int(path.stem), int(path.stat().st_mtime * 1000)))
        return sorted(found, key=lambda kept: kept.version)

    def read(self, version: int) -> bytes | None:
        """Return the snapshot of that version, None if there is none."""
        try:
            return self._path(version).read_bytes()
        except OSError:
            return None

    def drop(self, first: int, last: int) -> None:
        """Drop the snapshots of versions in [first, last]: they are no part of the model's history any more."""
        for kept in self.kept():
            if first <= kept.version <= last:
                self._path(kept.version).unlink(missing_ok=True)

    def _path(self, version: int) -> Path:
        return self._folder / f"{version}.model"


class ModelWriter:
    """One model's writer. `lag` and `card` are for those who watch it."""

    def __init__(
        self,
        name: str,
        *,
        store: ModelStore,
        log: Log,
        files: KeptFiles,
        owner: str,
        publish_every_s: float,
        publish_examples: int,
        keep_every_s: float,
        adopt_new_log: bool = False,
        limits: Limits | None = None,
        now_s: Callable[[], float] = time.monotonic,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        at_point: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.name = name
        self.pupil = Pupil(name, limits)
        self.lag = 0
        self.card: Card | None = None
        self._topic = examples_topic(name)
        self._store = store
        self._log = log
        self._files = files
        self._owner = owner
        self._publish_every_s = publish_every_s
        self._publish_examples = publish_examples
        self._keep_every_s = keep_every_s
        self._adopt_new_log = adopt_new_log
        self._cluster_id = ""
        self._limits = limits
        self._now_s = now_s
        self._wall_ms = wall_ms
        self._at_point = at_point
        self._token = b""
        self._published = self.pupil.version
        self._published_s = self._kept_s = now_s()
        self._fences = 0
        self._whole = True

    @property
    def has_news(self) -> bool:
        """Whether something was learnt since the last publication that may be published."""
        return bool(self._cluster_id) and self._whole and self.pupil.version > self._published

    async def open(self) -> None:
        """Begin where the published model is; without one, at the newest snapshot that was kept, or at nothing.

        Raises SnapshotError when the store has a model that cannot be used, LaneStopped when it is of another log.
        """
        self._cluster_id = await self._log.cluster_id()
        value = await self._store.get_raw(model_key(self.name))
        if value is None:
            self._token = b""
            self.pupil = self._newest_kept() or Pupil(self.name, self._limits)
        else:
            self._token = read_head(value).token.encode()
            self.pupil = Pupil.restored(self.name, snapshot_in(value), self._limits)
            self.card = read_card(value)
            if self.card.cluster_id != self._cluster_id:
                self._adopt(self.card.cluster_id)
        self._published, self._whole = self.pupil.version, True
        self._published_s = self._now_s()

    async def advance(self) -> bool:
        """Take what the log has, up to a piece; return whether there was anything. Publishes when it is time.

        Raises LaneStopped when the log ends before what has been learnt.
        """
        first, end = (await self._log.bounds(0, [self._topic]))[self._topic]
        pupil = self.pupil
        start = max(pupil.version + 1, first)
        if start > end:
            msg = (
                f"{self._topic} ends at offset {end}, but {start} records had been learnt: Kafka has lost acknowledged "
                "records. Restore them, or the store to the same age."
            )
            raise LaneStopped(msg)
        if start > pupil.version + 1:
            _log.warning(
                "%s: examples %d to %d are gone from the log", self.name, pupil.version + 1, start - 1
            )
            # Said once, also where nothing follows them.
            pupil.version = pupil.contest.version = start - 1
        self.lag = max(0, end - start)
        if start < end:
            stop = min(end, start + _PIECE)
            records = await self._log.read(self._topic, 0, start, stop)
            for number, record in enumerate(records):
                rebuild = pupil.take(lesson_of(record))
                self._at_point("taken")
                if rebuild is not None:
                    # Called off in the midst of it, it has taken the record but not done what that wants.
                    self._whole = False
                    await self._remake(rebuild)
                    self._whole = True
                if number % _AT_ONCE == _AT_ONCE - 1:
                    await asyncio.sleep(0)
                if self._is_full():
                    await self.publish()
                    if pupil is not self.pupil:
                        return True
            pupil.version = pupil.contest.version = max(pupil.version, stop - 1)
            self.lag = max(0, end - 1 - pupil.version)
        if self.pupil.version > self._published and (
            self._is_full() or self._now_s() - self._published_s >= self._publish_every_s
        ):
            await self.publish()
        return start < end

    async def publish(self) -> bool:
        """Put the model into the store; False: somebody else did, and this writer has begun anew from there.

        Raises TakenOver when that goes on.
        """
        pupil = self.pupil
        snapshot = pupil.snapshot()
        token = secrets.token_hex(8)
        if self._now_s() - self._kept_s >= self._keep_every_s:
            self._kept_s = self._now_s()
            try:
                self._files.keep(pupil.version, snapshot)
            except OSError as error:
                # It is for going back only; who asks the model must not go without.
                _log.error("%s: the snapshot of version %d is not kept: %s", self.name, pupil.version, error)
        card = card_of(
            pupil,
            owner=self._owner,
            at_ms=self._wall_ms(),
            kept=tuple(self._files.kept()),
            digest=digest(snapshot),
            size=len(snapshot),
            cluster_id=self._cluster_id,
        )
        value = pack_model(token, pupil.version, card, snapshot)
        self._at_point("before-publish")
        if not await self._swap(token.encode(), value):
            self._fences += 1
            if self._fences >= _FENCES:
                raise TakenOver(f"another writer publishes the model {self.name}")
            _log.warning(
                "%s: the store has another model than the one published last; going on from it", self.name
            )
            await self.open()
            return False
        self._at_point("published")
        self._fences = 0
        self._token, self.card = token.encode(), card
        self._published, self._published_s = pupil.version, self._now_s()
        return True

    async def run(self, *, idle_s: float = 0.2, pause: Callable[[Unavailable], Awaitable[None]]) -> None:
        """Open, take and publish for ever; what is away is waited for. Raises TakenOver, SnapshotError."""
        opened = False
        while True:
            try:
                if not opened:
                    await self.open()
                    opened = True
                if not await self.advance():
                    await asyncio.sleep(idle_s)
            except Unavailable as reason:
                await pause(reason)
                # Whether the last publication was made is not known: the token in the store tells.
                opened = False

    def _adopt(self, old: str) -> None:
        """Go on with the old model at the beginning of another Kafka's log, if that is wanted."""
        if not self._adopt_new_log:
            msg = (
                f"the model {self.name} was learnt from the log of Kafka cluster {old!r}, but this is cluster "
                f"{self._cluster_id!r}. Point CEM_KAFKA_BOOTSTRAP at the right cluster, or set CEM_ADOPT_NEW_LOG=1 to "
                "go on with the old model."
            )
            raise LaneStopped(msg)
        _log.warning("%s: another log begins; going on with what was learnt from the old one", self.name)
        self.pupil.begin_log()
        for kept in self._files.kept():
            self._files.drop(kept.version, kept.version)

    async def _swap(self, token: bytes, value: bytes) -> bool:
        key, (first, last) = model_key(self.name), TOKEN_AT
        if await self._store.swap_raw(key, first, last, self._token, value):
            return True
        found = await self._store.get_raw(key)
        # The reply to this very publication may have been lost.
        return found is not None and read_head(found[:HEAD_BYTES]).token.encode() == token

    def _is_full(self) -> bool:
        return self.pupil.version - self._published >= self._publish_examples

    def _newest_kept(self) -> Pupil | None:
        for kept in reversed(self._files.kept()):
            data = self._files.read(kept.version)
            try:
                if data is not None:
                    return Pupil.restored(self.name, data, self._limits)
            except SnapshotError as error:
                _log.warning(
                    "%s: the snapshot kept of version %d is passed over: %s", self.name, kept.version, error
                )
        return None

    async def _remake(self, rebuild: Rebuild) -> None:
        """Make the model again as `rebuild` wants it, from a snapshot before it and the log."""
        found = await self._places(rebuild)
        if rebuild.wanted and not found:
            self.pupil.corrections_done(rebuild, found)
            return
        before = min(found.values()) - 1 if found else rebuild.until
        fresh = self._before(before)
        fresh.prepare(rebuild, self.pupil, found)
        async for lesson in self._lessons(fresh.version + 1, rebuild.until + 1):
            fresh.take(lesson)
        self.pupil.made_again(rebuild, fresh, found)
        self.pupil.corrections_done(rebuild, found)
        self._files.drop(before + 1, rebuild.version)

    def _before(self, version: int) -> Pupil:
        """Return the pupil of the newest kept snapshot that has learnt nothing beyond `version`."""
        for kept in reversed(self._files.kept()):
            data = self._files.read(kept.version) if kept.version <= version else None
            if data is not None:
                return Pupil.restored(self.name, data, self._limits)
        return Pupil(self.name, self._limits)

    async def _places(self, rebuild: Rebuild) -> dict[str, int]:
        """Return source and offset of the examples that are to be corrected and may be."""
        found: dict[str, int] = {}
        if not rebuild.wanted:
            return found
        async for lesson in self._lessons(rebuild.since, rebuild.until):
            if lesson.value is None or lesson.timestamp_ms < rebuild.since_ms:
                continue
            try:
                example = decode_example(lesson.value)
            except ExampleError:
                continue
            if example.x is not None and example.source in rebuild.wanted:
                found.setdefault(example.source, lesson.offset)
        return found

    async def _lessons(self, first: int, stop: int) -> AsyncIterator[Lesson]:
        begins, end = (await self._log.bounds(0, [self._topic]))[self._topic]
        at = max(first, begins)
        while at < min(stop, end):
            upto = min(at + _PIECE, stop, end)
            for record in await self._log.read(self._topic, 0, at, upto):
                yield lesson_of(record)
            await asyncio.sleep(0)
            at = upto
