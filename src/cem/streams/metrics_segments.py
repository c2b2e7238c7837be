"""What the customers of each segment are together, as Prometheus metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cem.segments import Sums

__all__ = ["SegmentCollector", "SegmentFigures"]

_MINOR = "What was billed to the customers of the segment so far, in minor units."


class SegmentFigures(msgspec.Struct, frozen=True):
    """The sums over all lanes: of each segment, and how many customers stood under other rules last."""

    by_name: dict[str, Sums]
    under_other_rules: int


class SegmentCollector(Collector):
    """Shows the figures where there are any: of all workers one has them (None: another one)."""

    def __init__(self, figures: Callable[[], SegmentFigures | None], registry: CollectorRegistry) -> None:
        self._figures = figures
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families as they are now; an average of nobody is not shown."""
        labels = ("segment",)
        customers = GaugeMetricFamily("cem_segment_customers", "Customers in the segment.", labels=labels)
        value = GaugeMetricFamily("cem_segment_value_minor", _MINOR, labels=labels)
        csat = GaugeMetricFamily(
            "cem_segment_csat", "Mean satisfaction of those of whom it is known.", labels=labels
        )
        risk = GaugeMetricFamily(
            "cem_segment_churn_risk", "Mean chance to leave of those of whom it is known.", labels=labels
        )
        others = GaugeMetricFamily(
            "cem_segment_other_rules_customers", "Customers of whom other rules were asked last."
        )
        figures = self._figures()
        if figures is not None:
            for name, sums in figures.by_name.items():
                customers.add_metric([name], sums.customers)
                value.add_metric([name], sums.value_minor)
                if sums.rated:
                    csat.add_metric([name], sums.csat_centi / sums.rated / 100)
                if sums.scored:
                    risk.add_metric([name], sums.risk_milli / sums.scored / 1000)
            others.add_metric([], figures.under_other_rules)
        yield from (customers, value, csat, risk, others)
