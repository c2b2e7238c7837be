"""What a worker counts and times, as Prometheus metrics. docs/metrics.md explains each; a test holds it to that page.

Everything is observed once a batch, never once a record: counters by the batch's sizes, and the latencies of all its
records by sorting their times and counting per bucket. Nothing is registered at import.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from cem.alerts.pauses import COMPARED
from cem.domain.alert_changes import TOLD
from cem.domain.alert_types import ALERT_TYPES
from cem.domain.events.enums import AlertTier
from cem.domain.events.envelope import Received
from cem.domain.events.rejects import Reject
from cem.ports import Emission, Record, Unavailable
from cem.streams.clock import wall_ms
from cem.streams.metrics_bulk import BulkHistogram
from cem.streams.metrics_plain import PlainHistogram
from cem.streams.topics import ALERTS, AUDIT

__all__ = ["LaneMeter", "WorkerMetrics"]

Item = tuple[Record, Received | Reject]

#: From a fetch's linger to an outage's hour, in seconds.
_LATENCY_S: Final = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0
)  # fmt: skip
_WORK_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BATCH_RECORDS: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000)


class WorkerMetrics:
    """The metrics of one worker, in a registry of their own."""

    def __init__(
        self,
        *,
        worker_id: str = "",
        version: str = "",
        clock: str = "wall",
        registry: CollectorRegistry | None = None,
        now_ms: Callable[[], int] = wall_ms,
    ) -> None:
        """Register everything. clock: "wall" or "simulated"; now_ms: the wall's time."""
        self.registry = registry = registry or CollectorRegistry()
        #: On a simulated clock an event's time says nothing about the wall's: its ingestion stands for it.
        self.event_times = clock == "wall"
        self.now_ms = now_ms
        info = Gauge(
            "cem_worker_info",
            "Always 1; who this worker is.",
            ("worker_id", "version", "clock"),
            registry=registry,
        )
        info.labels(worker_id, version, clock).set(1)
        self.applied = Counter(
            "cem_records_applied",
            "Records whose effect is saved, dead letters included.",
            ("topic",),
            registry=registry,
        )
        self.rejected = Counter(
            "cem_records_rejected",
            "Records that became dead letters, by reason.",
            ("topic", "reason"),
            registry=registry,
        )
        self.saves = Counter("cem_saves", "Saves of lanes: batches and ticks.", registry=registry)
        self.followed = Counter(
            "cem_followed_saves", "Saves made again from the journal while a lane opened.", registry=registry
        )
        self.emissions = Counter(
            "cem_emissions", "Records published by saves and acknowledged.", ("topic",), registry=registry
        )
        self.alerts = Counter(
            "cem_alerts_opened", "Alerts that opened, by type and tier.", ("type", "tier"), registry=registry
        )
        for kind in ALERT_TYPES:
            for tier in AlertTier:
                # From 0 on: what begins at 1 has not risen for Prometheus.
                self.alerts.labels(kind, str(tier))
        self.held_out = Counter(
            "cem_alerts_held_out",
            "Alerts that opened and are told to nobody, for the ledger, by type.",
            ("type",),
            registry=registry,
        )
        self.told = Counter(
            "cem_alerts_told",
            "Messages about alerts that have arrived at customers, by type.",
            ("type",),
            registry=registry,
        )
        self.withheld = Counter(
            "cem_outreach_withheld",
            "Messages to customers that were not asked for, by what held them back.",
            ("because",),
            registry=registry,
        )
        for kind in COMPARED:
            self.held_out.labels(kind)
            self.told.labels(kind)
        self.fences = Counter(
            "cem_fences", "Saves refused because another owner had saved the lane.", registry=registry
        )
        self.waits = Counter(
            "cem_waits",
            "Pauses before something was asked again, by who was away.",
            ("server",),
            registry=registry,
        )
        self.batch_records = PlainHistogram(
            "cem_batch_records", "Records of one save.", buckets=_BATCH_RECORDS, registry=registry
        )
        self.step_s = self._work("cem_step_seconds", "Decoding and folding one batch, without waiting.")
        self.load_s = self._work(
            "cem_load_seconds", "Loading the states of one batch that were not in memory."
        )
        self.journal_s = self._work("cem_journal_seconds", "Appending one entry to the journal.")
        self.save_s = self._work("cem_save_seconds", "Saving one batch in the store.")
        self.publish_s = self._work("cem_publish_seconds", "Publishing one save's emissions.")
        self.event_to_state = self._latency(
            "cem_event_to_state_seconds",
            "From an event's time to its effect being visible in the store; on a simulated clock from its ingestion.",
            "topic",
        )
        self.ingestion_to_state = self._latency(
            "cem_ingestion_to_state_seconds",
            "From a record's ingestion to its effect being visible in the store.",
            "topic",
        )
        self.event_to_alert = self._latency(
            "cem_event_to_alert_seconds",
            "From an event's time to the alert that it caused being published; on a simulated clock from its ingestion.",
        )
        self.ingestion_to_alert = self._latency(
            "cem_ingestion_to_alert_seconds",
            "From a record's ingestion to the alert that it caused being published.",
        )
        ProcessCollector(registry=registry)

    def meter(self) -> LaneMeter:
        """Return the observer of one lane."""
        return LaneMeter(self)

    def _work(self, name: str, documentation: str) -> PlainHistogram:
        return PlainHistogram(name, documentation, buckets=_WORK_S, registry=self.registry)

    def _latency(self, name: str, documentation: str, label: str | None = None) -> BulkHistogram:
        return BulkHistogram(name, documentation, label, buckets_s=_LATENCY_S, registry=self.registry)


