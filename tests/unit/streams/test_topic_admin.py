"""How Kafka's topics differ from the table, in few sentences."""

from __future__ import annotations

from cem.settings import Settings
from cem.streams.topic_admin import TopicState, differences
from cem.streams.topics import LANE_TOPICS, PROFILES, TOPICS

SETTINGS = Settings.from_env({"CEM_PARTITIONS": "8"})


def as_wanted() -> dict[str, TopicState]:
    """Every topic as the table says."""
    return {
        spec.name: TopicState(spec.name, spec.partitions(8), 1, {**spec.config(1), "more": "x"})
        for spec in TOPICS
    }


def test_topics_as_the_table_says_differ_in_nothing() -> None:
    """What Kafka has beside ours is its own business."""
    assert differences(SETTINGS, as_wanted()) == []


def test_a_log_without_topics_is_one_sentence() -> None:
    """With the command that helps."""
    (found,) = differences(SETTINGS, {})
    assert found.level == "fail"
    assert found.message.startswith(f"{len(TOPICS)} topics (cem.calls, cem.sms-usage and ")
    assert found.remedy == "run cem topics create"


def test_another_number_of_lanes_names_the_setting() -> None:
    """All topics of the lanes agree with each other, only not with us."""
    states = {
        name: TopicState(name, 24 if state.partitions == 8 else 1, 1) for name, state in as_wanted().items()
    }
    (found,) = differences(SETTINGS, states)
    assert found.remedy == "set CEM_PARTITIONS=24"
    assert "have 24 partitions, not 8" in found.message


def test_one_torn_topic_must_be_made_anew() -> None:
    """A lane whose topics differ would have two owners."""
    states = as_wanted() | {LANE_TOPICS[3]: TopicState(LANE_TOPICS[3], 12, 1)}
    (found,) = differences(SETTINGS, states)
    assert found.level == "fail"
    assert found.message == f"topic {LANE_TOPICS[3]} has 12 partitions, not 8"
    assert "tear" in found.remedy


def test_a_single_writers_topic_with_more_partitions_has_no_order() -> None:
    """A model's version is the offset of the newest example that it has learnt."""
    states = as_wanted() | {"cem.examples.churn": TopicState("cem.examples.churn", 3, 1)}
    (found,) = differences(SETTINGS, states)
    assert (found.level, found.topics) == ("fail", ("cem.examples.churn",))


def test_less_safety_is_a_warning() -> None:
    """Replicas and retention may be somebody's choice."""
    settings = Settings.from_env({"CEM_PARTITIONS": "8", "CEM_REPLICATION": "3"})
    states = as_wanted()
    calls = states["cem.calls"]
    assert calls.config is not None
    states["cem.calls"] = TopicState("cem.calls", 8, 1, calls.config | {"retention.ms": "1000"})
    found = differences(settings, states)
    assert {difference.level for difference in found} == {"warn"}
    assert any("retention.ms=1000" in difference.message for difference in found)
    assert any("1 replica, not 3" in difference.message for difference in found)


def test_a_deployment_that_compacts_profiles_is_told_what_to_alter() -> None:
    """As earlier versions created it: each configuration by its name and value, as Kafka takes them."""
    states = as_wanted()
    profiles = states[PROFILES]
    assert profiles.config is not None
    older = {k: v for k, v in profiles.config.items() if not k.startswith("retention")}
    states[PROFILES] = TopicState(
        PROFILES, 8, 1, {**older, "cleanup.policy": "compact", "retention.ms": "604800000"}
    )
    found = {difference.remedy for difference in differences(SETTINGS, states)}
    wanted = profiles.config["retention.ms"]
    assert found == {
        "set cleanup.policy=delete, unless that was a choice",
        f"set retention.ms={wanted}, unless that was a choice",
    }
