"""What telling of each type of alert avoids, as Prometheus metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cem.alerts.ledger import EFFECTS, LedgerRow

__all__ = ["LedgerCollector"]


class LedgerCollector(Collector):
    """Shows the ledger of the last look where there is one: of all workers one looks (None: another one)."""

    def __init__(self, rows: Callable[[], Sequence[LedgerRow] | None], registry: CollectorRegistry) -> None:
        self._rows = rows
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families as they are now; an effect of which too little is known is not shown."""
        customers = GaugeMetricFamily(
            "cem_ledger_customers",
            "Customers watched to the end of the horizon, told and held out.",
            labels=("type", "arm"),
        )
        avoided = GaugeMetricFamily(
            "cem_ledger_avoided",
            "Share of those told whose call, complaint or leaving was avoided, and its bounds.",
            labels=("type", "effect", "figure"),
        )
        for row in self._rows() or ():
            customers.add_metric([row.type, "told"], row.told.of)
            customers.add_metric([row.type, "held_out"], row.held_out.of)
            for effect in EFFECTS:
                found = getattr(row, effect)
                if found is not None:
                    for figure in ("low", "estimate", "high"):
                        avoided.add_metric([row.type, effect, figure], getattr(found, figure))
        yield from (customers, avoided)
