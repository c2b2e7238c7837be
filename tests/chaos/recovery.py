"""How long it takes until the lanes move again, judged by the requirement's own deadlines."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.chaos.harness import Chaos
from tests.servers.child import wait_until

__all__ = [
    "BROKER_BACK_S",
    "REDIS_BACK_S",
    "TAKEN_OVER_S",
    "WORKER_BACK_S",
    "lanes_move_within",
    "seconds_until_lanes_move",
    "wait_checkpoints",
    "wait_every_lane",
]

#: The requirement: the lanes move again within so many seconds after the server answers again.
REDIS_BACK_S = 5.0
BROKER_BACK_S = 10.0
#: The same after a worker was killed: when it is started again at once (lanes move before the library of the models is
#: imported, so the shorter one of the two deadlines holds), and when another one has to take over.
WORKER_BACK_S = 4.0
TAKEN_OVER_S = 15.0
#: A busy machine may make one try late; not three.
TRIES = 3


def seconds_until_lanes_move(chaos: Chaos, *, give_up_s: float = 60.0) -> float:
    """Return the seconds from now until each lane that has unread records has applied some of them.

    Both servers answer; somebody writes all the while.
    """
    began = time.monotonic()
    first = _by_lane(chaos.plain.positions())
    wanted = set(range(chaos.plain.settings.partitions))

    def moved() -> bool:
        now = _by_lane(chaos.plain.positions())
        wanted.difference_update({lane for lane in wanted if now.get(lane, 0) > first.get(lane, 0)})
        return not wanted

    wait_until(moved, timeout_s=give_up_s, what="every lane moves", every_s=0.05)
    return time.monotonic() - began


def lanes_move_within(limit_s: float, chaos: Chaos, fault: Callable[[], None]) -> float:
    """Return how long the lanes took to move after `fault`, which ends with the servers answering again.

    Raises AssertionError when they took longer than `limit_s` each time. One try is enough if it is in time.
    """
    taken: list[float] = []
    while not taken or (taken[-1] > limit_s and len(taken) < TRIES):
        fault()
        taken.append(seconds_until_lanes_move(chaos))
    print(f"{chaos.name}: lanes moved after {', '.join(f'{s:.2f}' for s in taken)} s", flush=True)
    assert taken[-1] <= limit_s, f"lanes moved after {taken} s, not within {limit_s} s"
    return taken[-1]


def wait_every_lane(chaos: Chaos, within_s: float = 60.0) -> None:
    """Return when every lane has made a save."""
    wait_until(
        lambda: len(chaos.plain.headers()) == chaos.plain.settings.partitions,
        timeout_s=within_s,
        what="every lane has made a save",
        every_s=0.1,
    )


def wait_checkpoints(chaos: Chaos, within_s: float = 60.0) -> None:
    """Return when every lane has a checkpoint that was begun after now."""
    after = time.time() + 1.0
    folder = chaos.plain.settings.checkpoints

    def written() -> bool:
        found = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_mtime > after]
        return len(found) >= chaos.plain.settings.partitions

    wait_until(written, timeout_s=within_s, what="every lane has its checkpoint", every_s=0.2)


def _by_lane(positions: dict[tuple[str, int], int]) -> dict[int, int]:
    sums: dict[int, int] = {}
    for (_, lane), position in positions.items():
        sums[lane] = sums.get(lane, 0) + position
    return sums
