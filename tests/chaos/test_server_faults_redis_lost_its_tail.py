"""Row 17 of the fault matrix: Redis is killed and the end of its append-only file is gone, from any byte on."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from tests.chaos.api_under_load import asked_in_long_runs
from tests.chaos.harness import Chaos
from tests.chaos.recovery import wait_every_lane
from tests.servers.child import wait_until
from tests.servers.redis import RedisServer, bundled_executable, system_executable

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


def file_size(redis: RedisServer) -> int:
    """Return how long the append-only file is."""
    return redis.append_only_file.stat().st_size


def grown(redis: RedisServer, before: int) -> bool:
    """Tell whether something was written since the file was so long."""
    return file_size(redis) > before


@pytest.mark.parametrize("which", ["system", "bundled"])
def test_row_17_redis_lost_its_tail(start_chaos: Callable[..., Chaos], which: str) -> None:
    """The lanes follow their journal from whichever save is left: the same history, told in the same words."""
    executable = system_executable() if which == "system" else bundled_executable()
    if executable is None:
        pytest.skip(f"no {which} redis-server")
    # Written anew by itself, the file would begin with what must not be cut.
    options = {"auto-aof-rewrite-percentage": 0}
    with RedisServer(executable=executable, options=options) as redis, start_chaos(redis=redis) as chaos:
        chaos.worker("a")
        lost = 0
        with asked_in_long_runs(chaos), chaos.produce(rate=2_000):
            # An empty lane would be refused: each has to keep at least one save.
            wait_every_lane(chaos)
            for _ in range(chaos.scale(3, 40)):
                kept = file_size(redis)
                wait_until(functools.partial(grown, redis, kept), timeout_s=60, what="something is saved")
                chaos.wait_seconds(0.1, 1.0)
                redis.kill()
                now = file_size(redis)
                lost += redis.truncate_append_only_file(chaos.draw.randrange(kept, now + 1))
                redis.start()
                # As docs/operations.md says: the open MULTI that the cut may have left would spoil the next start.
                redis.rewrite()
        assert lost > 0
        chaos.verify()
        assert "followed" in chaos.system.log("a")
