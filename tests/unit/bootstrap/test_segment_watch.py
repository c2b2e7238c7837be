"""One worker adds up the segments of all lanes, for Prometheus."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry

from cem.bootstrap.lanes_watch import LanesWatch
from cem.bootstrap.segment_watch import segment_watch
from cem.domain.state.lane import LaneState
from cem.domain.state.segments import Standing, pack_standing
from cem.segments import count_move, load
from cem.streams.metrics_segments import SegmentCollector, SegmentFigures

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


def shown(watch: LanesWatch[SegmentFigures]) -> dict[str, float]:
    """Return the metrics' values by name and segment."""
    registry = CollectorRegistry()
    SegmentCollector(lambda: watch.seen, registry)
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
    watch = segment_watch(own_states, lambda: RULES, lambda: shows[0])
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
