"""What the generators of this room make: messages, labels, and the file of a stream in arrival order."""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["DAY_S", "HOUR_S", "Label", "Message", "Scene", "in_arrival_order", "read_messages", "write_scene"]

HOUR_S = 3600
DAY_S = 24 * HOUR_S

_LATE_SHARE = 0.03
_LATE_MEAN_S = 20 * 60
_LATE_MOST_S = 6 * HOUR_S


@dataclass(slots=True)
class Message:
    """One message: when it was sent (Unix s), by which line, to whom, for how much, to what kind of destination."""

    t: int
    line: str
    recipient: str
    charge: float = 0.05
    destination: str = "ordinary"


@dataclass(slots=True)
class Label:
    """One episode: `line` "*" is everybody; `label` is abuse or benign; `times` are those of the injected messages."""

    line: str
    start: int
    end: int
    kind: str
    label: str
    about: dict[str, Any] = field(default_factory=dict)
    times: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Scene:
    """A stream with its truth. `rows` are (arrival, message), ascending by arrival."""

    name: str
    rows: list[tuple[float, Message]]
    labels: list[Label]
    meta: dict[str, Any]


def read_messages(path: Path) -> list[tuple[int, str, str]]:
    """Return (t, sender, recipient) of a CSV file `sender,recipient,t`, plain or gzip, by time."""
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as file:
        found = [(int(float(row["t"])), row["sender"], row["recipient"]) for row in csv.DictReader(file)]
    return sorted(found)


def in_arrival_order(messages: Iterable[Message], rng: random.Random) -> list[tuple[float, Message]]:
    """Return the messages as they arrive: 3 % late, exponentially with mean 20 min, at most 6 h."""
    rows = []
    for message in sorted(messages, key=lambda m: (m.t, m.line, m.recipient)):
        late = rng.random() < _LATE_SHARE
        rows.append(
            (message.t + (min(rng.expovariate(1 / _LATE_MEAN_S), _LATE_MOST_S) if late else 0.0), message)
        )
    return sorted(rows, key=lambda row: (row[0], row[1].t, row[1].line, row[1].recipient))


def write_scene(scene: Scene, folder: Path) -> tuple[Path, Path]:
    """Write `<name>.csv` (arrival order) and `<name>.jsonl` (first the parameters, then the episodes)."""
    folder.mkdir(parents=True, exist_ok=True)
    events, labels = folder / f"{scene.name}.csv", folder / f"{scene.name}.jsonl"
    with events.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("arrival", "event_time", "msg_id", "line", "recipient", "charge", "dest_class"))
        for number, (arrival, m) in enumerate(scene.rows):
            writer.writerow(
                (f"{arrival:.1f}", m.t, number, m.line, m.recipient, f"{m.charge:.2f}", m.destination)
            )
    with labels.open("w") as file:
        for line in _label_lines(scene.meta, scene.labels):
            file.write(line + "\n")
    return events, labels


def _label_lines(meta: dict[str, Any], labels: Sequence[Label]) -> Iterator[str]:
    yield json.dumps({"meta": meta})
    for label in labels:
        yield json.dumps(
            {
                "line": label.line,
                "start": label.start,
                "end": label.end,
                "kind": label.kind,
                "label": label.label,
                **label.about,
                "injected_times": label.times,
            }
        )
