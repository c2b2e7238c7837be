"""What a worker counts, and that the page about it is complete."""

from __future__ import annotations

import re
import tempfile
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric

from cem.alerts.interval import Difference
from cem.alerts.ledger import LedgerRow
from cem.alerts.pauses import Tellings
from cem.api.metrics import ApiMetrics
from cem.domain.events import SmsRated
from cem.domain.events.envelope import decode
from cem.domain.restraint import NOTHING, Restraint
from cem.domain.state.ledger import Tally
from cem.ports import Emission, Unavailable
from cem.segments import Sums
from cem.settings import SettingsError
from cem.stores import StoreUnavailable
from cem.streams.lag import Look, Seen
from cem.streams.lag_metrics import LagCollector
from cem.streams.lag_verdict import Sample
from cem.streams.lag_watch import LagWatch
from cem.streams.metrics import LaneMeter, WorkerMetrics
from cem.streams.metrics_lanes import LaneCollector
from cem.streams.metrics_ledger import LedgerCollector
from cem.streams.metrics_models import ModelCollector
from cem.streams.metrics_pauses import PauseCollector
from cem.streams.metrics_rules import RulesCollector
from cem.streams.metrics_segments import SegmentCollector, SegmentFigures
from cem.streams.metrics_server import serve_metrics
from cem.streams.metrics_voice import VoiceCollector
from cem.voice import Emerging
from cem.webhooks.metrics import WebhookMetrics
from tests.builders.examples_log import ExamplesLog, ModelValues, advance, churn_examples, writer
from tests.builders.metrics import values
from tests.builders.records import NOW_MS, LogRecord, record_of
from tests.builders.source_code import ROOT
from tests.builders.stores import under_deadline
from tests.servers.child import free_port


class Pipeline:
    """A pipeline as far as its metrics go."""

    def __init__(self, *, is_open: bool = True, paused: str | None = None, cached: int = 0) -> None:
        self.is_open = is_open
        self.cached = cached
        self._paused = paused

    def paused(self, topic: str) -> str | None:
        return self._paused if topic == "cem.calls" else None


class Lane:
    """A lane as far as its metrics go."""

    def __init__(self, number: int, pipeline: Pipeline, *, stopped: str | None = None) -> None:
        self.number = number
        self.partitions = {"cem.calls": None, "cem.billing": None}
        self.pipeline = pipeline
        self.stopped = stopped
        self.waiting_for: str | None = None


class Lanes:
    """The lanes of a worker."""

    def __init__(self, *lanes: Lane) -> None:
        self.lanes = {lane.number: lane for lane in lanes}


def texting(offset: int, *, event_s: float = 3.0, ingested_s: float = 1.0) -> LogRecord:
    """Return a rated message whose event and ingestion are so many seconds before NOW_MS."""
    event = SmsRated(
        line="+841", segments=1, destination="offnet", recipient="h", in_allowance=True, charge_minor=1
    )
    record = record_of(event, time_ms=NOW_MS - int(event_s * 1000))
    return record._replace(offset=offset, timestamp=NOW_MS - int(ingested_s * 1000))


def meter(**options: Any) -> tuple[WorkerMetrics, LaneMeter]:
    """Return metrics whose wall shows NOW_MS, and a lane's meter."""
    metrics = WorkerMetrics(now_ms=lambda: NOW_MS, **options)
    return metrics, metrics.meter()


def batch(*records: LogRecord) -> list[tuple[Any, Any]]:
    """Return the items that a step makes of records."""
    return [(record, decode(record)) for record in records]


def alert(offset: int) -> Emission:
    """Return an alert that the record at `offset` caused."""
    return Emission("cem.alerts", b"c-1", b"{}", (("ce_id", f"cem.sms-usage/3/{offset}/sms".encode()),))


def test_a_batch_is_counted_when_it_is_visible() -> None:
    """Records, rejects by reason, saves and batch sizes are counted with the save."""
    metrics, lane = meter()
    items = batch(texting(1), texting(2)._replace(value=b"{"), texting(3))
    lane.saved("cem.sms-usage", items, [1], [], followed=False)
    found = values(metrics.registry)
    assert found["cem_records_applied_total", "cem.sms-usage"] == 3
    assert found["cem_records_rejected_total", "not_json", "cem.sms-usage"] == 1
    assert found["cem_saves_total",] == 1
    assert found["cem_batch_records_sum",] == 3


