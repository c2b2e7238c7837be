"""A world that is kept goes on as if it had not stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from cem.simulator import Offered, Parameters, World, answer, open_world
from cem.simulator.keeping import Keeper, KeeperBusy
from cem.simulator.snapshot import SnapshotError, freeze, thaw

PARAMETERS = Parameters(customers=40, seed=9, questions_per_week=2.0)


def world_at(day: float) -> World:
    world = open_world(PARAMETERS, live_from_day=10)
    world.advance(PARAMETERS.start_ms + int(day * 86_400_000))
    return world


@pytest.mark.parametrize("day", [0.0, 3.4, 20.7])
def test_a_thawed_world_is_the_frozen_one(day: float) -> None:
    """What it says from then on is the same, in the middle of a day and of calls too."""
    world = world_at(day)
    raw = freeze(world)
    again = thaw(raw)
    assert freeze(again) == raw
    end = world.now_ms + 6 * 86_400_000
    assert again.advance(end) == world.advance(end)
    assert freeze(again) == freeze(world)


def test_a_snapshot_that_is_none_is_refused_with_a_sentence() -> None:
    """Neither noise nor another version is read."""
    with pytest.raises(SnapshotError, match="cannot be read"):
        thaw(b"\x81\xa1anything")
    raw = freeze(world_at(1.0))
    assert raw.count(b"\xa7version\x01") == 1
    with pytest.raises(SnapshotError, match="version 9"):
        thaw(raw.replace(b"\xa7version\x01", b"\xa7version\x09"))


def live_on(world: World, keeper: Keeper | None, days: float) -> list[object]:
    """Advance in steps of an hour; answer every ask."""
    said: list[object] = []
    end = world.now_ms + int(days * 86_400_000)
    while world.now_ms < end:
        to_ms = min(end, world.now_ms + 3_600_000)
        if keeper is not None:
            keeper.advanced(to_ms)
        said += world.advance(to_ms)
        for ask in world.take_asks():
            offered = [Offered("just_help")]
            if keeper is not None:
                keeper.answered(ask, f"d-{ask.call_id}", offered)
            answer(world, ask, f"d-{ask.call_id}", offered)
    return said


def test_after_a_kill_the_journal_makes_the_lost_part_again(tmp_path: Path) -> None:
    """Snapshot and journal give the same world, and the same events to be sent again."""
    keeper = Keeper(tmp_path)
    keeper.begin("log-1")
    world = world_at(12.0)
    keeper.keep(world)
    said = live_on(world, keeper, 3.0)
    keeper.close()
    resumed = Keeper(tmp_path).resume("log-1")
    assert resumed is not None
    assert resumed.events == said
    assert resumed.again
    end = world.now_ms + 86_400_000
    world.take_outcomes()
    assert resumed.world.advance(end) == world.advance(end)


def test_a_cut_last_line_of_the_journal_is_left_out(tmp_path: Path) -> None:
    """A process killed in the middle of a line loses that line only."""
    keeper = Keeper(tmp_path)
    keeper.keep(world_at(12.0))
    keeper.advanced(PARAMETERS.day_start_ms(13))
    keeper.close()
    journal = next(tmp_path.glob("journal-*.jsonl"))
    journal.write_bytes(journal.read_bytes() + b'{"advance_ms":17')
    resumed = Keeper(tmp_path).resume()
    assert resumed is not None
    assert resumed.world.now_ms == PARAMETERS.day_start_ms(13)


def test_a_world_belongs_to_its_log(tmp_path: Path) -> None:
    """With history wanted, a world whose events went to another log is not gone on with; without, it is."""
    keeper = Keeper(tmp_path)
    keeper.begin("log-1")
    keeper.keep(world_at(2.0))
    keeper.close()
    assert Keeper(tmp_path).resume("log-2") is None
    assert Keeper(tmp_path).resume("log-1") is not None
    assert Keeper(tmp_path).resume() is not None


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """A second one is told so; after the first has gone it may."""
    first, second = Keeper(tmp_path), Keeper(tmp_path)
    first.lock()
    with pytest.raises(KeeperBusy):
        second.lock()
    first.close()
    second.lock()
    second.close()


def test_old_snapshots_go(tmp_path: Path) -> None:
    """The folder holds one world and one journal."""
    keeper = Keeper(tmp_path)
    world = world_at(1.0)
    for _ in range(3):
        keeper.keep(world)
    keeper.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal-3.jsonl", "world-3.msgpack"]
    keeper.forget()
    assert Keeper(tmp_path).resume() is None
