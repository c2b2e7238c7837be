"""Flips: just beyond the stated value another action is first, just before it is not."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cem.nba import Policy
from tests.builders.nba import action, at_price, decided, names, small_policy


def two(gain_a: float = 1000, gain_b: float = 700) -> Policy:
    return small_policy(
        action("a", gain=gain_a, accepted=3, declined=7, delta=0.1, annoyance=0.2)
        + action("b", gain=gain_b, accepted=6, declined=4, delta=0.5, annoyance=0.1),
        price=100,
    )


def with_prior(policy: Policy, name: str, p: float) -> Policy:
    actions = tuple(
        msgspec.structs.replace(a, accepted=p, declined=1 - p) if a.action == name else a
        for a in policy.catalogue.actions
    )
    return msgspec.structs.replace(
        policy, catalogue=msgspec.structs.replace(policy.catalogue, actions=actions)
    )


def test_a_catalogue_with_other_actions_finds_those() -> None:
    """What is looked up by name is never an action that was replaced."""
    policy = two()
    changed = with_prior(policy, "a", 0.25).catalogue
    found = changed.action("a")
    assert found is not None
    assert found.accepted == 0.25
    assert changed.action("nobody") is None


def with_lever(policy: Policy, name: str, lever: float) -> Policy:
    params = msgspec.structs.replace(policy.params, levers={**policy.params.levers, name: lever})
    return msgspec.structs.replace(policy, params=params)


@settings(max_examples=100, deadline=None)
@given(st.integers(100, 5000), st.integers(100, 5000))
def test_a_flip_is_exact(gain_a: int, gain_b: int) -> None:
    """Propensity, lever and price turn the decision exactly where the answer says."""
    policy = two(gain_a, gain_b)
    decision = decided(policy)
    winner = names(decision)[0]
    for flip in decision.flips:
        for factor, turns in ((1 + 1e-6, True), (1 - 1e-6, False)):
            beyond = flip.at > flip.now
            at = flip.at * (factor if beyond else 2 - factor)
            if flip.factor == "propensity" and not 0 < at < 1:
                continue
            changed = {
                "propensity": lambda at=at, flip=flip: with_prior(policy, flip.action, at),
                "lever": lambda at=at, flip=flip: with_lever(policy, flip.action, at),
                "price_of_satisfaction": lambda at=at: at_price(policy, at),
            }.get(flip.factor)
            if changed is not None:
                first = names(decided(changed()))[0]
                assert first == (flip.winner if turns else winner)


def test_each_factor_is_named_once_nearest_first() -> None:
    """Four factors and the price of satisfaction."""
    decision = decided(two(1800, 700))
    assert sorted(f.factor for f in decision.flips) == [
        "context",
        "lever",
        "price_of_satisfaction",
        "propensity",
        "value",
    ]
    changes = [abs(f.at / f.now - 1) for f in decision.flips]
    assert changes == sorted(changes)


def test_the_price_can_bring_back_what_is_worth_nothing_now() -> None:
    """A costly kindness is dropped today; the flip says at which price it would win."""
    policy = small_policy(action("sell", gain=100) + action("kind", gain=0, cost=500, delta=1), price=100)
    decision = decided(policy)
    assert names(decision)[0] == "sell"
    flip = next(f for f in decision.flips if f.factor == "price_of_satisfaction")
    assert (flip.action, flip.winner) == ("kind", "kind")
    assert flip.at == pytest.approx(600)
    assert names(decided(at_price(policy, 601)))[0] == "kind"
    assert names(decided(at_price(policy, 599)))[0] == "sell"


def test_no_factor_turns_what_a_floor_orders() -> None:
    """Under a floor only actions of the winner's precedence are rivals."""
    policy = small_policy(
        action("hard", precedence="hardship", gain=10) + action("serve", gain=5000),
        "floors: {floor.x: {when: 'in_hardship', drops: []}}\n",
    )
    decision = decided(policy, in_hardship=True)
    assert names(decision) == ["hard", "serve", "help"]
    assert decision.flips == ()
