"""What the journal says happened: the states made again from it, and everything that had to be said meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cem.bootstrap.parts import open_parts
from cem.bootstrap.replay import follower
from cem.bootstrap.rules import read_rules
from cem.bootstrap.rules_archive import RulesArchive
from cem.bootstrap.worker import make_stepper
from cem.ports import Emission, JournalEntry, Unavailable
from cem.settings import Settings
from cem.stores import MemoryCore, MemoryStore
from cem.stores.digest import Digester
from cem.streams.topics import DEAD_LETTERS

__all__ = ["History", "content_of", "has_token", "name_of", "read_history", "token_in"]

_TOKEN = "cem-token"
_DEAD_LETTER_PLACE = ("cem-topic", "cem-partition", "cem-offset")

Name = tuple[str, ...]
Headers = Sequence[tuple[str, bytes]]


@dataclass
class History:
    """The history of all lanes."""

    digest: str = ""
    saves: int = 0
    ticks: int = 0
    records: int = 0
    rejected: int = 0
    #: Name of each emission to its content (token left out) and its token.
    emissions: dict[Name, tuple[bytes, str]] = field(default_factory=dict)
    #: Tokens of all saves that count.
    tokens: set[str] = field(default_factory=set)
    #: Token of each lane's newest save: what it says may still wait in its outbox.
    newest: set[str] = field(default_factory=set)


def name_of(topic: str, headers: Headers) -> Name:
    """Return the name that all copies of an emission share: topic and id; of a dead letter, the place it came from."""
    found = dict(headers)
    if topic == DEAD_LETTERS:
        return (topic, *(found[name].decode() for name in _DEAD_LETTER_PLACE))
    return topic, found["ce_source"].decode(), found["ce_id"].decode()


def content_of(key: bytes | None, value: bytes | None, headers: Headers) -> bytes:
    """Return a digest of everything that copies must have in common: all but the token."""
    kept = [(name, data) for name, data in headers if name != _TOKEN]
    return hashlib.sha256(repr((key, value, kept)).encode()).digest()


def has_token(headers: Headers) -> bool:
    """Return whether a lane said it."""
    return any(name == _TOKEN for name, _ in headers)


def token_in(headers: Headers) -> str:
    """Return the token of the save that said it."""
    return dict(headers)[_TOKEN].decode()


def read_history(settings: Settings) -> History:
    """Follow every lane's journal from its beginning, in memory. Raises LaneStopped where the log no longer has it."""
    return asyncio.run(_read_history(settings))


async def _read_history(settings: Settings) -> History:
    history, digester = History(), Digester()
    rules = read_rules(settings)
    async with open_parts(settings) as parts:
        archive = RulesArchive(settings.checkpoints.parent / "rules", parts.store)
        await archive.keep(rules)
        for lane in range(settings.partitions):
            memory = MemoryStore(settings.partitions, core=MemoryCore(history=1))
            stepper = make_stepper(rules, settings.partitions, archive)
            pipeline = follower(lane, parts.log, memory, stepper, observer=_Listener(history))
            entries, _ = await parts.log.journal(lane, 0)
            if not entries:
                continue
            await pipeline.open()
            history.newest.add(pipeline.header.token)
            history.tokens.update(_tokens(entries, pipeline.header.token))
            history.records += pipeline.counts.records
            history.rejected += pipeline.counts.rejected
            history.ticks += pipeline.header.tick
            async for subject, state in memory.scan_subjects(lane):
                digester.add(subject, state)
    history.saves = len(history.tokens)
    history.digest = digester.result().digest
    return history


def _tokens(entries: Sequence[tuple[int, JournalEntry]], newest: str) -> set[str]:
    """Return the tokens from the newest back to the lane's first."""
    parents: dict[str, str] = {}
    for _, entry in entries:
        parents.setdefault(entry.token, entry.previous)
    found: set[str] = set()
    token = newest
    while token in parents:
        found.add(token)
        token = parents[token]
    return found


class _Listener:
    """Collects what the saves of a lane say (`cem.ports.Observer`)."""

    def __init__(self, history: History) -> None:
        self._history = history

    def saved(
        self,
        topic: str,
        items: Sequence[Any],
        rejected: Sequence[int],
        emissions: Sequence[Emission],
        *,
        followed: bool,
    ) -> None:
        for emission in emissions:
            name = name_of(emission.topic, emission.headers)
            content = content_of(emission.key, emission.value, emission.headers)
            assert name not in self._history.emissions, f"{name} is said twice by one history"
            self._history.emissions[name] = content, token_in(emission.headers)

    def published(self, emissions: Sequence[Emission]) -> None:
        pass

    def fenced(self) -> None:
        pass

    def waited(self, reason: Unavailable) -> None:
        pass
