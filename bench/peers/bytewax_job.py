"""The fold of bench/stream in Bytewax: a stateful map between Kafka's source and sink."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow

RECORDS = int(os.environ["BENCH_RECORDS"])
ALERT_ABOVE_MINOR = int(os.environ["BENCH_ALERT_ABOVE_MINOR"])
BROKERS = [os.environ["BENCH_BOOTSTRAP"]]

done = 0
#: Every state made, to check the counts at the end: filled once per customer.
states: dict[str, dict[str, Any]] = {}


def keyed(message: Any) -> tuple[str, dict[str, Any]]:
    """Return the decoded message under its customer."""
    value = orjson.loads(message.value)
    return value["customer"], value


def fold(state: dict[str, Any] | None, message: dict[str, Any]) -> tuple[Any, dict[str, Any] | None]:
    """Return the state, and an alert the first time that the charge passes the limit."""
    global done
    if done == 0:
        print("MARK first", flush=True)
    if state is None:
        state = {
            "count": 0,
            "segments": 0,
            "charge_minor": 0,
            "premium": 0,
            "mean": 0.0,
            "last": 0,
            "alerted": False,
        }
        states[message["customer"]] = state
    state["count"] += 1
    state["segments"] += message["segments"]
    if not message["in_allowance"]:
        state["charge_minor"] += message["charge_minor"]
    if message["destination"] == "premium":
        state["premium"] += 1
    state["mean"] = state["mean"] * 0.9 + message["segments"] * 0.1
    state["last"] = message["time"]
    alert = state["charge_minor"] > ALERT_ABOVE_MINOR and not state["alerted"]
    if alert:
        state["alerted"] = True
    done += 1
    if done == RECORDS // 2:
        print("MARK half", flush=True)
    elif done == RECORDS:
        print("MARK last", flush=True)
        counts = {customer: [s["count"], s["charge_minor"]] for customer, s in states.items()}
        written = Path(os.environ["BENCH_OUT"]) / "counts.new"
        written.write_text(json.dumps(counts))
        written.rename(written.with_suffix(".json"))
    return state, ({"customer": message["customer"], "type": "sms.overage"} if alert else None)


def to_record(keyed_alert: tuple[str, dict[str, Any]]) -> KafkaSinkMessage[bytes, bytes]:
    """Return the alert as a record."""
    customer, alert = keyed_alert
    return KafkaSinkMessage(customer.encode(), orjson.dumps(alert))


flow = Dataflow("bench")
source = KafkaSource(BROKERS, [os.environ["BENCH_TOPIC"]], tail=False, batch_size=1000)
messages = op.map("keyed", op.input("messages", flow, source), keyed)
folded = op.stateful_map("fold", messages, fold)
alerts = op.filter("alerts", folded, lambda keyed_alert: keyed_alert[1] is not None)
op.output("out", op.map("record", alerts, to_record), KafkaSink(BROKERS, os.environ["BENCH_ALERTS"]))
