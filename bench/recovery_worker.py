"""A worker that says when it comes to what: seconds since it was started (`BENCH_BEGAN`, wall) and CPU seconds so far.

python -m bench.recovery_worker --worker-id NAME
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

__all__: list[str] = []

_said: set[str] = set()


def say(what: str) -> None:
    """Print a line of the timeline, once."""
    if what not in _said:
        _said.add(what)
        since_s = time.time() - float(os.environ["BENCH_BEGAN"])
        print(f"TIMELINE {since_s:.3f} {time.process_time():.3f} {what}", flush=True)


def after(owner: Any, name: str, what: str | Callable[..., str]) -> None:
    """Have `what` said whenever the coroutine function `name` of `owner` is over."""
    plain = getattr(owner, name)

    async def watched(*args: Any, **kwargs: Any) -> Any:
        result = await plain(*args, **kwargs)
        say(what if isinstance(what, str) else what(*args))
        return result

    setattr(owner, name, watched)


def main() -> int:
    """Run the worker, watched."""
    say("Python runs")
    import cem.cli.worker

    say("the command is imported")
    import cem.agents.worker

    say("Faust and aiokafka are imported")
    import cem.bootstrap.worker
    from cem.bootstrap.brakes import Brakes
    from cem.streams import model_watch, topic_admin
    from cem.streams.consumer_thread import ConsumerThread
    from cem.streams.lane import Lane
    from cem.streams.lanes import LaneSet

    say("everything is imported")
    after(cem.cli.worker, "require_redis", "Redis answers")
    after(cem.cli.worker, "require_kafka", "Kafka answers")
    after(topic_admin, "describe_topics", "topics are checked")
    after(Brakes, "start", "rules are read, brakes known")
    after(ConsumerThread, "on_start", "the consumer is connected")
    after(LaneSet, "assigned", "lanes are assigned")
    after(Lane, "_open", "the first lane is open")
    after(Lane, "_apply", "the first lane has moved")
    after(cem.bootstrap.worker, "lanes_moving", "all lanes have moved")
    plain = model_watch._new_shelf

    def shelf() -> Any:
        made = plain()
        say("River is imported")
        return made

    model_watch._new_shelf = shelf
    from cem.cli import main as command

    sys.argv = ["cem", "worker", *sys.argv[1:]]
    return command()


if __name__ == "__main__":
    sys.exit(main())
