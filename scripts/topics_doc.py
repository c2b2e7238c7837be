"""Write docs/topics.md from the table of topics; with --check, fail if the file is not what would be written."""

from __future__ import annotations

import sys
from pathlib import Path

from cem.streams.topics import TOPICS, TopicSpec

TARGET = Path(__file__).resolve().parents[1] / "docs" / "topics.md"

HEAD = """\
# Topics

`cem topics create` makes these topics and `cem topics check` compares them with what Kafka has. Topics with one
partition per lane have `CEM_PARTITIONS` partitions each and are cut by Kafka's own partitioner (murmur2 of the key), so
partition *n* of one holds the same customers as partition *n* of any other. Java's client does so by itself; clients made
with librdkafka (confluent-kafka, and most that are not Java) do with `partitioner=murmur2_random`. Values of all but `cem.journal` are
CloudEvents 1.0: binary mode (headers `ce_id`, `ce_source`, `ce_type`, `ce_time`, ...) is written, structured mode is
read as well.

This page is generated from `src/cem/streams/topics.py` by `scripts/topics_doc.py`; `make check` fails when it is stale.

"""

ROLES = {
    "input": ("Read by the lanes", "Other systems, the API and the simulator write here."),
    "output": ("Written by the service", "Read them, and write nothing to them."),
}


def row(topic: TopicSpec) -> str:
    """Return a topic's row."""
    partitions = "one per lane" if topic.cut == "per_lane" else "1"
    days = f"{topic.retention_ms / 86_400_000:g} days"
    kept = f"compacted after {days}" if topic.cleanup == "compact" else days
    size = f"{topic.max_message_bytes / 2**20:g} MiB"
    return f"| `{topic.name}` | {topic.carries} | {topic.key} | {partitions} | {kept} | {size} |\n"


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for role, (heading, sentence) in ROLES.items():
        parts.append(f"## {heading}\n\n{sentence}\n\n")
        parts.append(
            "| topic | carries | key | partitions | kept | largest record |\n|---|---|---|---|---|---|\n"
        )
        parts += [row(topic) for topic in TOPICS if topic.role == role]
        parts.append("\n")
    return "".join(parts).rstrip("\n") + "\n"


def main() -> None:
    """Write the page, or check it."""
    if sys.argv[1:] == ["--check"]:
        if not TARGET.exists() or TARGET.read_text() != page():
            sys.exit("docs/topics.md is stale: run `make docs`")
    else:
        TARGET.write_text(page())


if __name__ == "__main__":
    main()
