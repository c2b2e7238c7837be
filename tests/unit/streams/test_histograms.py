"""Our histograms say what Prometheus' own would."""

from __future__ import annotations

import random

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from cem.streams.metrics_bulk import BulkHistogram
from cem.streams.metrics_plain import PlainHistogram
from tests.builders.metrics import values
from tests.builders.records import NOW_MS


@pytest.mark.parametrize("seed", range(20))
def test_bulk_counts_are_those_of_single_observations(seed: int) -> None:
    """A whole batch at once gives the buckets and the sum that value after value would give."""
    draw = random.Random(seed)
    bounds = (0.005, 0.05, 0.5, 1.0, 30.0)
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    bulk = BulkHistogram("x", "", "topic", buckets_s=bounds, registry=ours)
    single = Histogram("x", "", ("topic",), buckets=bounds, registry=theirs)
    edges = [0, 5, 6, 50, 51, 500, 1000, 1001, 30_000, 30_001, 90_000]
    for _ in range(3):
        ages = [draw.choice(edges) if draw.random() < 0.5 else draw.randrange(40_000) for _ in range(50)]
        bulk.observe_many([NOW_MS - age for age in ages], NOW_MS, "t")
        for age in ages:
            single.labels("t").observe(age / 1000)
    wanted = {key: value for key, value in values(theirs).items() if not key[0].endswith("_created")}
    assert values(ours) == pytest.approx(wanted)


def test_a_time_to_come_has_no_negative_age() -> None:
    """A producer whose clock is ahead makes an age of 0, and a sum that does not fall."""
    registry = CollectorRegistry()
    BulkHistogram("x", "", buckets_s=(1.0,), registry=registry).observe_many([NOW_MS + 5000], NOW_MS)
    assert values(registry)["x_sum",] == 0
    assert values(registry)["x_bucket", "1.0"] == 1


def test_a_plain_histogram_says_what_prometheus_own_does() -> None:
    """The same samples for the same values, those on a bound and beyond the last one included."""
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    histogram = Histogram("x_seconds", "X.", buckets=(0.001, 0.5, 1), registry=theirs)
    plain = PlainHistogram("x_seconds", "X.", buckets=(0.001, 0.5, 1), registry=ours)
    for value in (0.0, 0.001, 0.0011, 0.5, 0.7, 1.0, 7.0):
        histogram.observe(value)
        plain.observe(value)
    lines = [line for line in generate_latest(theirs).decode().splitlines() if "_created" not in line]
    assert generate_latest(ours).decode().splitlines() == lines
