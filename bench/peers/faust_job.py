"""The fold of bench/stream in plain Faust: an agent over a topic of records, states in a table with a changelog."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import faust

RECORDS = int(os.environ["BENCH_RECORDS"])
ALERT_ABOVE_MINOR = int(os.environ["BENCH_ALERT_ABOVE_MINOR"])
PARTITIONS = int(os.environ["BENCH_PARTITIONS"])

app = faust.App(
    os.environ["BENCH_GROUP"],
    broker=f"kafka://{os.environ['BENCH_BOOTSTRAP']}",
    datadir=os.environ["BENCH_STATE"],
    store="memory://",
    web_enabled=False,
    topic_partitions=PARTITIONS,
    topic_replication_factor=1,
    consumer_auto_offset_reset="earliest",
)


class Message(faust.Record, serializer="json"):
    """One rated message."""

    id: str
    customer: str
    time: int
    type: str
    line: str
    segments: int
    destination: str
    in_allowance: bool
    charge_minor: int


class Alert(faust.Record, serializer="json"):
    """What is said of a customer whose charge passed the limit."""

    customer: str
    type: str


messages = app.topic(os.environ["BENCH_TOPIC"], value_type=Message, key_type=str)
alerts = app.topic(os.environ["BENCH_ALERTS"], value_type=Alert, key_type=str)
states = app.Table("states", default=dict, partitions=PARTITIONS)
done = 0


def mark(name: str) -> None:
    """Tell the benchmark: past Faust, whose `worker` command makes log lines of what is printed, whatever the app sets."""
    os.write(1, f"MARK {name}\n".encode())


def fold(state: dict[str, Any], message: Message) -> bool:
    """Change the state; return whether the charge passed the limit for the first time."""
    state["count"] = state.get("count", 0) + 1
    state["segments"] = state.get("segments", 0) + message.segments
    charge = state.get("charge_minor", 0) + (0 if message.in_allowance else message.charge_minor)
    state["charge_minor"] = charge
    if message.destination == "premium":
        state["premium"] = state.get("premium", 0) + 1
    state["mean"] = state.get("mean", 0.0) * 0.9 + message.segments * 0.1
    state["last"] = message.time
    if charge > ALERT_ABOVE_MINOR and not state.get("alerted"):
        state["alerted"] = True
        return True
    return False


@app.agent(messages)
async def agent(stream: Any) -> None:
    """Fold the messages one by one."""
    global done
    async for message in stream:
        if done == 0:
            mark("first")
        state = states[message.customer]
        alert = fold(state, message)
        states[message.customer] = state
        if alert:
            await alerts.send(key=message.customer, value=Alert(message.customer, "sms.overage"))
        done += 1
        if done == RECORDS // 2:
            mark("half")
        elif done == RECORDS:
            mark("last")
            counts = {customer: [s["count"], s["charge_minor"]] for customer, s in states.items()}
            written = Path(os.environ["BENCH_OUT"]) / "counts.new"
            written.write_text(json.dumps(counts))
            written.rename(written.with_suffix(".json"))


if __name__ == "__main__":
    app.main()
