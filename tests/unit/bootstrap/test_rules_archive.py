"""Keeping the versions of the rules: none is lost when workers start together, and the store may be."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cem.bootstrap import RulesArchive, read_rules
from cem.bootstrap.decision_rules import read_decision_rules
from cem.settings import Settings, SettingsError
from cem.stores import MemoryStore


def rules_of(late_limit_s: int):  # type: ignore[no-untyped-def]
    return read_rules(Settings.from_env({}, late_limit_s=late_limit_s))


class SlowStore(MemoryStore):
    """A store whose writes take effect after everybody has read."""

    async def swap_raw(self, key: str, first: int, last: int, expected: bytes, value: bytes) -> bool:
        await asyncio.sleep(0)
        return await super().swap_raw(key, first, last, expected, value)


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


DAY_MS = 86_400_000


def test_a_version_that_no_journal_names_any_more_leaves_the_store(tmp_path: Path) -> None:
    """It does after twice the journal's time without use, and not before; what a process goes on using stays."""
    store = MemoryStore(1)
    first, second, third = rules_of(1000), rules_of(2000), rules_of(3000)
    now_ms = [0]

    def archive(name: str) -> RulesArchive:
        return RulesArchive(tmp_path / name, store, now_ms=lambda: now_ms[0], every_s=0)  # type: ignore[arg-type]

    async def names() -> set[str]:
        value = await store.get_raw("cem:rules") or b""
        return set(json.loads(value[16:]))

    async def run() -> None:
        await archive("a").keep(first)
        old = archive("b")
        await old.keep(second)
        going_on = asyncio.create_task(old.run(lambda: second))
        now_ms[0] = 69 * DAY_MS
        await archive("c").keep(third)
        assert await names() == {first.version, second.version, third.version}
        for _ in range(20):
            await asyncio.sleep(0)
        going_on.cancel()
        now_ms[0] = 71 * DAY_MS
        await archive("c").keep(third)
        assert await names() == {second.version, third.version}
        # The files of whoever used it have it still.
        beside = archive("a")
        await beside.keep(third)
        assert beside.find(first.version) is not None
        assert archive("d").find(first.version) is None

    asyncio.run(run())


def test_what_was_kept_without_a_time_is_found_and_kept_on(tmp_path: Path) -> None:
    """As if it had been used just now."""
    store = MemoryStore(1)
    old, new = rules_of(1000), rules_of(2000)

    async def run() -> RulesArchive:
        await store.set_raw("cem:rules", json.dumps({old.version: old.bundle}).encode())
        await RulesArchive(tmp_path / "a", store).keep(new)  # type: ignore[arg-type]
        reader = RulesArchive(tmp_path / "b", store)  # type: ignore[arg-type]
        assert await reader.refresh()
        return reader

    reader = asyncio.run(run())
    assert reader.find(old.version) is not None
    assert reader.find(new.version) is not None


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


def test_the_rules_hold_the_policy_that_decides_on_remedies(tmp_path: Path) -> None:
    """Another price of satisfaction is another version of the rules, though no threshold has changed."""
    shipped = resources.files("cem.policies")
    for name in ("actions.yaml", "decision.yaml", "alerts.yaml"):
        (tmp_path / name).write_text(shipped.joinpath(name).read_text("utf-8"), "utf-8")
    same = read_rules(Settings.from_env({}, policies=tmp_path))
    assert same.version == read_rules(Settings.from_env({})).version
    text = (tmp_path / "decision.yaml").read_text("utf-8")
    (tmp_path / "decision.yaml").write_text(text.replace("per_point: 2000", "per_point: 100"), "utf-8")
    assert read_rules(Settings.from_env({}, policies=tmp_path)).version != same.version
    assert same.propose is not None


def test_a_remedy_that_the_catalogue_does_not_have_is_refused(tmp_path: Path) -> None:
    """With file, field and the nearest action."""
    (tmp_path / "alerts.yaml").write_text("promise: {remedy: {action: take_over_oder}}", "utf-8")
    with pytest.raises(
        SettingsError, match=r"promise\.remedy\.action: there is no action 'take_over_oder'; did"
    ):
        read_rules(Settings.from_env({}, policies=tmp_path))


def test_rules_of_before_decide_nothing(tmp_path: Path) -> None:
    """A version kept without the policy of next best actions is followed with the remedies that it names."""
    bundle = json.loads(rules_of(1000).bundle)
    for name in ("actions", "currency"):
        del bundle[name]
    (tmp_path / "old.json").write_text(json.dumps(bundle), "utf-8")

    async def run() -> RulesArchive:
        archive = RulesArchive(tmp_path, MemoryStore(1))  # type: ignore[arg-type]
        await archive.keep(rules_of(1000))
        return archive

    found = asyncio.run(run()).find("old")
    assert found is not None
    assert found.propose is None


def test_rules_of_actions_may_only_name_segments_that_there_are(tmp_path: Path) -> None:
    """Of the operator's own file or the shipped one, unless all files are his own; with file, line and the nearest."""
    shipped = resources.files("cem.policies")
    segments = "segments:\n  vip: {title: V, says: V., when: lines >= 5}\n"
    (tmp_path / "segments.yaml").write_text(segments, "utf-8")
    settings = Settings.from_env({}, policies=tmp_path)
    assert read_rules(settings).segments.names == ("vip",)
    actions = shipped.joinpath("actions.yaml").read_text("utf-8")
    for name, segment in (("vip", None), ("unresolved", None), ("vipp", "vip"), ("unresolvd", "unresolved")):
        (tmp_path / "actions.yaml").write_text(
            actions.replace("'silent_sufferer' in", f"'{name}' in"), "utf-8"
        )
        if segment is None:
            read_rules(settings)
            continue
        with pytest.raises(SettingsError, match=rf"actions\.yaml:\d+: .*did you mean '{segment}'"):
            read_rules(settings)
    (tmp_path / "decision.yaml").write_text(shipped.joinpath("decision.yaml").read_text("utf-8"), "utf-8")
    (tmp_path / "actions.yaml").write_text(actions, "utf-8")
    with pytest.raises(SettingsError, match="'unresolved' is never in segments"):
        read_rules(settings)


class CountedFolder(type(Path())):  # type: ignore[misc]
    """A folder that knows which of its files were read, and how often."""

    reads: ClassVar[Counter[str]] = Counter()

    def read_text(self, *args: Any, **given: Any) -> str:
        """Return the text, counted."""
        self.reads[self.name] += 1
        return str(super().read_text(*args, **given))


def test_what_is_decided_by_and_its_version_are_of_one_reading(tmp_path: Path) -> None:
    """Each file is read once: one that is saved meanwhile cannot give an answer another version than its rules have."""
    for file in resources.files("cem.policies").iterdir():
        if file.name.endswith(".yaml"):
            (tmp_path / file.name).write_text(file.read_text("utf-8"), "utf-8")
    folder = CountedFolder(tmp_path)
    folder.reads.clear()
    read_decision_rules(Settings.from_env({}, policies=folder))
    names = ("actions.yaml", "alerts.yaml", "decision.yaml", "segments.yaml", "value.yaml")
    assert folder.reads == dict.fromkeys(names, 1)
