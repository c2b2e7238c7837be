"""Lag as Prometheus metrics, under the names that lag exporters use, so that existing dashboards work.

What is unknown is NaN, never 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import nan

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cem.streams.lag import greatest
from cem.streams.lag_watch import LagWatch

__all__ = ["LagCollector"]

_PARTITION = ("group", "topic", "partition")


class LagCollector(Collector):
    """Shows what a `LagWatch` found at its last look."""

    def __init__(self, watch: LagWatch, registry: CollectorRegistry) -> None:
        self._watch = watch
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families as of the last look; without one, only that nothing is known."""
        watch = self._watch
        group, report, look, left_s = watch.group, watch.report, watch.look, watch.catch_up_s
        known = _gauge(
            "cem_lag_known",
            "1 while the lag can be told; 0 while Kafka or the store cannot be asked.",
            "group",
        )
        known.add_metric([group], float(report is not None))
        yield known
        if report is None or look is None:
            return
        offset = _gauge(
            "kafka_consumergroup_group_offset", "Offset of the next record to be read.", *_PARTITION
        )
        records = _gauge("kafka_consumergroup_group_lag", "Unread records.", *_PARTITION)
        seconds = _gauge(
            "kafka_consumergroup_group_lag_seconds",
            "Seconds since the oldest unread record was ingested, by its own timestamp.",
            *_PARTITION,
        )
        verdict = _gauge(
            "cem_lag_verdict",
            "1 for the verdict in force: ok, warn, stop, stall, rewind.",
            *_PARTITION,
            "verdict",
        )
        catch_up = _gauge(
            "cem_lag_catch_up_seconds",
            "Seconds until all is read at the last minute's pace; +Inf = never.",
            *_PARTITION,
        )
        by_topic: dict[str, float] = {}
        for lag in report.partitions:
            labels = [group, lag.topic, str(lag.partition)]
            key = lag.topic, lag.partition
            seen = look.partitions.get(key)
            unread = nan if lag.lag_records is None else lag.lag_records
            by_topic[lag.topic] = by_topic.get(lag.topic, 0) + unread
            offset.add_metric(labels, nan if seen is None or seen.sample is None else seen.sample.position)
            records.add_metric(labels, unread)
            seconds.add_metric(labels, nan if lag.lag_seconds is None else lag.lag_seconds)
            catch_up.add_metric(labels, left_s.get(key, nan))
            if lag.verdict is not None:
                verdict.add_metric([*labels, lag.verdict], 1)
        yield from (offset, records, seconds, verdict, catch_up)
        topics = _gauge(
            "kafka_consumergroup_group_topic_sum_lag", "Unread records of a topic.", "group", "topic"
        )
        for topic, unread in by_topic.items():
            topics.add_metric([group, topic], unread)
        yield topics
        worst = greatest(lag.lag_records for lag in report.partitions)
        for name, documentation, value in (
            ("kafka_consumergroup_group_sum_lag", "Unread records of the group.", report.total_records),
            ("kafka_consumergroup_group_max_lag", "Unread records of the group's worst partition.", worst),
            (
                "kafka_consumergroup_group_max_lag_seconds",
                "Seconds by which the group's worst partition lags.",
                report.max_seconds,
            ),
        ):
            family = _gauge(name, documentation, "group")
            family.add_metric([group], nan if value is None else value)
            yield family

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield nothing, so that registering asks nobody."""
        return iter(())


def _gauge(name: str, documentation: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, labels=labels)
