"""`make bench-usage`: how much abuse of messages is found, how soon, and at how many false alerts.

Abuse is injected, seeded, into a real stream of messages (`usage_collegemsg` in the folder that `CEM_BENCH_DATA`
names, `../shared/data` by default), which is no part of the project; without it only the population is run, in which
nothing is abnormal and every alert is false.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Final

import msgspec

from bench.common import ROOT, Row, Target, check_targets, say, show, write_results
from bench.usage.events import Message, Scene, read_messages
from bench.usage.inject import inject
from bench.usage.living import judge, rows_of
from bench.usage.population import population
from bench.usage.young import rows_of as young_rows
from bench.usage.young import young
from cem.cli.evaluate.usage_measures import Episode, Told, measures
from cem.domain.detectors.sms_watch import SmsWatch
from cem.domain.thresholds import AlertPolicy
from cem.simulator import Parameters

__all__: list[str] = []

_REAL: Final = "usage_collegemsg/collegemsg_events.csv.gz"
_SEEDS: Final = (1, 2, 3)
_POPULATIONS: Final = (1, 2)
#: Messages a day of the rises on new lines.
_YOUNG: Final = (50, 100, 200, 400)
#: The simulated operator: households, days, seed.
_LIVING: Final = (250, 120, 3)

TARGETS: Final = (
    Target("alert: false alerts", most=1.0, of="value"),
    Target("alert: recall of rise_sudden", least=0.65, of="value"),
    Target("alert: recall of rise_gradual", least=0.57, of="value"),
    Target("alert: recall of burst", least=0.90, of="value"),
    Target("alert: recall of premium", least=1.0, of="value"),
    Target("alert: recall of night", least=0.75, of="value"),
    Target("alert: recall of all", least=0.78, of="value"),
    Target("notice: false alerts", most=2.5, of="value"),
    Target("notice: recall of rise_sudden", least=0.80, of="value"),
    Target("notice: recall of rise_gradual", least=0.80, of="value"),
    Target("notice: recall of burst", least=0.97, of="value"),
    Target("alert: messages before the alert of rise_sudden", most=55, of="value"),
    Target("notice: messages before the alert of burst", most=35, of="value"),
    Target("nothing abnormal, alert: false alerts", most=1.2, of="value"),
    Target("simulator: of those detected, not after the call", least=0.9, of="value"),
    Target("simulator: projected and not exceeded", most=0.1, of="value"),
    Target("simulator: days ahead", least=6, of="value"),
    Target("CPU a message", most=10.0, of="value"),
    Target("state of a line, 99 of 100", most=200, of="value"),
    Target("alerts that the order of arrival changes", most=0, of="value"),
)


class _Run:
    """What the detectors told about some scenes, taken as one."""

    def __init__(self) -> None:
        self.alerts: list[Told] = []
        self.labels: list[Episode] = []
        self.times: dict[str, list[int]] = defaultdict(list)
        self.sizes: list[int] = []
        self.cpu_us: list[float] = []

    def add(self, scene: Scene) -> None:
        """Run the detectors over the scene, in order of arrival; its lines are not those of the other scenes."""
        told, cpu_us, sizes = _watched([message for _, message in scene.rows])
        self.cpu_us.append(cpu_us)
        self.sizes += sizes
        self.alerts += [_of(scene, each) for each in told]
        for label in scene.labels:
            line = "*" if label.line == "*" else f"{scene.name}/{label.line}"
            self.labels.append(Episode(line, label.start, label.end, label.kind, label.label))
        for _, message in scene.rows:
            self.times[f"{scene.name}/{message.line}"].append(message.t)

    def rows(self, prefix: str) -> list[Row]:
        """Return the measures of both tiers."""
        for sent in self.times.values():
            sent.sort()
        rows: list[Row] = []
        for tier, found in measures(self.alerts, self.labels, self.times).items():
            name = f"{prefix}{tier}: "
            rows.append(Row(f"{name}false alerts", found["false_per_1000_line_weeks"], "a 1,000 line-weeks"))
            for kind, rate in found["false_by_detector"].items():
                rows.append(Row(f"{name}false alerts of {kind}", rate, "a 1,000 line-weeks"))
            if found["recall"] is None:
                continue
            rows.append(Row(f"{name}recall of all", found["recall"], "share"))
            rows += [
                Row(f"{name}recall of {kind}", rate, "share")
                for kind, rate in found["recall_by_kind"].items()
            ]
            for kind, count in found["delay_messages_by_kind"].items():
                rows.append(Row(f"{name}messages before the alert of {kind}", count, "messages"))
            for kind, hours in found["delay_h_by_kind"].items():
                rows.append(Row(f"{name}hours before the alert of {kind}", hours, "hours"))
        return rows


def main() -> int:
    """Measure, print, write the file of results; return 1 if a target is missed."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    real = Path(os.environ.get("CEM_BENCH_DATA", ROOT.parent / "shared" / "data")) / _REAL
    rows: list[Row] = []
    cpu_us: list[float] = []
    sizes: list[int] = []
    if real.exists():
        messages, run = read_messages(real), _Run()
        for seed in _SEEDS:
            say(f"messages with abuse injected, seed {seed}")
            scene = inject(messages, seed, name=f"real{seed}")
            run.add(scene)
        rows += run.rows("")
        rows.append(_changed_by_order(scene))
        cpu_us += run.cpu_us
        sizes += run.sizes
        for a_day in _YOUNG:
            say(f"new lines with {a_day} messages a day for five days")
            scenes = [young(messages, seed, a_day, name=f"young{a_day}-{seed}") for seed in _SEEDS]
            rows += young_rows(a_day, [(each, _watched([m for _, m in each.rows])[0]) for each in scenes])
    else:
        say(f"NOT RUN on real messages: there is no {real}; CEM_BENCH_DATA names the folder")
    run = _Run()
    for seed in _POPULATIONS:
        say(f"nothing abnormal, seed {seed}")
        run.add(inject(population(seed), seed, name=f"null{seed}", per_tercile=0))
    rows += run.rows("nothing abnormal, ")
    households, days, seed = _LIVING
    say(f"{households} simulated households over {days} days, seed {seed}")
    rows += rows_of(judge(Parameters(customers=households, seed=seed), days))
    sizes = sorted(sizes + run.sizes)
    rows += [
        Row("CPU a message", round(statistics.median(cpu_us + run.cpu_us), 1), "us"),
        Row("state of a line, median", sizes[len(sizes) // 2], "bytes"),
        Row("state of a line, 99 of 100", sizes[len(sizes) * 99 // 100], "bytes"),
        Row("state of a line, largest", sizes[-1], "bytes"),
    ]
    show("Abnormal use of messages", ("figure", "value", "unit"), [(r.name, r.value, r.unit) for r in rows])
    write_results("usage", rows, seeds=list(_SEEDS), populations=list(_POPULATIONS))
    return 0 if check_targets(rows, TARGETS) else 1


def _watched(messages: list[Message]) -> tuple[list[tuple[int, str, str, str]], float, list[int]]:
    """Return (time, line, kind, tier) of what is told, CPU us a message, and the bytes of each line's state."""
    watch = SmsWatch(AlertPolicy())
    told: list[tuple[int, str, str, str]] = []
    begun = time.process_time()
    for m in messages:
        for each in watch.see(m.line, m.t, m.recipient, round(100 * m.charge), m.destination):
            told.append((m.t, m.line, each.kind, str(each.tier)))
    cpu_us = (time.process_time() - begun) / len(messages) * 1e6
    return (
        told,
        cpu_us,
        [len(msgspec.msgpack.encode((each.habits, each.velocity))) for each in watch.lines.values()],
    )


def _of(scene: Scene, told: tuple[int, str, str, str]) -> Told:
    at, line, kind, tier = told
    return Told(f"{scene.name}/{line}", at, kind, tier, {})


def _changed_by_order(scene: Scene) -> Row:
    """Return how many alerts (line, kind, tier, day) the order of time would not give, or would give beside."""
    arrived = [message for _, message in scene.rows]
    random.Random(1).shuffle(arrived)
    arrived.sort(key=lambda m: m.t)
    by_time = [(line, kind, tier) for _, line, kind, tier in _watched(arrived)[0]]
    by_arrival = [(line, kind, tier) for _, line, kind, tier in _watched([m for _, m in scene.rows])[0]]
    changed = len(_minus(by_time, by_arrival)) + len(_minus(by_arrival, by_time))
    return Row("alerts that the order of arrival changes", changed, "alerts")


def _minus(
    these: list[tuple[str, str, str]], those: list[tuple[str, str, str]]
) -> list[tuple[str, str, str]]:
    left = list(those)
    found = []
    for each in these:
        if each in left:
            left.remove(each)
        else:
            found.append(each)
    return found


if __name__ == "__main__":
    sys.exit(main())
