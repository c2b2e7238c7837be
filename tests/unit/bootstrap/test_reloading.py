"""Changed policy files are taken up while a worker runs; a mistake leaves the rules as they are."""

from __future__ import annotations

import asyncio
import os
from importlib import resources
from pathlib import Path

import pytest

from cem.bootstrap import RulesArchive, make_stepper, read_rules
from cem.bootstrap.reloading import RulesWatch
from cem.domain.events import SurveyAnswered, encode
from cem.domain.restraint import NOTHING
from cem.ports import LaneStopped, Unavailable
from cem.settings import Settings
from cem.step import CemStepper
from cem.step_rules import Rules
from cem.stores import MemoryCore, MemoryStore
from cem.streams.dead_letters import dead_letter
from tests.builders.customers import HOUR, T0
from tests.builders.one_lane import LANE, OneLane
from tests.builders.records import LogRecord

FANS = "segments:\n  fan: {title: Fans, says: Fans., when: last_nps >= %d}\n"


class Folder:
    """A folder of policies with one file of its own, and the watch of a worker that began with it."""

    def __init__(self, path: Path, store: MemoryStore | None = None) -> None:
        self.path = path / "policies"
        self.path.mkdir()
        self._at = 0
        self.write("segments.yaml", FANS % 9)
        self.settings = Settings.from_env({}, policies=self.path)
        self.rules = read_rules(self.settings)
        self.taken_up: list[Rules] = []
        self.store = store or MemoryStore(1)
        self.archive = RulesArchive(path / "rules", self.store)  # type: ignore[arg-type]
        self.watch = RulesWatch(
            self.settings, self.rules, read=read_rules, keep=self.archive.keep, use=self.taken_up.append
        )

    def write(self, name: str, text: str) -> None:
        """Write a file; its time is another each time, whatever the file system's clock knows."""
        (self.path / name).write_text(text, "utf-8")
        self._at += 1
        os.utime(self.path / name, (self._at, self._at))

    def look(self) -> None:
        """Look as often as it takes to believe what the files say."""

        async def twice() -> None:
            await self.watch.look()
            await self.watch.look()

        asyncio.run(twice())


def test_a_changed_file_holds_once_it_is_the_same_twice(tmp_path: Path) -> None:
    """As a version that is kept before it is used; what is written again as it was changes nothing."""
    folder = Folder(tmp_path)
    folder.look()
    assert folder.taken_up == []
    folder.write("segments.yaml", FANS % 8)
    asyncio.run(folder.watch.look())
    assert folder.taken_up == []
    asyncio.run(folder.watch.look())
    (rules,) = folder.taken_up
    assert rules is folder.watch.rules
    assert rules.segments.segments[0].rule.source == "last_nps >= 8"
    assert folder.archive.find(rules.version) is rules
    folder.write("segments.yaml", FANS % 8)
    folder.look()
    assert folder.taken_up == [rules]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("segments.yaml", "segments:\n  fan: {title: F, says: F., when: last_np >= 9}\n", "segments.yaml:2: fan: there is no fact 'last_np'; did you mean 'last_nps'?"),
        ("segments.yaml", "segments:\n  fan: {title: F, says: F., when: plan > 9}\n", "segments.yaml:2: fan: '>' compares unlike types"),
        ("alerts.yaml", "version: 1\nrepeat_call:\n  window_dys: 7\n", "alerts.yaml:3: there is no field 'window_dys' in repeat_call; did you mean 'window_days'?"),
        ("alerts.yaml", "repeat_call:\n\n  window_days: 700\n", "alerts.yaml:3: repeat_call.window_days must be from 1 to 30, not 700"),
        ("alerts.yaml", "repeat_call:\n  window_days: often\n", "alerts.yaml:2: repeat_call.window_days: expected `int`"),
        ("alerts.yaml", "sms_allowance:\n\n  percents: [eighty]\n", "alerts.yaml:3: sms_allowance.percents[0]: expected `int`"),
        ("alerts.yaml", "repeat_call: [\n", "alerts.yaml:2: not YAML"),
        ("alerts.yaml", "promise:\n  remedy: {action: take_over_oder}\n", "alerts.yaml:2: promise.remedy.action: there is no action 'take_over_oder'; did you mean"),
        ("alerts.yaml", "ledger:\n  duty: [sms_money, sms_alowance]\n", "alerts.yaml:2: ledger.duty: there is no type of alert 'sms_alowance'; did you mean 'sms_allowance'?"),
        ("value.yaml", "margin_shar: 0.5\n", "value.yaml:1: there is no field 'margin_shar'; did you mean 'margin_share'?"),
        ("actions.yaml", "{}", "actions.yaml:1: "),
    ],
)  # fmt: skip
def test_a_mistake_leaves_the_rules_as_they_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, text: str, said: str
) -> None:
    """It is named with file, line and the nearest known name, once; a file that is mended holds."""
    folder = Folder(tmp_path)
    folder.write(name, text)
    folder.look()
    folder.look()
    assert folder.taken_up == []
    assert folder.watch.rules is folder.rules
    assert f"{folder.path}/{said}" in folder.watch.refused
    assert len([r for r in caplog.records if "are refused" in r.message]) == 1
    (folder.path / name).unlink()
    folder.write("segments.yaml", FANS % 7)
    folder.look()
    assert [r.segments.segments[0].rule.source for r in folder.taken_up] == ["last_nps >= 7"]
    assert folder.watch.refused == ""


