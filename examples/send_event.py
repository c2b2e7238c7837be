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
    return str(json.loads(run_file.read_text())["kafka_bootstrap"])


def main() -> None:
    """Send the file and say where it went."""
    topic, path = sys.argv[1:]
    value = Path(path).read_bytes()
    producer = Producer({"bootstrap.servers": bootstrap(), "partitioner": "murmur2_random", "acks": "all"})
    producer.produce(
        topic,
        key=json.loads(value)["subject"].encode(),
        value=value,
        headers=[("content-type", b"application/cloudevents+json")],
        on_delivery=lambda error, sent: print(error or f"{sent.topic()}[{sent.partition()}]@{sent.offset()}"),
    )
    producer.flush(10)


if __name__ == "__main__":
    main()
