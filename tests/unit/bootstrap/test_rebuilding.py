"""Processes that make lanes again beside a worker: how many there are, and what comes of those that fail."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cem.bootstrap.rebuilding import Rebuilders, processes_for
from cem.settings import Settings
from tests.servers.child import wait_until

#: Says in a file which lanes it was given; ends at lane 8, stands still at lane 9, takes its time otherwise.
_CHILD = """
import json, os, sys, time
settings = json.loads(sys.stdin.readline())
for line in sys.stdin:
    lane = int(line)
    with open(settings["state_dir"], "a") as said:
        said.write(f"{os.getpid()} {lane}\\n")
    if lane == 8:
        sys.exit(1)
    if lane == 9:
        time.sleep(60)
    print("moved", flush=True)
    time.sleep(0.05)
    print("done 3 30" if lane < 7 else "failed the store is away", flush=True)
"""


def rebuilders(
    tmp_path: Path, processes: int, left: Callable[[int], Awaitable[int]] | None = None
) -> tuple[Rebuilders, Path]:
    """Return those of a worker with so many processes, and the file in which these say their lanes."""

    async def much(lane: int) -> int:
        return 1_000

    said = tmp_path / "said"
    settings = Settings.from_env(
        {"CEM_STATE_DIR": str(said)}, rebuild_processes=processes, stuck_after_s=1, rebuild=True
    )
    return Rebuilders(settings, left or much, command=(sys.executable, "-c", _CHILD)), said


def lanes_by_process(said: Path) -> dict[str, list[int]]:
    """Return the lanes that each process was given."""
    found: dict[str, list[int]] = {}
    for line in said.read_text().splitlines():
        pid, lane = line.split()
        found.setdefault(pid, []).append(int(lane))
    return found


def is_running(pid: str) -> bool:
    """Tell whether there is a process of that number."""
    return Path(f"/proc/{pid}").exists()


def test_lanes_are_shared_by_the_processes(tmp_path: Path) -> None:
    """Each lane is made again once; there are as many processes as asked for, and none when the last lane is done."""

    async def scenario() -> dict[str, list[int]]:
        made, said = rebuilders(tmp_path, 2)
        await asyncio.gather(*(made.rebuild(lane) for lane in range(6)))
        return lanes_by_process(said)

    found = asyncio.run(scenario())
    assert sorted(lane for lanes in found.values() for lane in lanes) == list(range(6))
    assert len(found) == 2
    assert not any(map(is_running, found))


@pytest.mark.parametrize("lane", [7, 8, 9], ids=["says so", "ends", "stands still"])
def test_a_process_that_fails_leaves_the_lane_to_the_worker(tmp_path: Path, lane: int) -> None:
    """The worker goes on to open the lane; other lanes are made again beside it as before."""

    async def scenario() -> dict[str, list[int]]:
        made, said = rebuilders(tmp_path, 1)
        await asyncio.gather(made.rebuild(lane), made.rebuild(1))
        return lanes_by_process(said)

    found = asyncio.run(scenario())
    assert sorted(one for lanes in found.values() for one in lanes) == [1, lane]
    assert not any(map(is_running, found))


def test_a_lane_that_is_taken_away_ends_its_process(tmp_path: Path) -> None:
    """What goes on would be in the way of the lane's next owner."""

    async def scenario() -> dict[str, list[int]]:
        made, said = rebuilders(tmp_path, 1)
        task = asyncio.create_task(made.rebuild(9))
        await asyncio.to_thread(wait_until, said.exists, timeout_s=20, what="it has the lane")
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        return lanes_by_process(said)

    assert not any(map(is_running, asyncio.run(scenario())))


def test_little_is_followed_by_the_worker_itself(tmp_path: Path) -> None:
    """Nobody starts a process for a few saves, unless so many processes were asked for, and never for none."""

    async def scenario() -> tuple[bool, bool, bool]:
        async def few(lane: int) -> int:
            return lane

        by_default, said = rebuilders(tmp_path, 0, few)
        await by_default.rebuild(10)
        first = said.exists()
        asked_for, _ = rebuilders(tmp_path, 2, few)
        await asked_for.rebuild(0)
        second = said.exists()
        await asked_for.rebuild(5)
        return first, second, said.exists()

    assert asyncio.run(scenario()) == (False, False, True)


def test_one_process_means_none_beside() -> None:
    """By default there is one a core."""
    assert processes_for(Settings.from_env({}, rebuild_processes=1)) == 1
    assert processes_for(Settings.from_env({})) >= 1
