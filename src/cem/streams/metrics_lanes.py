"""How the lanes of a worker are, read when Prometheus asks."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cem.streams.lane import Lane
from cem.streams.lanes import LaneSet

__all__ = ["LaneCollector"]

STATES = ("open", "opening", "stopped")


class LaneCollector(Collector):
    """Looks at the lanes from the thread of the metrics' port: it only reads, and takes copies first."""

    def __init__(self, lanes: LaneSet, registry: CollectorRegistry) -> None:
        self._lanes = lanes
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families as they are now."""
        lanes = list(self._lanes.lanes.values())
        counts = dict.fromkeys(STATES, 0)
        by_state = GaugeMetricFamily("cem_lanes", "Lanes of this worker, by state.", labels=("state",))
        stopped = GaugeMetricFamily(
            "cem_lane_stopped",
            "1 for a lane that waits for a person's decision; the log says why.",
            labels=("lane",),
        )
        waiting = GaugeMetricFamily(
            "cem_lane_waiting", "1 while the lane waits for Kafka or Redis to come back.", labels=("lane",)
        )
        paused = GaugeMetricFamily(
            "cem_partition_paused",
            "1 for a partition that is not read on because of its dead letters.",
            labels=("topic", "partition"),
        )
        cached = GaugeMetricFamily("cem_cached_states", "Customers' states held in memory.")
        states = 0
        for lane in lanes:
            counts[state_of(lane)] += 1
            number = str(lane.number)
            stopped.add_metric([number], float(lane.stopped is not None))
            waiting.add_metric([number], float(lane.waiting_for is not None))
            states += lane.pipeline.cached
            for topic in lane.partitions:
                paused.add_metric([topic, number], float(lane.pipeline.paused(topic) is not None))
        for state, count in counts.items():
            by_state.add_metric([state], count)
        cached.add_metric([], states)
        yield from (by_state, stopped, waiting, paused, cached)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield nothing, so that registering does not look at the lanes."""
        return iter(())


def state_of(lane: Lane) -> str:
    """Return "stopped", "opening" (which includes following the journal) or "open"."""
    if lane.stopped is not None:
        return "stopped"
    return "open" if lane.pipeline.is_open else "opening"