class LaneMeter:
    """`cem.ports.Observer` of one lane, counting into the worker's metrics."""

    def __init__(self, metrics: WorkerMetrics) -> None:
        self._metrics = metrics
        #: The counter of each topic's records: looking one up takes as long as counting.
        self._applied: dict[str, Counter] = {}
        #: Event and ingestion times (ms) of what caused the alerts of the last save.
        self._causes: tuple[list[int], list[int]] = ([], [])

    def saved(
        self,
        topic: str,
        items: Sequence[Item],
        rejected: Sequence[int],
        emissions: Sequence[Emission],
        *,
        followed: bool,
    ) -> None:
        metrics = self._metrics
        self._causes = ([], [])
        if followed:
            # What it shows had been visible before; when, nobody knows any more.
            metrics.followed.inc()
            return
        metrics.saves.inc()
        metrics.batch_records.observe(len(items))
        if not items:
            return
        now_ms = metrics.now_ms()
        applied = self._applied.get(topic)
        if applied is None:
            applied = self._applied[topic] = metrics.applied.labels(topic)
        applied.inc(len(items))
        ingested = [record.timestamp for record, _ in items]
        if metrics.event_times:
            events = [item.time_ms for _, item in items if type(item) is Received]
        else:
            events = [record.timestamp for record, item in items if type(item) is Received]
        metrics.event_to_state.observe_many(events, now_ms, topic)
        metrics.ingestion_to_state.observe_many(ingested, now_ms, topic)
        if rejected:
            for code, count in Tally(_code(items[index][1]) for index in rejected).items():
                metrics.rejected.labels(topic, code).inc(count)
        if emissions and any(emission.topic == ALERTS for emission in emissions):
            self._note_causes(topic, items, emissions)

    def published(self, emissions: Sequence[Emission]) -> None:
        metrics = self._metrics
        for topic, count in Tally(emission.topic for emission in emissions).items():
            metrics.emissions.labels(topic).inc(count)
        for emission in emissions:
            if emission.topic in (ALERTS, AUDIT):
                self._count_telling(emission)
        (events, ingested), self._causes = self._causes, ([], [])
        if ingested:
            now_ms = metrics.now_ms()
            metrics.event_to_alert.observe_many(events, now_ms)
            metrics.ingestion_to_alert.observe_many(ingested, now_ms)

    def _count_telling(self, emission: Emission) -> None:
        """Count an alert that opened, one that somebody was told of, or a message that was withheld."""
        metrics = self._metrics
        match dict(emission.headers).get("ce_type"):
            case b"alert.opened":
                alert = _read_alert(emission.value or b"{}")
                metrics.alerts.labels(alert.type, alert.tier).inc()
                if alert.holdout:
                    metrics.held_out.labels(alert.type).inc()
            case b"alert.updated":
                alert = _read_alert(emission.value or b"{}")
                if alert.reason == TOLD:
                    metrics.told.labels(alert.type).inc()
            case b"outreach.withheld":
                metrics.withheld.labels(_read_withheld(emission.value or b"{}").because).inc()

    def fenced(self) -> None:
        self._metrics.fences.inc()

    def waited(self, reason: Unavailable) -> None:
        # The store's own kinds of Unavailable come from its room; everything else here is Kafka's.
        from_store = type(reason).__module__.startswith("cem.stores")
        self._metrics.waits.labels("redis" if from_store else "kafka").inc()

    def _note_causes(self, topic: str, items: Sequence[Item], emissions: Sequence[Emission]) -> None:
        """Keep the times of the records that caused alerts; an alert's id names its record's offset."""
        by_offset = {record.offset: (record, item) for record, item in items}
        events, ingested = self._causes
        for emission in emissions:
            if emission.topic != ALERTS:
                continue
            cause = by_offset.get(_offset_of(emission, topic))
            if cause is not None:
                record, item = cause
                ingested.append(record.timestamp)
                event_time = self._metrics.event_times and type(item) is Received
                events.append(item.time_ms if event_time and isinstance(item, Received) else record.timestamp)


class _Alert(msgspec.Struct):
    """What is counted of an alert."""

    type: str = ""
    tier: str = ""
    reason: str | None = None
    holdout: bool = False


class _Withheld(msgspec.Struct):
    """What is counted of a message that was withheld."""

    because: str = ""


_read_alert = msgspec.json.Decoder(_Alert).decode
_read_withheld = msgspec.json.Decoder(_Withheld).decode


def _offset_of(emission: Emission, topic: str) -> int:
    """Return the offset in the id TOPIC/PARTITION/OFFSET/KIND of an emission; -1 if it has no such id."""
    for name, value in emission.headers:
        if name == "ce_id":
            parts = value.decode(errors="replace").split("/")
            return int(parts[2]) if len(parts) >= 4 and parts[0] == topic and parts[2].isdecimal() else -1
    return -1


def _code(item: Received | Reject) -> str:
    return item.code if isinstance(item, Reject) else "unknown"
