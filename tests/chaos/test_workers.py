"""What may happen to workers, and leaves the states as the log says: rows 1 to 7 of the matrix in docs/chaos.md."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cem import lane_memory, pipeline
from tests.chaos.harness import Chaos, is_long
from tests.chaos.kills import state_of
from tests.servers.child import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]

#: Every place of the pipeline at which a worker can be told to die, as its sources have them.
CRASH_POINTS = sorted(
    {
        point
        for module in (pipeline, lane_memory)
        for point in re.findall(r'_at_point\("([a-z-]+)"\)', Path(module.__file__).read_text())
    }
)
#: An orderly stop takes no longer, whatever is away (s).
STOP_WITHIN_S = 10.0
#: A worker that was blocked has been replaced within this time (s).
REPLACED_WITHIN_S = 60.0


def test_row_01_workers_killed_at_random(start_chaos: Callable[..., Chaos]) -> None:
    """SIGKILL of any worker at any moment loses nothing, doubles nothing, and says nothing in two ways."""
    with start_chaos() as chaos:
        names = chaos.scale(["a", "b"], ["a", "b", "c"])
        kills, records = chaos.scale((5, 0), (300, 600_000))
        for name in names:
            chaos.worker(name)
        chaos.wait_lanes("a")
        said = 0
        with chaos.produce(rate=chaos.scale(2_500, 800), chunk=chaos.scale(200, 80)) as producer:
            while chaos.kills.sigkills < kills or producer.written < records:
                # Some of them often, before the last one is back; then one in the midst of its work.
                for _ in range(chaos.draw.randrange(0, chaos.scale(2, 4))):
                    chaos.kill(chaos.draw.choice(names))
                    chaos.wait_seconds(0.1, 1.0)
                chaos.wait_moving()
                # Long: kills that meet a system at work, not one that is still starting.
                chaos.wait_more(chaos.draw.randrange(*chaos.scale((0, 1), (300, 4_000))))
                chaos.wait_seconds(0.0, 1.0)
                chaos.kill(chaos.draw.choice(names))
                if chaos.kills.sigkills >= said + 25:
                    said = chaos.kills.sigkills
                    chaos.say_progress()
        counters = chaos.verify()
        assert chaos.kills.sigkills >= kills
        assert counters.records >= records
        assert counters.emissions > 0
        assert counters.ticks > 0


def test_row_02_worker_ends_at_each_crash_point(start_chaos: Callable[..., Chaos]) -> None:
    """A worker that dies between any two awaits of the pipeline leaves a lane that the next one goes on with."""
    # What is published again was saved and not published: that point needs its forerunner.
    points = [point for point in CRASH_POINTS if point != "republished"]
    assert len(points) == len(CRASH_POINTS) - 1 >= 5, CRASH_POINTS
    with start_chaos(partitions=6) as chaos:
        with chaos.produce(rate=1_500):
            for _ in range(chaos.scale(1, 15)):
                for group in (points, ["saved"], ["republished"]):
                    dying = {}
                    for point in group:
                        nth = 1 if len(group) == 1 else chaos.draw.randrange(1, chaos.scale(5, 40))
                        dying[f"{point}:{nth}"] = chaos.worker(f"w-{point}", CEM_CRASH_AT=f"{point}:{nth}")
                    for name, worker in dying.items():
                        assert chaos.kills.ended_by_itself(worker, name, chaos.scale(60, 300)) == 137, name
        chaos.verify()


def test_row_03_sigterm_in_the_middle_of_a_batch(start_chaos: Callable[..., Chaos]) -> None:
    """SIGTERM ends a worker within 10 s and in good order: with all up, and with Redis, Kafka or both dead."""
    with start_chaos() as chaos:
        servers = {"kafka": chaos.kafka, "redis": chaos.redis}
        dead = [(), ("redis",), ("kafka", "redis")]
        for names in chaos.scale(dead, [*dead, ("kafka",), *dead]):
            chaos.produce_now(chaos.scale(6_000, 60_000))
            worker = chaos.worker("w")
            chaos.wait_moving()
            for name in names:
                servers[name].kill()
            if names:
                # Long enough that calls are under way to servers that are gone.
                chaos.wait_seconds(0.2, 1.5)
            began = time.monotonic()
            entry = chaos.kills.send(worker, f"w, dead: {names or 'nothing'}", signal.SIGTERM, wait_s=30)
            took_s = time.monotonic() - began
            assert entry.alive
            assert (entry.returncode, took_s <= STOP_WITHIN_S) == (0, True), f"{took_s:.1f} s"
            for name in names:
                servers[name].start()
        chaos.verify()


def test_row_04_zombie_comes_back_in_the_middle_of_a_save(start_chaos: Callable[..., Chaos]) -> None:
    """A worker frozen past its session, before or after its journal entry or its save, changes nothing afterwards."""
    with start_chaos(partitions=6) as chaos:
        with chaos.produce(rate=chaos.scale(800, 2_000)):
            zombies_come_back(chaos, chaos.scale(1, 8))
        chaos.verify()


def zombies_come_back(chaos: Chaos, rounds: int) -> None:
    """Freeze workers at four points, give all that they held to another one, and let them go on."""
    for round_ in range(rounds):
        at = {
            f"zombie-{round_}-{point}": point for point in ("loaded", "before-journal", "journalled", "saved")
        }
        for name, point in at.items():
            # Who has all its customers in memory loads no more: that point is passed a few times only.
            passed = chaos.draw.randrange(1, 4) if point == "loaded" else chaos.draw.randrange(3, 25)
            chaos.odd_worker(name, f"freeze:{point}:{passed}")
        zombies = {name: chaos.workers[name] for name in at}
        for name, process in zombies.items():
            wait_until(
                lambda process=process: state_of(process.pid) == "T",
                timeout_s=60,
                what=f"{name} is frozen",
            )
        # Everything that a zombie held is somebody else's by the time it wakes up.
        chaos.worker("heir")
        chaos.wait_lanes("heir")
        applied = chaos.plain.positions()
        wait_until(
            lambda applied=applied: lanes_moved(applied, chaos.plain.positions()) == 6,
            timeout_s=60,
            what="the heir has moved every lane",
        )
        for name, process in zombies.items():
            chaos.kills.send(process, name, signal.SIGCONT)
        # By its word, not by a clock: on a busy machine a process that goes on gets no CPU for seconds.
        wait_until(
            lambda at=at: any("another owner saved it" in chaos.system.log(name) for name in at),
            timeout_s=30,
            what="a zombie has noticed that it is one",
        )
        chaos.wait_seconds(1.0, 3.0)
        chaos.stop_workers()


def test_row_05_two_owners(start_chaos: Callable[..., Chaos]) -> None:
    """Two workers that each own all lanes, for a long time, leave one history; who loses leaves or gives way."""
    with start_chaos() as chaos:
        with chaos.produce(rate=1_000):
            groups = {
                "one": f"{chaos.system.settings.group}-one",
                "two": f"{chaos.system.settings.group}-two",
            }
            left: list[str] = []
            for name, group in groups.items():
                chaos.worker(name, CEM_GROUP=group)
            for name in groups:
                chaos.wait_lanes(name)
            until = time.monotonic() + chaos.scale(8, 180)
            while time.monotonic() < until:
                for name, group in groups.items():
                    if chaos.workers[name].poll() is not None:
                        assert chaos.kills.ended_by_itself(chaos.workers[name], name) == 1
                        left.append(name)
                        # As whoever watches over processes does: start it again, after a moment.
                        time.sleep(1.0)
                        chaos.worker(name, CEM_GROUP=group)
                time.sleep(0.1)
        logs = chaos.system.log("one") + chaos.system.log("two")
        assert "another owner saved it" in logs
        if left:
            assert "was saved by another worker" in logs
        chaos.verify()


def test_row_06_rebalance_storm(start_chaos: Callable[..., Chaos]) -> None:
    """Workers that join and leave all the time, in an orderly way or not, hand their lanes over whole."""
    with start_chaos(partitions=6) as chaos:
        chaos.worker("stays")
        chaos.wait_lanes("stays")
        with chaos.produce(rate=1_000):
            for number in range(chaos.scale(5, 50)):
                guests = [name for name in chaos.workers if name != "stays"]
                if guests and (len(guests) >= 3 or chaos.draw.random() < 0.4):
                    name = chaos.draw.choice(guests)
                    if chaos.draw.random() < 0.3:
                        chaos.kill(name, restart=False)
                    else:
                        chaos.kills.send(chaos.workers.pop(name), name, signal.SIGTERM)
                else:
                    chaos.worker(f"guest-{number}")
                chaos.wait_seconds(*chaos.scale((0.5, 2.5), (2.0, 5.0)))
        chaos.verify()


def test_row_07_blocked_loop(start_chaos: Callable[..., Chaos]) -> None:
    """A worker whose loop is blocked leaves with code 70 and its stacks; its lanes move again within a minute."""
    settings = {} if is_long() else {"stuck_after_s": 5}
    with start_chaos(**settings) as chaos:
        with chaos.produce(rate=800):
            loops_are_blocked(chaos, chaos.scale(1, 3))
        chaos.verify()


def loops_are_blocked(chaos: Chaos, rounds: int) -> None:
    """Block the loop of a worker in the middle of a step until its watchdog ends it, while another takes over."""
    for round_ in range(rounds):
        name = f"blocked-{round_}"
        blocked = chaos.odd_worker(name, f"block:{chaos.draw.randrange(5, 40)}:120")
        wait_until(
            lambda name=name: "blocked\n" in chaos.system.log(name),
            timeout_s=60,
            what=f"{name} is blocked",
        )
        began = time.monotonic()
        chaos.worker("heir")
        before = chaos.plain.positions()
        wait_until(
            lambda before=before: lanes_moved(before, chaos.plain.positions()) == 4,
            timeout_s=REPLACED_WITHIN_S,
            what="all lanes move again",
            every_s=0.2,
        )
        assert time.monotonic() - began <= REPLACED_WITHIN_S
        assert chaos.kills.ended_by_itself(blocked, name) == 70
        log = chaos.system.log(name)
        assert "the event loop has not come round" in log
        assert "Current thread" in log or "Thread 0x" in log
        chaos.stop_workers()


def lanes_moved(before: dict[tuple[str, int], int], after: dict[tuple[str, int], int]) -> int:
    """Return how many lanes have applied more than before."""
    return len({lane for (topic, lane), offset in after.items() if offset > before.get((topic, lane), 0)})