def test_latency_is_counted_from_event_and_from_ingestion() -> None:
    """Each usable record counts its event's age, and each record its own; a dead letter has no event time."""
    metrics, lane = meter()
    items = batch(texting(1, event_s=40.0), texting(2)._replace(value=b"{"))
    lane.saved("cem.sms-usage", items, [1], [], followed=False)
    found = values(metrics.registry)
    assert found["cem_event_to_state_seconds_count", "cem.sms-usage"] == 1
    assert found["cem_event_to_state_seconds_sum", "cem.sms-usage"] == 40.0
    assert found["cem_event_to_state_seconds_bucket", "30.0", "cem.sms-usage"] == 0
    assert found["cem_event_to_state_seconds_bucket", "60.0", "cem.sms-usage"] == 1
    assert found["cem_ingestion_to_state_seconds_bucket", "0.5", "cem.sms-usage"] == 0
    assert found["cem_ingestion_to_state_seconds_bucket", "1.0", "cem.sms-usage"] == 2


def test_on_a_simulated_clock_ingestion_stands_for_the_event() -> None:
    """An event's simulated time is not compared with the wall's."""
    metrics, lane = meter(clock="simulated")
    lane.saved("cem.sms-usage", batch(texting(1, event_s=86_400 * 90.0)), [], [], followed=False)
    assert values(metrics.registry)["cem_event_to_state_seconds_sum", "cem.sms-usage"] == 1.0


def test_an_alert_is_counted_when_it_is_published() -> None:
    """An alert's latency is its own record's, and counts only once Kafka has acknowledged it."""
    metrics, lane = meter()
    items = batch(texting(7, event_s=9.0, ingested_s=2.0), texting(8))
    lane.saved("cem.sms-usage", items, [], [alert(7)], followed=False)
    assert ("cem_event_to_alert_seconds_count",) not in values(metrics.registry)
    lane.published([alert(7)])
    found = values(metrics.registry)
    assert found["cem_event_to_alert_seconds_sum",] == 9.0
    assert found["cem_ingestion_to_alert_seconds_sum",] == 2.0
    assert found["cem_emissions_total", "cem.alerts"] == 1


def test_alerts_that_open_are_counted_by_type_and_tier() -> None:
    """From 0 on, so that the first rises; changes of an open alert are no further ones."""
    metrics, lane = meter()
    assert values(metrics.registry)["cem_alerts_opened_total", "alert", "outage"] == 0

    def said(kind: bytes) -> Emission:
        headers = (("ce_id", b"lane-3/tick/9/area/outage"), ("ce_type", kind))
        return Emission("cem.alerts", b"area_x", b'{"type":"outage","tier":"alert","state":"open"}', headers)

    lane.published([said(b"alert.opened"), said(b"alert.updated"), said(b"alert.resolved")])
    assert values(metrics.registry)["cem_alerts_opened_total", "alert", "outage"] == 1


def test_who_is_told_and_who_is_not_is_counted_by_type() -> None:
    """Held out when it opened; told when the message arrived; withheld with the reason."""
    metrics, lane = meter()

    def said(topic: str, kind: bytes, value: bytes) -> Emission:
        return Emission(topic, b"c", value, (("ce_id", b"lane-3/tick/9/c/x"), ("ce_type", kind)))

    alert_ = b'{"type":"bill_shock","tier":"alert"'
    lane.published(
        [
            said("cem.alerts", b"alert.opened", alert_ + b',"holdout":true}'),
            said("cem.alerts", b"alert.opened", alert_ + b',"holdout":false}'),
            said("cem.alerts", b"alert.updated", alert_ + b',"reason":"told"}'),
            said("cem.alerts", b"alert.updated", alert_ + b',"reason":"worse"}'),
            said("cem.audit", b"outreach.withheld", b'{"because":"brake","text":"..."}'),
        ]
    )
    found = values(metrics.registry)
    assert found["cem_alerts_opened_total", "alert", "bill_shock"] == 2
    assert found["cem_alerts_held_out_total", "bill_shock"] == 1
    assert found["cem_alerts_told_total", "bill_shock"] == 1
    assert found["cem_outreach_withheld_total", "brake"] == 1


def test_what_a_tick_causes_has_no_records_latency() -> None:
    """A tick is a save without records; its alerts are counted as emissions only."""
    metrics, lane = meter()
    emission = Emission("cem.alerts", b"c", b"{}", (("ce_id", b"lane-3/tick/9/c/sms"),))
    lane.saved("", [], [], [emission], followed=False)
    lane.published([emission])
    found = values(metrics.registry)
    assert (found["cem_saves_total",], found["cem_batch_records_sum",]) == (1, 0)
    assert found["cem_emissions_total", "cem.alerts"] == 1
    assert ("cem_event_to_alert_seconds_count",) not in found


