"""Evaluation of the detectors of abnormal use: a file of messages in order of arrival, and what was abuse in it."""

from __future__ import annotations

import os
from collections import defaultdict

import click

from cem.bootstrap.rules import read_rules
from cem.cli.errors import USAGE, Failure
from cem.cli.evaluate.rejected import Rejected
from cem.cli.evaluate.request import Answer, Request
from cem.cli.evaluate.usage_measures import Episode, Told, measures, read_labels
from cem.cli.mapped_file import read_map
from cem.cli.output import print_table
from cem.domain.detectors.sms_watch import SmsWatch
from cem.importing.arrangement import arranged
from cem.importing.usage_rows import UsageRow, read_usage, read_usage_map
from cem.settings import Settings, SettingsError

__all__ = ["run", "show"]

_SHOWN = 20


def run(request: Request) -> Answer:
    """Return what `cem evaluate usage` prints."""
    rule = read_map(request.map_file, read_usage_map)
    labels = _labels(request)
    try:
        policy = read_rules(Settings.from_env(os.environ)).alerts
    except SettingsError as error:
        raise Failure(str(error), USAGE) from None
    rows: list[UsageRow] = []
    rejected = Rejected()
    for row in read_usage(request.file, rule, limit=request.limit):
        if row.fault:
            rejected.add(row.fault, row.row)
        else:
            rows.append(row)
        request.on_rows("read", len(rows), None)
    request.on_rejected(rejected)
    ordered, _ = arranged(rows, request.order)
    watch = SmsWatch(policy)
    alerts: list[Told] = []
    begun_ns = request.clock_ns()
    for row in ordered:
        for each in watch.see(row.line, row.sent_s, row.recipient, row.charge_minor, row.destination):
            alerts.append(Told(row.line, row.arrived_s, each.kind, str(each.tier), each.evidence))
    cost_us = (request.clock_ns() - begun_ns) / 1000 / max(1, len(ordered))
    answer: Answer = {
        "model": "usage",
        "recipe": "default",
        "rows": len(rows),
        "rejected": rejected.total,
        "alerts": [
            {"line": a.line, "at": a.at, "kind": a.kind, "tier": a.tier, "evidence": a.evidence}
            for a in alerts
        ],
        "cost_us": {"detect": round(cost_us, 1)},
    }
    if labels is not None:
        answer["metrics"] = measures(alerts, labels, _times(rows))
    return answer


def show(answer: Answer) -> None:
    """Print the measures by tier, else the first alerts."""
    title = f"usage: {answer['rows']:,} messages, {answer['rejected']:,} rejected, {len(answer['alerts']):,} alerts"
    if "metrics" in answer:
        tiers = answer["metrics"]
        names = [name for name, value in tiers["alert"].items() if not isinstance(value, dict)]
        lines = [(name, *(_shown(tiers[tier][name]) for tier in ("alert", "notice"))) for name in names]
        for kind in tiers["alert"]["recall_by_kind"]:
            found = (_shown(tiers[tier]["recall_by_kind"][kind]) for tier in ("alert", "notice"))
            lines.append((f"recall of {kind}", *found))
        print_table(("measure", "alert", "notice"), lines, title=title)
    else:
        print_table(
            ("line", "at", "kind", "tier"),
            [(a["line"], str(a["at"]), a["kind"], a["tier"]) for a in answer["alerts"][:_SHOWN]],
            title=title,
        )
        if len(answer["alerts"]) > _SHOWN:
            click.echo(f"... and {len(answer['alerts']) - _SHOWN} more: --json prints all")


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3f}"


def _labels(request: Request) -> list[Episode] | None:
    if request.labels is None:
        return None
    try:
        return read_labels(request.labels.read_text("utf-8-sig"), str(request.labels))
    except OSError as error:
        raise Failure(f"{request.labels}: {error.strerror}", USAGE) from None
    except ValueError as error:
        raise Failure(str(error), USAGE) from None


def _times(rows: list[UsageRow]) -> dict[str, list[int]]:
    """Return each line's messages in order of time."""
    times: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        times[row.line].append(row.sent_s)
    for sent in times.values():
        sent.sort()
    return times
