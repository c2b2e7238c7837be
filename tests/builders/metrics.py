"""What a registry of Prometheus shows."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

__all__ = ["values"]


def values(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    """Return each sample under its name and label values, in the labels' order of names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in registry.collect()
        for sample in family.samples
    }