def test_followed_saves_count_apart() -> None:
    """What is saved again from the journal counts neither as work nor as latency."""
    metrics, lane = meter()
    lane.saved("cem.sms-usage", batch(texting(7)), [], [alert(7)], followed=True)
    found = values(metrics.registry)
    assert (found["cem_followed_saves_total",], found["cem_saves_total",]) == (1, 0)
    assert ("cem_records_applied_total", "cem.sms-usage") not in found


def test_waits_name_who_is_away() -> None:
    """A wait for the store counts as Redis's, any other as Kafka's."""
    metrics, lane = meter()
    lane.waited(StoreUnavailable("Redis is away"))
    lane.waited(Unavailable("Kafka is away"))
    lane.waited(Unavailable("Kafka is away"))
    lane.fenced()
    found = values(metrics.registry)
    assert (found["cem_waits_total", "redis"], found["cem_waits_total", "kafka"]) == (1, 2)
    assert found["cem_fences_total",] == 1


def lanes() -> Lanes:
    """Return an open lane with a paused topic, one that opens and one that is stopped."""
    return Lanes(
        Lane(0, Pipeline(paused="too many", cached=5)),
        Lane(1, Pipeline(is_open=False, cached=2)),
        Lane(2, Pipeline(is_open=False), stopped="the log was cut"),
    )


def test_lanes_are_shown_as_they_are() -> None:
    """States of lanes, what stopped, what is paused, and what is in memory are read when asked for."""
    registry = CollectorRegistry()
    LaneCollector(lanes(), registry)  # type: ignore[arg-type]
    found = values(registry)
    assert [found["cem_lanes", state] for state in ("open", "opening", "stopped")] == [1, 1, 1]
    assert (found["cem_lane_stopped", "2"], found["cem_lane_stopped", "0"]) == (1, 0)
    assert (
        found["cem_partition_paused", "0", "cem.calls"],
        found["cem_partition_paused", "0", "cem.billing"],
    ) == (1, 0)
    assert found["cem_cached_states",] == 7


def watched(*, known: bool = True) -> LagWatch:
    """Return a watch that has looked once: at two partitions, of which one cannot be told."""

    async def look() -> Look:
        if not known:
            raise Unavailable("Kafka is away")
        sample = Sample(NOW_MS, 10, 4, NOW_MS - 8000)
        return Look("cem", NOW_MS, {("cem.calls", 0): Seen(sample, True), ("cem.calls", 1): Seen(None)})

    watch = LagWatch("cem", look)
    if known:
        under_deadline(watch.once())
    return watch


def test_lag_is_shown_under_the_usual_names() -> None:
    """Dashboards of lag exporters find their names and labels."""
    registry = CollectorRegistry()
    LagCollector(watched(), registry)
    text = generate_latest(registry).decode()
    assert 'kafka_consumergroup_group_lag{group="cem",partition="0",topic="cem.calls"} 4.0' in text
    assert 'kafka_consumergroup_group_lag_seconds{group="cem",partition="0",topic="cem.calls"} 8.0' in text
    assert 'kafka_consumergroup_group_offset{group="cem",partition="0",topic="cem.calls"} 10.0' in text
    assert 'cem_lag_verdict{group="cem",partition="0",topic="cem.calls",verdict="warn"} 1.0' in text


def test_unknown_lag_is_not_a_number() -> None:
    """One unknown partition is NaN, and so are the totals it belongs to; without a look nothing is shown."""
    registry = CollectorRegistry()
    LagCollector(watched(), registry)
    text = generate_latest(registry).decode()
    assert 'kafka_consumergroup_group_lag{group="cem",partition="1",topic="cem.calls"} NaN' in text
    assert 'kafka_consumergroup_group_sum_lag{group="cem"} NaN' in text
    registry = CollectorRegistry()
    LagCollector(watched(known=False), registry)
    assert values(registry) == {("cem_lag_known", "cem"): 0.0}


def test_a_report_does_not_outlive_its_look() -> None:
    """While Kafka cannot be asked, the last lag is not shown on as if it were the present one."""
    answers: list[Look | Unavailable] = [
        Look("cem", NOW_MS, {("cem.calls", 0): Seen(Sample(NOW_MS, 10, 0), True)}),
        Unavailable("Kafka is away"),
    ]
    ended: list[str] = []

    async def look() -> Look:
        if not answers:
            ended.append(watch.trouble)
            raise KeyboardInterrupt
        answer = answers.pop(0)
        if isinstance(answer, Unavailable):
            assert watch.report is not None
            raise answer
        return answer

    watch = LagWatch("cem", look, every_s=0.0)
    with pytest.raises(KeyboardInterrupt):
        under_deadline(watch.run())
    assert (watch.report, ended) == (None, ["Kafka is away"])


