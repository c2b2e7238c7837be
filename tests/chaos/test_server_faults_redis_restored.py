"""Row 21 of the fault matrix: an old backup of Redis is put in its place, or an empty one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.api_under_load import asked_in_long_runs
from tests.chaos.harness import Chaos
from tests.chaos.quiet_load import quiet_messages
from tests.chaos.recovery import seconds_until_lanes_move, wait_checkpoints, wait_every_lane
from tests.chaos.verify import read_states

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


def test_row_21_an_old_backup_is_restored(start_chaos: Callable[..., Chaos], tmp_path: Path) -> None:
    """Lanes that run, and lanes that start, catch up by themselves from however old a store."""
    backup = tmp_path / "backup"
    backup.mkdir()
    with start_chaos() as chaos:
        chaos.worker("a")
        with asked_in_long_runs(chaos), chaos.produce(rate=chaos.scale(2_000, 800)) as producer:
            wait_every_lane(chaos)
            chaos.redis.backup(backup)
            for _ in range(chaos.scale(1, 8)):
                producer.wait_written(producer.written + chaos.scale(2_000, 10_000))
                put_back(chaos, backup)
                # The backup is older each time: more of the journal is to be followed first.
                seconds_until_lanes_move(chaos, give_up_s=chaos.scale(60, 600))
            assert "followed" in chaos.system.log("a")
            chaos.stop_workers()
            put_back(chaos, backup)
            chaos.worker("b")
            seconds_until_lanes_move(chaos, give_up_s=chaos.scale(60, 600))
        chaos.verify()
        assert "followed" in chaos.system.log("b")


def put_back(chaos: Chaos, backup: Path) -> None:
    """Kill Redis and start it with the backup in its place."""
    chaos.redis.kill()
    chaos.redis.restore(backup)
    chaos.redis.start()


def test_row_21_an_empty_redis_is_rebuilt(start_chaos: Callable[..., Chaos]) -> None:
    """It is refused until somebody asks for a rebuild; then checkpoint and journal give the same digest."""
    with start_chaos(checkpoint_every_s=2) as chaos:
        chaos.worker("a")
        before_it, after_it = chaos.scale((1_000, 2_000), (50_000, 400_000))

        def produce(first: int, stop: int) -> None:
            chaos.plain.produce(
                quiet_messages(first, stop, customers=chaos.scale(400, 10_000), seed=chaos.seed)
            )

        produce(0, before_it)
        chaos.plain.wait_read(600)
        wait_checkpoints(chaos)
        chaos.stop_workers()
        # The newest checkpoint stays as old as it is: what follows is in the journal alone.
        chaos.worker("a", CEM_CHECKPOINT_EVERY_S="0")
        produce(before_it, before_it + after_it)
        chaos.plain.wait_read(600)
        chaos.stop_workers()
        before = read_states(chaos.plain.settings).digest
        chaos.redis.kill()
        chaos.redis.remove_data()
        chaos.redis.start()
        refused = chaos.worker("a")
        assert refused.wait(60) == 1
        assert "the store is empty" in chaos.system.log("a")
        began = time.monotonic()
        chaos.worker("a", CEM_REBUILD="1", CEM_REBUILD_PROCESSES="2")
        chaos.plain.wait_read(600)
        taken_s = time.monotonic() - began
        chaos.stop_workers()
        assert re.search(r"followed [1-9]\d* saves \(\d+ records\) beside the worker", chaos.system.log("a"))
        assert read_states(chaos.plain.settings).digest == before
        print(
            f"{chaos.name}: {after_it} records of the journal in {taken_s:.1f} s, start of the worker included",
            flush=True,
        )
        chaos.verify()
