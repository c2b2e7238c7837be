"""Making all states again from the log, in memory, and comparing them with the store's."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from cem.bootstrap.checkpoints import CheckpointFiles
from cem.bootstrap.parts import open_parts
from cem.bootstrap.rules import read_rules
from cem.bootstrap.rules_archive import RulesArchive
from cem.bootstrap.worker import make_stepper
from cem.journal import JOURNAL_TOPIC
from cem.pipeline import LanePipeline
from cem.ports import NO_TOKEN, Emission, JournalEntry, LaneStopped, Log, Observer, Unavailable
from cem.settings import Settings
from cem.stepper import Stepper
from cem.stores import MemoryCore, MemoryStore, RedisStore
from cem.stores.digest import Digest, Digester
from cem.streams.log_reader import KafkaLog
from cem.streams.topics import LANE_TOPICS

__all__ = ["Replayed", "follower", "replay_lanes"]

#: How often a lane that goes on is looked at again.
_LOOKS = 20


class Replayed(msgspec.Struct, frozen=True):
    """What a replay of the journal gave, beside what the store has."""

    replayed: Digest
    saves: int
    records: int
    stored: Digest | None
    equal: bool
    #: Customers whose states differ, or that only one side has; at most 1,000.
    different: list[str]


async def replay_lanes(
    settings: Settings, lanes: Sequence[int], *, compare: bool, progress: Callable[[str], None]
) -> Replayed:
    """Make the states of `lanes` again from the log, in memory, and compare them with the store's.

    Raises LaneStopped when the journal or the log no longer reaches back to the lanes' beginning.
    """
    rules = read_rules(settings)
    replayed, stored = Digester(), Digester()
    saves = records = 0
    different: list[str] = []
    async with open_parts(settings) as parts:
        archive = RulesArchive(settings.checkpoints.parent / "rules", parts.store)
        await archive.keep(rules)
        headers = await parts.store.headers()
        for lane in lanes:
            if compare and lane not in headers:
                continue
            memory = MemoryStore(settings.partitions, core=MemoryCore(history=1))
            files = CheckpointFiles(memory, settings)
            if await _journal_is_cut(parts.log, lane) and await files.restore(lane) is None:
                msg = (
                    f"lane {lane}: the journal does not reach back to the beginning, and there is no checkpoint of it: "
                    f"put one into CEM_CHECKPOINT_DIR ({settings.checkpoints})"
                )
                raise LaneStopped(msg)
            stepper = make_stepper(rules, settings.partitions, archive)
            pipeline = follower(lane, parts.log, memory, stepper)
            beside = await _follow(pipeline, parts.store if compare else None)
            saves += pipeline.counts.saves
            records += pipeline.counts.records
            made = {subject: state async for subject, state in memory.scan_subjects(lane)}
            for subject, state in made.items():
                replayed.add(subject, state)
            for subject, state in beside.items():
                stored.add(subject, state)
                if made.pop(subject, None) != state:
                    different.append(subject)
            different.extend(made if compare else ())
            progress(f"lane {lane}: {pipeline.counts.saves} saves, {pipeline.counts.records} records")
    ours, theirs = replayed.result(), stored.result() if compare else None
    return Replayed(
        ours, saves, records, theirs, theirs is None or ours.digest == theirs.digest, different[:1000]
    )


def follower(
    lane: int,
    log: Log,
    store: MemoryStore,
    stepper: Stepper[Any, Any],
    *,
    observer: Observer | None = None,
) -> LanePipeline[Any, Any]:
    """Return a pipeline whose opening follows the lane's journal into `store` and says nothing to anybody."""
    return LanePipeline(
        lane,
        store=store,
        publisher=_Silence(),
        log=log,
        stepper=stepper,
        topics=LANE_TOPICS,
        owner="replay",
        new_token=lambda: secrets.token_hex(8),
        pause=_give_up,
        rebuild=True,
        observer=observer,
    )


async def _follow(pipeline: LanePipeline[Any, Any], store: RedisStore | None) -> dict[str, bytes]:
    """Follow the lane's journal, to where `store` is if there is one, and return the states that are there.

    Workers may go on meanwhile: what was read while the lane was saved is read again, a little further on.
    """
    if store is None:
        await pipeline.open()
        return {}
    for _ in range(_LOOKS):
        pipeline.follow_until = await store.token_of(pipeline.lane)
        await pipeline.open()
        found = {subject: state async for subject, state in store.scan_subjects(pipeline.lane)}
        if await store.token_of(pipeline.lane) == pipeline.follow_until:
            return found
    msg = f"lane {pipeline.lane} is saved faster than it can be compared: stop the workers, or replay with --no-compare"
    raise LaneStopped(msg)


async def _journal_is_cut(log: KafkaLog, lane: int) -> bool:
    """Tell whether the lane's history begins before its journal: by retention, or because the log was replaced."""
    first, end = (await log.bounds(lane, [JOURNAL_TOPIC]))[JOURNAL_TOPIC]
    if first == end:
        return first > 0
    entries, _ = await log.journal(lane, first, first + 1)
    return not entries or entries[0][1].previous != NO_TOKEN


class _Silence:
    """A publisher for a replay: everything it could say has been said."""

    async def publish(self, emissions: Sequence[Emission]) -> None:
        return

    async def append_journal(self, entry: JournalEntry) -> int:
        raise AssertionError("a replay announces nothing")


async def _give_up(attempt: int, reason: Unavailable) -> None:
    if attempt >= 5:
        raise reason
    await asyncio.sleep(0.1 * 2**attempt)
