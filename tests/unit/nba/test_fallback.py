"""The service-only answer: never empty, sells nothing, says why."""

from __future__ import annotations

from cem.nba import service_only
from tests.builders.nba import NOW_MS, drops, names, shipped_policy


def test_it_suggests_help_alone_and_drops_the_rest_for_the_cause() -> None:
    """All actions are accounted for, each with the reason that it could not be weighed."""
    policy = shipped_policy()
    decision = service_only("c1.x", "c1", NOW_MS, "deadline", policy.catalogue, policy.params, language="vi")
    assert names(decision) == ["just_help"]
    assert decision.tier == "service_only"
    assert decision.ranked[0].probability == 1
    assert set(drops(decision).values()) == {("tier.service_only", "deadline")}
    assert len(drops(decision)) == len(policy.catalogue.actions) - 1
    assert decision.sentences.customer == "Tôi có thể giúp gì cho anh/chị?"


def test_it_speaks_on_any_channel() -> None:
    """A channel without a treatment takes the first there is."""
    policy = shipped_policy()
    decision = service_only("c1.x", "c1", NOW_MS, "store", policy.catalogue, policy.params, channel="fax")
    assert decision.ranked[0].treatment == "listen_and_help"
