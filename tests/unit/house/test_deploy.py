"""What the deployment's files promise, as far as it can be told without running them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from cem.settings import Settings
from tests.builders.compose import compose
from tests.builders.source_code import ROOT

DEPLOY = ROOT / "deploy"
SERVICES: dict[str, Any] = compose()["services"]
LONG_RUNNING = [name for name, service in SERVICES.items() if service.get("restart") == "unless-stopped"]
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
METRIC = re.compile(r"\b((?:cem|kafka)_[a-z_]+)\b")
PINNED = re.compile(r"^[a-z][a-z./-]*:v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)*$")


def rules() -> list[dict[str, Any]]:
    """Return all alert rules."""
    groups = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    found: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    return found


def expressions() -> Iterator[str]:
    """Yield every query of rules and dashboard."""
    yield from (rule["expr"] for rule in rules())
    for panel in dashboard()["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))


def anchors(page: str) -> set[str]:
    """Return the anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", SERVICES)
def test_each_image_has_a_version(name: str) -> None:
    """No image floats: each is named with the version that it was tried with."""
    assert PINNED.match(SERVICES[name]["image"]), SERVICES[name]["image"]


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_rights_that_it_does_not_need(name: str) -> None:
    """No service runs as root, keeps a capability or can gain one; all but Kafka have a read-only root."""
    service = SERVICES[name]
    assert service["user"] not in {"", "root", "0", "0:0"}
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service.get("read_only", False) == (name != "kafka")
    assert not {"privileged", "network_mode", "pid", "cap_add", "devices"} & set(service)


def test_only_loopback_is_published() -> None:
    """The API and Prometheus can be reached from the host itself; nothing else can, and nobody else."""
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"api", "prometheus"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    inside = {name for name, service in SERVICES.items() if service["networks"] == ["inside"]}
    # Webhooks go to consumers elsewhere; nobody comes in that way.
    assert inside == set(SERVICES) - set(published) - {"webhooks"}
    assert compose()["networks"]["inside"]["internal"] is True


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_what_goes_on_has_a_health_check(name: str) -> None:
    """Each service that should always run tells whether it is well."""
    assert SERVICES[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


def test_data_outlive_their_containers() -> None:
    """Kafka's log, Redis's file, checkpoints and measurements lie on volumes that the file declares."""
    named = {
        mount.split(":")[0] for s in SERVICES.values() for mount in s.get("volumes", []) if mount[0] != "."
    }
    assert named == set(compose()["volumes"])
    assert {"kafka-data", "redis-data", "cem-state"} <= named


def test_workers_can_be_many() -> None:
    """Nothing of the worker is fixed to one container: no name, no host port, no id of its own."""
    worker = SERVICES["worker"]
    assert not {"container_name", "ports", "hostname"} & set(worker)
    assert "CEM_WORKER_ID" not in worker["environment"]
    assert "$HOSTNAME" in worker["entrypoint"][-1]


def test_redis_never_evicts_and_keeps_a_log() -> None:
    """Redis is started as the store needs it: an append-only file, and no eviction."""
    flags = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes" in flags
    assert "--maxmemory-policy noeviction" in flags


@pytest.mark.parametrize("name", [name for name, s in SERVICES.items() if s["image"].startswith("cem:")])
def test_the_environment_holds_settings(name: str) -> None:
    """Every CEM_ variable given to a process of ours is a setting, with a value that it takes."""
    environment = SERVICES[name]["environment"]
    settings = {variable for variable in environment if variable.startswith("CEM_")}
    assert settings <= {f"CEM_{field.upper()}" for field in Settings.model_fields}
    Settings.from_env(environment)


def test_the_api_is_never_open() -> None:
    """Without a key's hash the file is refused, in words that say how to make one."""
    with pytest.raises(ValueError, match="cem api hash-key"):
        compose({"CEM_API_KEY_HASH": ""})


def test_the_image_is_small_pinned_and_not_root() -> None:
    """Both stages begin with the same pinned image; what runs is not root, and has neither pip nor a compiler."""
    bases = re.findall(r"^FROM (\S+)", CONTAINERFILE, re.MULTILINE)
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert PINNED.match(bases[0])
    assert bases[0].startswith("python:3.11.")
    _, last = CONTAINERFILE.split("FROM ")[1:]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert "pip uninstall" in last
    assert "apt-get" not in CONTAINERFILE
    assert "--require-hashes" in CONTAINERFILE


def test_the_image_gets_the_locked_dependencies() -> None:
    """The image's lock is a part of the tests' lock, with the same hashes, and has no tool of ours in it."""

    def blocks(text: str) -> dict[str, str]:
        parts = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)
        return {
            part.split(" \\\n")[0].split(";")[0].strip(): part.split(" \\\n", 1)[1]
            for part in parts
            if " \\\n" in part
        }

    ours, all_ = (
        blocks(path.read_text()) for path in (DEPLOY / "requirements.lock", ROOT / "requirements.lock")
    )
    assert {name for name, hashes in ours.items() if all_.get(name) != hashes} == set()
    names = {name.split("==")[0] for name in ours}
    assert {"aiokafka", "faust-streaming", "redis", "fastapi", "river"} <= names
    assert not {"pytest", "ruff", "mypy", "hatchling", "pyarrow"} & names


def test_rules_and_dashboard_ask_for_metrics_that_are_there() -> None:
    """Every metric in a query is on docs/metrics.md, which a test holds against the code."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    known = set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE))
    asked = {name for expression in expressions() for name in METRIC.findall(expression)}
    base = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in asked if name not in known}
    assert asked
    assert base - known == set()


def test_the_dashboard_shows_what_counts() -> None:
    """Lag, verdicts, dead letters, the ways from end to end, and what comes of alerts are each on the dashboard."""
    asked = {name for expression in expressions() for name in METRIC.findall(expression)}
    assert {
        "kafka_consumergroup_group_lag_seconds",
        "cem_lag_verdict",
        "cem_records_rejected_total",
        "cem_lane_stopped",
        "cem_ingestion_to_state_seconds_bucket",
        "cem_event_to_alert_seconds_bucket",
        "cem_alerts_opened_total",
        "cem_alerts_told_total",
        "cem_alerts_held_out_total",
        "cem_alert_type_paused",
        "cem_ledger_avoided",
        "cem_brake_on",
        "cem_webhook_held",
        "cem_segment_customers",
        "cem_model_lag_records",
        "cem_rules_info",
    } <= asked
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(ids) == len(set(ids))
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard()["panels"]]
    assert len(places) == len(set(places))


def test_each_alert_has_a_runbook_and_a_case() -> None:
    """Each rule says how bad it is, leads to a section of the operations page, and is tried by a test of its own."""
    page = anchors((ROOT / "docs" / "operations.md").read_text())
    cases = (DEPLOY / "alerts.test.yml").read_text()
    for rule in rules():
        path, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert path == "docs/operations.md"
        assert anchor in page, rule["alert"]
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert f"alertname: {rule['alert']}" in cases


@pytest.mark.prometheus
@pytest.mark.parametrize(
    "arguments", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts.test.yml")], ids=" ".join
)
def test_the_rules_hold_in_prometheus_itself(arguments: tuple[str, ...]) -> None:
    """Prometheus takes the rules, and each fires when it should and not before."""
    promtool = shutil.which("promtool")
    assert promtool is not None
    done = subprocess.run([promtool, *arguments], cwd=DEPLOY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
