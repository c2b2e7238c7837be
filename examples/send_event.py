"""Send one event to the stream, as any producer of an operator's would.

    .venv/bin/python examples/send_event.py cem.calls examples/broken-call.json

The file holds a CloudEvent in structured mode. What matters to the readers: the key is the customer (the event's
subject), the header says what the value is, and the partitioner is Kafka's own, so that all of a customer's records
meet in the same lane.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from confluent_kafka import Producer


def bootstrap() -> str:
    """Return Kafka's address: CEM_KAFKA_BOOTSTRAP, else that of the `cem up` which runs here."""
    if address := os.environ.get("CEM_KAFKA_BOOTSTRAP"):
        return address
    run_file = Path(os.environ.get("CEM_STATE_DIR", ".cem")) / "run.json"
    try:
        return str(json.loads(run_file.read_text())["kafka_bootstrap"])
    except FileNotFoundError:
        sys.exit(f"no cem up runs here ({run_file}): start it, or set CEM_KAFKA_BOOTSTRAP")


def main() -> None:
    """Send the file and say where it went."""
    if len(sys.argv) != 3:
        sys.exit("usage: send_event.py TOPIC FILE, as in send_event.py cem.calls examples/broken-call.json")
    topic, path = sys.argv[1:]
    try:
        value = Path(path).read_bytes()
        key = json.loads(value)["subject"].encode()
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        sys.exit(f"{path} holds no CloudEvent with a subject: {error}")
    producer = Producer({"bootstrap.servers": bootstrap(), "partitioner": "murmur2_random", "acks": "all"})
    # A topic that is misspelt would be made by many a broker, and nobody would read it.
    topics = producer.list_topics(timeout=10).topics
    if topic not in topics:
        sys.exit(f"there is no topic {topic}; there are {', '.join(sorted(topics))}")
    producer.produce(
        topic,
        key=key,
        value=value,
        headers=[("content-type", b"application/cloudevents+json")],
        on_delivery=lambda error, sent: print(error or f"{sent.topic()}[{sent.partition()}]@{sent.offset()}"),
    )
    producer.flush(10)


if __name__ == "__main__":
    main()
