"""Reasons that emerge, as Prometheus metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cem.voice import Emerging

__all__ = ["VoiceCollector"]


class VoiceCollector(Collector):
    """Shows the reasons that emerge where somebody listens: of all workers one does (None: another one)."""

    def __init__(self, found: Callable[[], Sequence[Emerging] | None], registry: CollectorRegistry) -> None:
        self._found = found
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the family as it is now; a reason that does not emerge is not shown."""
        contacts = GaugeMetricFamily(
            "cem_reason_emerging_contacts",
            "Contacts of the last 24 hours about a reason that comes up more than it used to.",
            labels=("reason",),
        )
        for emerging in self._found() or ():
            contacts.add_metric([emerging.reason], emerging.contacts_24h)
        yield contacts
