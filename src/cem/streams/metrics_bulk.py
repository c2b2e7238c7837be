"""A Prometheus histogram that takes a whole batch of values at once: exact counts at a tenth of a microsecond a value."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

__all__ = ["BulkHistogram", "cumulated"]


class _Series:
    __slots__ = ("buckets", "sum_s")

    def __init__(self, buckets: int) -> None:
        self.buckets = [0] * buckets
        self.sum_s = 0.0


class BulkHistogram(Collector):
    """Counts ages in seconds, which it is given as times in milliseconds and the moment to measure them from."""

    def __init__(
        self,
        name: str,
        documentation: str,
        label: str | None = None,
        *,
        buckets_s: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        """Take the upper bounds in seconds, ascending; a last bucket takes what is above them all."""
        self._name = name
        self._documentation = documentation
        self._labels = () if label is None else (label,)
        self._bounds_ms = [round(bound * 1000) for bound in buckets_s]
        self._names = [*(str(float(bound)) for bound in buckets_s), "+Inf"]
        self._series: dict[str, _Series] = {}
        registry.register(self)

    def observe_many(self, times_ms: list[int], now_ms: int, label: str = "") -> None:
        """Count the age at `now_ms` of each time. Sorts the list; a time after `now_ms` is of age 0."""
        if not times_ms:
            return
        series = self._series.get(label)
        if series is None:
            series = self._series[label] = _Series(len(self._names))
        times_ms.sort()
        if times_ms[-1] > now_ms:
            times_ms = [min(time_ms, now_ms) for time_ms in times_ms]
        counts, left = series.buckets, len(times_ms)
        for index, bound_ms in enumerate(self._bounds_ms):
            # Ages of at most the bound are times of now - bound or later: those from `older` on.
            older = bisect_right(times_ms, now_ms - bound_ms - 1, 0, left)
            counts[index] += left - older
            left = older
            if not left:
                break
        counts[-1] += left
        series.sum_s += (now_ms * len(times_ms) - sum(times_ms)) / 1000

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the family as it is now."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        for label, series in list(self._series.items()):
            counted = cumulated(self._names, series.buckets)
            family.add_metric([label] if self._labels else [], counted, series.sum_s)
        yield family

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """Yield the family without samples, so that registering reads nothing."""
        yield HistogramMetricFamily(self._name, self._documentation, labels=self._labels)


def cumulated(names: Sequence[str], counts: Sequence[int]) -> list[tuple[str, float]]:
    """Return each bucket with the number of values up to its bound, as of now; `counts` may grow meanwhile."""
    return list(zip(names, map(float, accumulate(list(counts))), strict=True))
