"""Prometheus metrics of the webhooks' sender, by end point."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

__all__ = ["WebhookMetrics"]

_BUCKETS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1_800, 7_200, 86_400)


class WebhookMetrics:
    """What has become of messages, how late they were, and how many wait."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.messages = Counter(
            "cem_webhook_messages_total",
            "Messages that were delivered or have expired, by end point and outcome.",
            ("endpoint", "outcome"),
            registry=self.registry,
        )
        self.failures = Counter(
            "cem_webhook_failures_total",
            "Attempts that failed, by end point and kind of answer (4xx, 5xx, none, ...).",
            ("endpoint", "answer"),
            registry=self.registry,
        )
        self.delay = Histogram(
            "cem_webhook_delay_seconds",
            "Time from an alert's arrival in the log to its delivery, by end point.",
            ("endpoint",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.held = Gauge(
            "cem_webhook_held",
            "Messages read and neither delivered nor expired, by end point.",
            ("endpoint",),
            registry=self.registry,
        )
        self.away = Gauge(
            "cem_webhook_away",
            "1 while an end point is taken to be away or is turned off, by end point.",
            ("endpoint",),
            registry=self.registry,
        )