def test_rules_that_cannot_be_kept_do_not_hold_yet(tmp_path: Path) -> None:
    """A save under rules that nobody could find again must not be made; they hold when the store is back."""

    class Away(MemoryStore):
        is_away = False

        async def get_raw(self, key: str) -> bytes | None:
            if self.is_away:
                raise Unavailable("Redis is away")
            return await super().get_raw(key)

    store = Away(1)
    folder = Folder(tmp_path, store)
    folder.write("segments.yaml", FANS % 8)
    store.is_away = True
    folder.look()
    assert (folder.taken_up, folder.watch.refused) == ([], "")
    store.is_away = False
    folder.look()
    assert len(folder.taken_up) == 1


def test_the_shipped_policies_are_not_watched(tmp_path: Path) -> None:
    """Without a folder of one's own there is nothing that could change: the watch ends."""
    settings = Settings()
    rules = read_rules(settings)
    archive = RulesArchive(tmp_path, MemoryStore(1))  # type: ignore[arg-type]
    watch = RulesWatch(settings, rules, read=read_rules, keep=archive.keep, use=lambda rules: None, every_s=0)
    asyncio.run(asyncio.wait_for(watch.run(), 10))
    assert resources.files("cem.policies").joinpath("segments.yaml").is_file()


def answers(count: int) -> list[LogRecord]:
    """Return an answer of each of so many customers, which makes a fan under one of the rules only."""
    records = []
    for n in range(count):
        headers, value = encode(
            SurveyAnswered(about="c", nps=8), id=f"s{n}", source="t", time_ms=T0, customer_id=f"C{n}"
        )
        records.append(LogRecord("cem.surveys", LANE, n, T0, f"C{n}".encode(), value, headers))
    return records


def test_a_version_taken_up_between_two_batches_is_followed_by_a_worker_that_did_not_know_it(
    tmp_path: Path,
) -> None:
    """Its archive finds the version in the store once it is refreshed; the states are the same bytes."""
    folder = Folder(tmp_path)
    lane = OneLane()
    other = RulesArchive(tmp_path / "other", folder.store)  # type: ignore[arg-type]

    async def scenario() -> None:
        await folder.archive.keep(folder.rules)
        await other.keep(folder.rules)
        stepper = make_stepper(folder.rules, 1, folder.archive)
        folder.watch._use = stepper.use
        lane.stepper = stepper
        records = answers(4)
        topic = records[0].topic
        lane.inputs[topic] = records
        pipeline = lane.owner()
        await pipeline.open()
        await pipeline.apply(topic, records[:2], T0 + HOUR)
        folder.write("segments.yaml", FANS % 8)
        await folder.watch.look()
        await folder.watch.look()
        await pipeline.apply(topic, records[2:], T0 + HOUR)
        before = lane.ended()
        names = {folder.rules.version, folder.watch.rules.version}
        assert {entry.versions["rules"] for entry in lane.entries} == names
        lane.stepper = CemStepper(
            folder.rules,
            dead_letter=dead_letter,
            lane_of=lambda customer_id: LANE,
            find_rules=other.find,
            restraint=lambda: NOTHING,
        )
        core = MemoryCore()
        with pytest.raises(LaneStopped, match="not to be found"):
            await lane.owner(core=core).open()
        assert await other.refresh()
        assert not await other.refresh()
        core = MemoryCore()
        await lane.owner(core=core).open()
        assert lane.ended(core) == before

    asyncio.run(scenario())
