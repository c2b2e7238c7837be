"""A decision is made again from its record, byte for byte."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain.events import DecisionMade
from cem.nba import (
    Call,
    Context,
    OtherPolicy,
    answer_of,
    decide,
    draw_of,
    encode_answer,
    record_of,
    replay,
    service_only,
)
from cem.nba.history import Past
from cem.nba.rules import FactValue
from tests.builders.nba import FRESH, NOW_MS, action, at_price, context, shipped_policy, small_policy

TOPICS = ["", "network", "billing", "cancel", "plan", "payment", "usage"]


def through_the_log(record: DecisionMade) -> DecisionMade:
    return msgspec.json.decode(msgspec.json.encode(record), type=DecisionMade)


@settings(max_examples=100, deadline=None)
@given(
    topic=st.sampled_from(TOPICS),
    price=st.floats(0, 9000),
    satisfaction=st.floats(1, 5),
    plan=st.none() | st.integers(0, 9000),
    days=st.none() | st.floats(-100, 700),
    faults=st.integers(0, 3),
    age_ms=st.integers(0, 10**10),
    stale=st.none() | st.floats(0, 600),
    suffix=st.text("abcdef0123456789", min_size=1, max_size=20),
)
def test_the_record_makes_the_same_answer_byte_for_byte(
    topic: str,
    price: float,
    satisfaction: float,
    plan: int | None,
    days: float | None,
    faults: int,
    age_ms: int,
    stale: float | None,
    suffix: str,
) -> None:
    """Facts, history, staleness, price and draw are all in the record."""
    policy = at_price(shipped_policy(), price)
    everything = context(
        f"c1.{suffix}",
        history=(Past("plan_upgrade", "declined", NOW_MS - age_ms),),
        staleness_s={**FRESH, "cem.billing": stale},
        call_topic=topic,
        satisfaction=satisfaction,
        plan_price_minor=plan,
        contract_days_left=days,
        open_faults=faults,
        customer_language="vi",
    )
    facts: dict[str, FactValue] = {name: everything.facts[name] for name in policy.catalogue.fact_names}
    asked = Context(everything.decision_id, "c1", NOW_MS, facts, everything.history, everything.staleness_s)
    decision = decide(asked, policy.catalogue, policy.params, draw_of(asked.decision_id))
    answer = encode_answer(answer_of(decision, asked.staleness_s, logged=True))
    record = through_the_log(record_of(decision, asked, Call(reason=topic), policy))
    assert encode_answer(replay(record, policy)) == answer
    assert record.ranked == decision.ranked
    assert record.dropped == decision.dropped
    assert record.probability == decision.ranked[0].probability


def test_a_fallback_is_replayed_too() -> None:
    """What was answered without any facts is made again without any."""
    policy = shipped_policy()
    call = Call(channel="chat", language="vi")
    decision = service_only(
        "c1.x", "c1", NOW_MS, "store", policy.catalogue, policy.params, channel="chat", language="vi"
    )
    asked = Context("c1.x", "c1", NOW_MS, {"call_channel": "chat", "rep_language": "vi"})
    record = through_the_log(record_of(decision, asked, call, policy))
    answer = encode_answer(answer_of(decision, {}, logged=True))
    assert encode_answer(replay(record, policy)) == answer


def test_another_policy_is_refused() -> None:
    """A replay under other rules would prove nothing."""
    policy = shipped_policy()
    decision = service_only("c1.x", "c1", NOW_MS, "store", policy.catalogue, policy.params)
    asked = Context("c1.x", "c1", NOW_MS, {"call_channel": "call", "rep_language": ""})
    record = record_of(decision, asked, Call(), policy)
    with pytest.raises(OtherPolicy, match="was made under policy"):
        replay(record, small_policy(action("a")))
