"""One worker adds up the segments of all lanes, for Prometheus."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry

from cem.bootstrap.segment_watch import SegmentWatch
from cem.domain.state.lane import LaneState
from cem.domain.state.segments import Standing, pack_standing
from cem.ports import Unavailable
from cem.segments import count_move, load
from cem.streams.metrics_segments import SegmentCollector

RULES = load(
    """
segments:
  fan: {title: Fans, says: Fans., when: last_nps >= 9}
  new_customer: {title: New, says: New., when: tenure_days < 90.0}
"""
)


def own_state(lane: int, *standings: Standing) -> bytes:
    """Return a lane's own state with customers who stand so."""
    state = LaneState(lane)
    for standing in standings:
        count_move(state, standing.key, RULES.names, b"", pack_standing(standing))
    return state.encode()


def shown(watch: SegmentWatch) -> dict[str, float]:
    """Return the metrics' values by name and segment."""
    registry = CollectorRegistry()
    SegmentCollector(lambda: watch.figures, registry)
    return {
        f"{sample.name}{{{sample.labels.get('segment', '')}}}": sample.value
        for family in registry.collect()
        for sample in family.samples
    }


async def own_states() -> list[bytes | None]:
    """Return three lanes, one of which has nothing yet."""
    happy = Standing(0, RULES.key, 450, 100, 2_000, {0: 1})
    unknown = Standing(0, RULES.key, -1, -1, 500, {0: 1})
    return [
        own_state(0, happy, unknown),
        None,
        own_state(2, happy, Standing(0, RULES.key ^ 1, -1, -1, 0, {})),
    ]


def test_the_lanes_are_added_up_while_it_is_this_worker_that_shows() -> None:
    """A segment without customers is 0 and has no average; elsewhere nothing is shown."""
    shows = [True]
    watch = SegmentWatch(own_states, lambda: RULES, lambda: shows[0])
    asyncio.run(watch.look())
    assert shown(watch) == {
        "cem_segment_customers{fan}": 3,
        "cem_segment_customers{new_customer}": 0,
        "cem_segment_value_minor{fan}": 4_500,
        "cem_segment_value_minor{new_customer}": 0,
        "cem_segment_csat{fan}": 4.5,
        "cem_segment_churn_risk{fan}": 0.1,
        "cem_segment_other_rules_customers{}": 1,
    }
    shows[0] = False
    asyncio.run(watch.look())
    assert shown(watch) == {}


def test_figures_do_not_outlive_a_store_that_is_away() -> None:
    """They would pass for the present ones."""

    asked = asyncio.Event()

    async def away() -> list[bytes | None]:
        asked.set()
        raise Unavailable("Redis is away")

    async def scenario() -> None:
        watch = SegmentWatch(own_states, lambda: RULES, lambda: True)
        await watch.look()
        assert watch.figures is not None
        watch._own_states = away
        running = asyncio.create_task(watch.run())
        await asked.wait()
        await asyncio.sleep(0)
        assert watch.figures is None
        running.cancel()

    asyncio.run(scenario())
