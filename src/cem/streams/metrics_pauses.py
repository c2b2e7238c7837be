"""Which types of alert are paused, as Prometheus metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cem.alerts.pauses import COMPARED, Tellings

__all__ = ["PauseCollector"]


class PauseCollector(Collector):
    """Shows what every worker follows; nothing while that is not known."""

    def __init__(self, tellings: Callable[[], Tellings | None], registry: CollectorRegistry) -> None:
        self._tellings = tellings
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the family as it is now."""
        paused = GaugeMetricFamily(
            "cem_alert_type_paused",
            "1 for a type of alert of which only a few customers are told.",
            labels=("type",),
        )
        tellings = self._tellings()
        if tellings is not None:
            now = tellings.paused
            for type_ in COMPARED:
                paused.add_metric([type_], float(type_ in now))
        yield paused
