"""What a learner knows of its models, as Prometheus metrics: read when somebody asks, never kept beside the models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from cem.streams.model_writer import ModelWriter

__all__ = ["ModelCollector"]


class ModelCollector:
    """Collects the writers' figures."""

    def __init__(self, writers: Sequence[ModelWriter], registry: CollectorRegistry) -> None:
        self._writers = writers
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as of now."""
        version = GaugeMetricFamily(
            "cem_model_version", "Offset of the last example that the model has learnt.", labels=["model"]
        )
        lag = GaugeMetricFamily(
            "cem_model_lag_records",
            "Examples in the log that the model has not learnt yet.",
            labels=["model"],
        )
        examples = CounterMetricFamily("cem_model_examples", "Examples learnt.", labels=["model"])
        passed = CounterMetricFamily(
            "cem_model_passed_over", "Examples not learnt, by reason.", labels=["model", "reason"]
        )
        quality = GaugeMetricFamily(
            "cem_model_quality",
            "Quality over the last 2,000 examples, each predicted before it was learnt.",
            labels=["model", "figure"],
        )
        loss = GaugeMetricFamily(
            "cem_model_recipe_loss", "Mean loss of a recipe, the latest examples counting most.",
            labels=["model", "recipe"],
        )  # fmt: skip
        champion = GaugeMetricFamily(
            "cem_model_champion", "1 for the recipe that speaks.", labels=["model", "recipe"]
        )
        drifts = CounterMetricFamily(
            "cem_model_drifts", "How often the champion's loss has changed (ADWIN).", labels=["model"]
        )
        for writer in self._writers:
            name, pupil = writer.name, writer.pupil
            version.add_metric([name], pupil.version)
            lag.add_metric([name], writer.lag)
            examples.add_metric([name], pupil.examples)
            for reason, count in {**pupil.contest.refusals, **pupil.passed_over}.items():
                passed.add_metric([name, reason], count)
            # The figures of the last publication: to count them anew costs milliseconds.
            for figure, value in (writer.card.figures if writer.card is not None else {}).items():
                if figure not in ("examples", "window"):
                    quality.add_metric([name, figure], value)
            for standing in pupil.contest.standings:
                loss.add_metric([name, standing.recipe], standing.loss)
                champion.add_metric([name, standing.recipe], standing.recipe == pupil.contest.recipe)
            drifts.add_metric([name], pupil.contest.drifts)
        yield from (version, lag, examples, passed, quality, loss, champion, drifts)
