"""Every topic in one table: who reads it, what its key is, how long it lives. Pure; `cem topics` applies it.

All topics that a lane reads, and those that it writes by customer, have the same number of partitions
(`CEM_PARTITIONS`), so that one worker owns all of a customer's records. What has one writer has one partition.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

__all__ = [
    "ALERTS",
    "AUDIT",
    "CONTROL",
    "CUSTOMER_TOPICS",
    "DEAD_LETTERS",
    "DECISIONS",
    "EXAMPLE_MODELS",
    "INBOX",
    "JOURNAL",
    "LANE_TOPICS",
    "MAX_OUTPUT_BYTES",
    "MAX_RECORD_BYTES",
    "OUTREACH",
    "PROFILES",
    "TOPICS",
    "TopicSpec",
    "examples_topic",
    "spec_of",
]

_DAY_MS: Final = 86_400_000

#: Largest record (bytes) that the broker takes on an input topic. Generous, so that a giant reaches the dead
#: letters, where somebody sees it, and is not lost in some producer's log.
MAX_RECORD_BYTES: Final = 11 * 1024 * 1024
#: Largest record on an output topic: a dead letter carries the whole record that it rejects, and why.
MAX_OUTPUT_BYTES: Final = 12 * 1024 * 1024

#: Personal data leaves the log within a month of its arrival (GDPR, art. 12), segments being rolled daily.
_PERSONAL_MS: Final = 28 * _DAY_MS
#: The journal outlives every record that it orders, else a rebuild could not follow it.
_JOURNAL_MS: Final = 35 * _DAY_MS
#: Profiles are said in parts, each of which holds until it is said anew: a contract's year, and a month.
_PROFILES_MS: Final = 400 * _DAY_MS
_LEARNING_MS: Final = 90 * _DAY_MS
_AUDIT_MS: Final = 400 * _DAY_MS

Role = Literal["input", "output"]
Cut = Literal["per_lane", "one"]
Cleanup = Literal["delete", "compact"]


class TopicSpec(msgspec.Struct, frozen=True):
    """One topic as it has to be in Kafka. `retention_ms` of a compacted topic: how long the log stays whole."""

    name: str
    #: What the key holds, for people.
    key: str
    carries: str
    role: Role
    #: "per_lane": as many partitions as there are lanes; "one": a single writer's order matters.
    cut: Cut
    cleanup: Cleanup
    retention_ms: int
    max_message_bytes: int

    def partitions(self, lanes: int) -> int:
        """Return the number of partitions in a deployment of `lanes` lanes."""
        return lanes if self.cut == "per_lane" else 1

    def config(self, replication: int) -> dict[str, str]:
        """Return the topic's configuration under Kafka's names, for `replication` replicas."""
        config = {
            "cleanup.policy": self.cleanup,
            # A majority writes, so the loss of one replica loses no acknowledged record.
            "min.insync.replicas": str(2 if replication >= 2 else 1),
            "unclean.leader.election.enable": "false",
            "max.message.bytes": str(self.max_message_bytes),
            # Retention and compaction work on closed segments only: a quiet topic would keep its data for ever.
            "segment.ms": str(_DAY_MS),
        }
        if self.cleanup == "compact":
            # The log stays whole as long as the other topics', so that a replay reads the same records ...
            config["min.compaction.lag.ms"] = str(self.retention_ms)
            # ... and an erased customer's records do go (the broker's default is never).
            config["max.compaction.lag.ms"] = str(self.retention_ms + _DAY_MS)
            config["delete.retention.ms"] = str(self.retention_ms)
        else:
            config["retention.ms"] = str(self.retention_ms)
            config["retention.bytes"] = "-1"
        return config


def _input(
    name: str,
    carries: str,
    *,
    key: str = "customer_id",
    cleanup: Cleanup = "delete",
    retention_ms: int = _PERSONAL_MS,
) -> TopicSpec:
    return TopicSpec(name, key, carries, "input", "per_lane", cleanup, retention_ms, MAX_RECORD_BYTES)


def _output(name: str, carries: str, *, key: str, cut: Cut, retention_ms: int) -> TopicSpec:
    return TopicSpec(name, key, carries, "output", cut, "delete", retention_ms, MAX_OUTPUT_BYTES)


INBOX: Final = "cem.inbox"
PROFILES: Final = "cem.profiles"
DECISIONS: Final = "cem.decisions"
CONTROL: Final = "cem.control"
ALERTS: Final = "cem.alerts"
OUTREACH: Final = "cem.outreach"
JOURNAL: Final = "cem.journal"
DEAD_LETTERS: Final = "cem.dead-letters"
AUDIT: Final = "cem.audit"

#: The models that learn on the stream; each has its own topic of examples.
EXAMPLE_MODELS: Final = ("sentiment", "reason", "satisfaction", "churn", "propensity")


def examples_topic(model: str) -> str:
    """Return the name of the topic that carries `model`'s examples."""
    return f"cem.examples.{model}"


_INPUTS: Final = (
    _input("cem.calls", "calls, transcript turns, surveys, notes and tasks of the wrap-up"),
    _input("cem.sms-usage", "rated SMS usage per line, never content"),
    _input("cem.billing", "bills, payments, plan changes, contracts renewed and cancelled"),
    _input("cem.interactions", "contacts on any other channel, campaigns, registrations, purchases, orders"),
    _input("cem.service", "faults of network and service, tickets"),
    _input(
        PROFILES,
        "account, plan, lines, consents, prospects, merges, erasure",
        # Not compacted: the newest record of a customer is a part of what is known of him, never all of it.
        retention_ms=_PROFILES_MS,
    ),
    _input("cem.outcomes", "what became of a decision"),
    _input(DECISIONS, "every decision that the API gave"),
    _input(CONTROL, "what people change", key="customer_id, or the object", cleanup="compact"),
)

#: The topics keyed by customer that a lane folds.
CUSTOMER_TOPICS: Final[tuple[str, ...]] = tuple(spec.name for spec in _INPUTS)
#: Everything that a lane reads: the customers' topics and the inbox of unresolved identifiers.
LANE_TOPICS: Final[tuple[str, ...]] = (*CUSTOMER_TOPICS, INBOX)

TOPICS: Final[tuple[TopicSpec, ...]] = (
    *_INPUTS,
    _input(INBOX, "events that know an identifier but not the customer", key="kind:value"),
    _output(ALERTS, "what is wrong", key="customer_id", cut="per_lane", retention_ms=_PERSONAL_MS),
    _output(OUTREACH, "whom to tell what", key="customer_id", cut="per_lane", retention_ms=_PERSONAL_MS),
    _output(
        JOURNAL, "one entry a save: a lane's history", key="lane", cut="per_lane", retention_ms=_JOURNAL_MS
    ),
    _output(
        DEAD_LETTERS,
        "records that could not be used, and why",
        key="the record's own",
        cut="per_lane",
        retention_ms=_PERSONAL_MS,
    ),
    _output(AUDIT, "who saw or changed what", key="customer_id", cut="per_lane", retention_ms=_AUDIT_MS),
    *(
        _output(
            examples_topic(model),
            f"examples that the {model} model learns from, in order",
            key="customer_id",
            cut="one",
            retention_ms=_LEARNING_MS,
        )
        for model in EXAMPLE_MODELS
    ),
)

_BY_NAME: Final = {spec.name: spec for spec in TOPICS}


def spec_of(name: str) -> TopicSpec:
    """Return the topic called `name`. Raises KeyError when the table has none."""
    return _BY_NAME[name]
