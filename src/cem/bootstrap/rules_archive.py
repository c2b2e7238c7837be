"""Every version of the rules that a journal may name, kept where workers find it.

In the store, under one key, for all workers; and in files beside the checkpoints, for when the store is lost. The key is
a token of 16 characters, by which its writers notice each other, and JSON: by version when a process last used it (wall,
ms) and the bundle. A version that nobody has used for twice as long as the journal is kept leaves the store: no journal
names it any more. The files stay.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from cem.bootstrap.rules import rules_of
from cem.ports import LaneStopped, Unavailable
from cem.step_rules import Rules
from cem.stores import RedisStore
from cem.streams.clock import wall_ms
from cem.streams.topics import JOURNAL, spec_of
from cem.whole_file import write_whole

__all__ = ["RulesArchive"]

_log = logging.getLogger(__name__)

_KEY: Final = "cem:rules"
_TOKEN: Final = 16
#: Twice: Kafka drops whole segments, and topics may have been given a longer time than ours.
_UNUSED_MS: Final = 2 * spec_of(JOURNAL).retention_ms
_EVERY_S: Final = 6 * 3600.0


class _Kept(msgspec.Struct, frozen=True):
    """One version in the store."""

    used_ms: int
    bundle: str


class RulesArchive:
    """Keeps every version of the rules that saves were made under, so that following the journal finds it."""

    def __init__(
        self,
        folder: Path,
        store: RedisStore,
        *,
        now_ms: Callable[[], int] = wall_ms,
        every_s: float = _EVERY_S,
    ) -> None:
        self._folder = folder
        self._store = store
        self._now_ms = now_ms
        self._every_s = every_s
        self._bundles: dict[str, str] = {}
        #: Made of their bundles when they were asked for: of most versions, nobody ever asks.
        self._made: dict[str, Rules] = {}

    async def keep(self, rules: Rules) -> None:
        """Keep `rules`, and take note of all versions kept so far. Raises Unavailable."""
        self._made[rules.version] = rules
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{rules.version}.json"
        if not path.exists():
            write_whole(path, rules.bundle.encode())
        for file in self._folder.glob("*.json"):
            self._bundles[file.stem] = file.read_text("utf-8")
        await self._use(rules)

    async def run(self, rules: Callable[[], Rules]) -> None:
        """Say again and again that the rules in force are used, until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self._use(rules())
            except (Unavailable, LaneStopped) as error:
                _log.warning("the store was not told which rules are in use: %s", error)

    async def refresh(self) -> bool:
        """Take note of versions that other workers have kept since; return whether there were any. Raises Unavailable."""
        known = len(self._bundles)
        self._note((await self._read())[1])
        return len(self._bundles) > known

    def find(self, version: str) -> Rules | None:
        """Return the rules of that version, None if they were not kept."""
        if version not in self._made and version in self._bundles:
            name = f"rules {version}"
            self._made[version] = rules_of(json.loads(self._bundles[version]), name, name)
        return self._made.get(version)

    async def _use(self, rules: Rules) -> None:
        """Let the store have `rules` as used now, and no version that nobody has used for long."""
        while True:
            token, kept = await self._read()
            self._note(kept)
            now_ms = self._now_ms()
            used = {v: k for v, k in kept.items() if now_ms - k.used_ms < _UNUSED_MS}
            used[rules.version] = _Kept(now_ms, rules.bundle)
            if gone := sorted(kept.keys() - used.keys()):
                _log.info("rules %s leave the store: no journal names them any more", ", ".join(gone))
            value = secrets.token_hex(_TOKEN // 2).encode() + msgspec.json.encode(used)
            if await self._store.swap_raw(_KEY, 0, _TOKEN - 1, token, value):
                return
            # Another worker has written in between; what it wrote is read and kept.

    async def _read(self) -> tuple[bytes, dict[str, _Kept]]:
        value = await self._store.get_raw(_KEY) or b""
        token, text = value[:_TOKEN], value[_TOKEN:]
        if value.startswith(b"{"):
            # Of before there were tokens: bundles by version, without a time.
            old = msgspec.json.decode(value, type=dict[str, str])
            return token, {version: _Kept(self._now_ms(), bundle) for version, bundle in old.items()}
        return token, msgspec.json.decode(text, type=dict[str, _Kept]) if value else {}

    def _note(self, kept: dict[str, _Kept]) -> None:
        for version, one in kept.items():
            self._bundles.setdefault(version, one.bundle)
