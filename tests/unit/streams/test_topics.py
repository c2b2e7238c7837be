"""The table of topics."""

from __future__ import annotations

import pytest

from cem.domain.events import TOPIC_OF
from cem.stores import keys
from cem.streams import clock
from cem.streams.topics import (
    CUSTOMER_TOPICS,
    EXAMPLE_MODELS,
    LANE_TOPICS,
    MAX_OUTPUT_BYTES,
    MAX_RECORD_BYTES,
    PROFILES,
    TOPICS,
    examples_topic,
    spec_of,
)


def test_all_topics_of_a_lane_have_one_partition_a_lane() -> None:
    """Co-partitioning: whatever a lane reads has the deployment's number of partitions."""
    assert {spec_of(name).partitions(24) for name in LANE_TOPICS} == {24}
    assert set(CUSTOMER_TOPICS) < set(LANE_TOPICS)


def test_what_has_one_writer_has_one_partition() -> None:
    """The order of examples is their meaning."""
    assert spec_of(examples_topic("churn")).partitions(24) == 1


def test_names_are_unique_and_ours() -> None:
    """One row a topic, all under cem."""
    names = [spec.name for spec in TOPICS]
    assert len(set(names)) == len(names)
    assert all(name.startswith("cem.") for name in names)


def test_the_journal_outlives_what_it_orders() -> None:
    """A record that is still in the log still has its place in the history; profiles are there for new deployments."""
    inputs = [spec for spec in TOPICS if spec.role == "input" and spec.name != PROFILES]
    assert all(spec_of("cem.journal").retention_ms > spec.retention_ms for spec in inputs)


def test_a_dead_letter_has_room_for_the_largest_record() -> None:
    """The rejected record travels whole, with the reason beside it."""
    assert spec_of("cem.dead-letters").max_message_bytes == MAX_OUTPUT_BYTES > MAX_RECORD_BYTES


def test_a_compacted_topic_stays_whole_as_long_as_the_others() -> None:
    """Compaction must not change what a replay reads, and must happen at last."""
    config = spec_of("cem.control").config(3)
    assert config["cleanup.policy"] == "compact"
    assert config["min.compaction.lag.ms"] == spec_of("cem.calls").config(3)["retention.ms"]
    assert int(config["max.compaction.lag.ms"]) > int(config["min.compaction.lag.ms"])


def test_a_consent_does_not_remove_the_profile_before_it() -> None:
    """Both are parts of what is known of one customer, under one key: what is compacted keeps the last part only."""
    config = spec_of(PROFILES).config(3)
    assert config["cleanup.policy"] == "delete"
    assert "min.compaction.lag.ms" not in config
    assert int(config["retention.ms"]) > int(spec_of("cem.calls").config(3)["retention.ms"])


@pytest.mark.parametrize(("replication", "in_sync"), [(1, "1"), (2, "2"), (3, "2"), (5, "2")])
def test_two_replicas_hold_every_acknowledged_record(replication: int, in_sync: str) -> None:
    """Where there are replicas, an acknowledgement means two of them."""
    config = spec_of("cem.calls").config(replication)
    assert config["min.insync.replicas"] == in_sync
    assert config["unclean.leader.election.enable"] == "false"


def test_every_event_type_has_a_topic_of_the_table() -> None:
    """What can be written has somewhere to go."""
    assert set(TOPIC_OF.values()) <= {spec.name for spec in TOPICS}


def test_the_clock_is_where_the_store_says() -> None:
    """Streams and stores name the key without knowing each other."""
    assert clock.CLOCK_KEY == keys.CLOCK_KEY


@pytest.mark.parametrize("model", EXAMPLE_MODELS)
def test_examples_are_gone_after_ninety_days(model: str) -> None:
    """Whoever is erased is in no example older than that: records are deleted, in segments of a day, not kept by compaction."""
    config = spec_of(examples_topic(model)).config(3)
    assert config["cleanup.policy"] == "delete"
    assert int(config["retention.ms"]) + int(config["segment.ms"]) <= 91 * 86_400_000