LEDGER_ROW = LedgerRow(
    "bill_shock", Tally(900, 120, 9, 4), Tally(100, 18, 2, 0), Difference(0.06, 0.01, 0.11), None, None
)


def test_the_ledger_and_what_withholds_are_shown() -> None:
    """An effect of which nothing is known is not; nor anything by a worker that does not look."""
    registry = CollectorRegistry()
    LedgerCollector(lambda: [LEDGER_ROW], registry)
    PauseCollector(lambda: None, lambda: Restraint(("type:bill_shock",), shadow=True), registry)
    found = values(registry)
    assert found["cem_ledger_customers", "held_out", "bill_shock"] == 100
    assert found["cem_ledger_avoided", "calls", "low", "bill_shock"] == 0.01
    assert ("cem_ledger_avoided", "churned", "low", "bill_shock") not in found
    assert found["cem_brake_on", "type:bill_shock"] == 1
    assert found["cem_brake_on", "all"] == 0
    assert found["cem_shadow",] == 1
    registry = CollectorRegistry()
    LedgerCollector(lambda: None, registry)
    assert values(registry) == {}


def families() -> Iterable[Metric]:
    """Yield every family that a worker, an API, a sender of webhooks or a learner may show."""
    registry = ApiMetrics().registry
    LagCollector(watched(), registry)
    worker, lane = meter()
    LaneCollector(lanes(), worker.registry)  # type: ignore[arg-type]
    RulesCollector(lambda: "0af3", lambda: False, worker.registry)
    PauseCollector(Tellings, lambda: NOTHING, worker.registry)
    LedgerCollector(lambda: [LEDGER_ROW], worker.registry)
    VoiceCollector(lambda: [Emerging("billing", 30, 10.0, 1e-9)], worker.registry)
    worker.withheld.labels("brake")
    figures = SegmentFigures({"unhappy": Sums(2, 9_000, 1, 150, 2, 700)}, 3)
    SegmentCollector(lambda: figures, worker.registry)
    lane.saved("cem.sms-usage", batch(texting(1)), [], [], followed=False)
    webhooks = WebhookMetrics()
    webhooks.messages.labels("crm", "expired").inc()
    webhooks.failures.labels("crm", "5xx").inc()
    webhooks.delay.labels("crm").observe(1.0)
    webhooks.held.labels("crm").set(1)
    webhooks.away.labels("crm").set(0)
    yield from registry.collect()
    yield from worker.registry.collect()
    yield from webhooks.registry.collect()
    log = ExamplesLog("churn")
    churn_examples(log, 20)
    log.add({"price": 1.0}, "maybe")
    learner = CollectorRegistry()
    with tempfile.TemporaryDirectory() as folder:
        ModelCollector([advance(writer(log, ModelValues(), Path(folder), every=21))], learner)
    yield from learner.collect()


def test_the_page_lists_every_metric_and_no_other() -> None:
    """docs/metrics.md names each metric of the code with its labels, and nothing that is not there."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    named = set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE))
    named |= set(re.findall(r"`(process_[a-z_]+)`", page))
    assert named == {family.name for family in families()}
    labels = dict(re.findall(r"^\| `([a-z_]+)` \| ([a-z_, -]+) \|", page, re.MULTILINE))
    for family in families():
        for sample in family.samples:
            shown = set(sample.labels) - {"le"}
            assert shown == set(labels.get(family.name, "-").split(", ")) - {"-"}, family.name


def test_metric_names_follow_prometheus() -> None:
    """Ours begin with one prefix and end in a base unit or a plural; the lag's are the exporters'."""
    names = {family.name for family in families()}
    assert all(name.startswith(("cem_", "kafka_consumergroup_group_", "process_")) for name in names)
    assert not [name for name in names if name.endswith(("_ms", "_milliseconds", "_minutes"))]


def test_the_port_serves_until_it_is_closed() -> None:
    """Metrics are at /metrics of the port; a port that is taken is a setting that cannot be used."""
    port = free_port()
    worker, _ = meter()
    stop = serve_metrics(worker.registry, host="127.0.0.1", port=port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        assert b"cem_worker_info" in answer.read()
    with pytest.raises(SettingsError, match=f"CEM_METRICS_PORT: cannot listen on 127.0.0.1:{port}"):
        serve_metrics(worker.registry, host="127.0.0.1", port=port)
    stop()
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5)
