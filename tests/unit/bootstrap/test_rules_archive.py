"""Keeping the versions of the rules: none is lost when workers start together, and the store may be."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cem.bootstrap import RulesArchive, read_rules
from cem.settings import Settings
from cem.stores import MemoryStore


def rules_of(late_limit_s: int):  # type: ignore[no-untyped-def]
    return read_rules(Settings.from_env({}, late_limit_s=late_limit_s))


class SlowStore(MemoryStore):
    """A store whose writes take effect after everybody has read."""

    async def set_raw(
        self, key: str, value: bytes, *, ttl_ms: int | None = None, only_new: bool = False
    ) -> bool:
        await asyncio.sleep(0)
        return await super().set_raw(key, value, ttl_ms=ttl_ms, only_new=only_new)


def test_workers_that_start_together_lose_no_version(tmp_path: Path) -> None:
    """Two workers with different rules write the same key: both versions are kept in the end."""
    store = SlowStore(1)
    first, second = rules_of(1000), rules_of(2000)

    async def run() -> RulesArchive:
        archives = [RulesArchive(tmp_path / str(n), store) for n in range(2)]  # type: ignore[arg-type]
        await asyncio.gather(archives[0].keep(first), archives[1].keep(second))
        reader = RulesArchive(tmp_path / "third", store)  # type: ignore[arg-type]
        await reader.keep(first)
        return reader

    reader = asyncio.run(run())
    assert reader.find(first.version) is not None
    assert reader.find(second.version) is not None


def test_the_files_are_enough(tmp_path: Path) -> None:
    """With the store lost, the versions come from the files beside the checkpoints."""
    old, new = rules_of(1000), rules_of(2000)

    async def run() -> RulesArchive:
        await RulesArchive(tmp_path, MemoryStore(1)).keep(old)  # type: ignore[arg-type]
        later = RulesArchive(tmp_path, MemoryStore(1))  # type: ignore[arg-type]
        await later.keep(new)
        return later

    found = asyncio.run(run()).find(old.version)
    assert found is not None
    assert found.late_limit_ms == 1_000_000
