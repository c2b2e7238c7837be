"""What keeps customers from being told, as Prometheus metrics: types that are paused, brakes, the shadow run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cem.alerts.pauses import COMPARED, Tellings
from cem.domain.restraint import ALL, Restraint

__all__ = ["PauseCollector"]


class PauseCollector(Collector):
    """Shows what every worker follows; of types nothing while that is not known, of brakes what this one obeys."""

    def __init__(
        self,
        tellings: Callable[[], Tellings | None],
        restraint: Callable[[], Restraint],
        registry: CollectorRegistry,
    ) -> None:
        self._tellings = tellings
        self._restraint = restraint
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families as they are now."""
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
        restraint = self._restraint()
        brakes = GaugeMetricFamily(
            "cem_brake_on", "1 for a brake on proactive contact that is on, by scope.", labels=("scope",)
        )
        for scope in dict.fromkeys((ALL, *restraint.brakes)):
            brakes.add_metric([scope], float(scope in restraint.brakes))
        shadow = GaugeMetricFamily(
            "cem_shadow", "1 while everything is decided and recorded, and nobody told."
        )
        shadow.add_metric([], float(restraint.shadow))
        yield from (paused, brakes, shadow)
