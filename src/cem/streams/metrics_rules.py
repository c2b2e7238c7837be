"""Which rules steps, or the API's decisions, are made under, as Prometheus metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

__all__ = ["RulesCollector"]


class RulesCollector(Collector):
    """Shows the version in force, and whether the files as they are now were refused."""

    def __init__(
        self, version: Callable[[], str], refused: Callable[[], bool], registry: CollectorRegistry
    ) -> None:
        self._version = version
        self._refused = refused
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families as they are now."""
        info = GaugeMetricFamily(
            "cem_rules_info", "Always 1; the version of the rules in force.", labels=("version",)
        )
        info.add_metric([self._version()], 1.0)
        refused = GaugeMetricFamily(
            "cem_rules_refused", "1 while the policy files have a mistake and the rules before are in force."
        )
        refused.add_metric([], float(self._refused()))
        yield from (info, refused)
