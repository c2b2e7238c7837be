"""The fold of bench/stream in Quix Streams: a stateful function on a dataframe (RocksDB, changelog)."""

from __future__ import annotations

import os
from typing import Any

from quixstreams import Application, State

RECORDS = int(os.environ["BENCH_RECORDS"])
ALERT_ABOVE_MINOR = int(os.environ["BENCH_ALERT_ABOVE_MINOR"])

app = Application(
    broker_address=os.environ["BENCH_BOOTSTRAP"],
    consumer_group=os.environ["BENCH_GROUP"],
    auto_offset_reset="earliest",
    loglevel="ERROR",
    state_dir=os.environ["BENCH_STATE"],
    processing_guarantee=os.environ["BENCH_GUARANTEE"],
)
messages = app.topic(os.environ["BENCH_TOPIC"], value_deserializer="json")
alerts = app.topic(os.environ["BENCH_ALERTS"], value_serializer="json")
done = 0


def fold(message: dict[str, Any], state: State) -> dict[str, Any] | None:
    """Return an alert the first time that the charge passes the limit."""
    global done
    if done == 0:
        print("MARK first", flush=True)
    known = state.get("state") or {
        "count": 0,
        "segments": 0,
        "charge_minor": 0,
        "premium": 0,
        "mean": 0.0,
        "last": 0,
        "alerted": False,
    }
    known["count"] += 1
    known["segments"] += message["segments"]
    if not message["in_allowance"]:
        known["charge_minor"] += message["charge_minor"]
    if message["destination"] == "premium":
        known["premium"] += 1
    known["mean"] = known["mean"] * 0.9 + message["segments"] * 0.1
    known["last"] = message["time"]
    alert = known["charge_minor"] > ALERT_ABOVE_MINOR and not known["alerted"]
    if alert:
        known["alerted"] = True
    state.set("state", known)
    done += 1
    if done == RECORDS // 2:
        print("MARK half", flush=True)
    elif done == RECORDS:
        print("MARK last", flush=True)
    return {"customer": message["customer"], "type": "sms.overage"} if alert else None


stream = app.dataframe(messages)
stream = stream.apply(fold, stateful=True).filter(lambda alert: alert is not None).to_topic(alerts)
app.run()
