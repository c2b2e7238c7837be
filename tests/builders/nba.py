"""Policies, facts and contexts for tests of the next best action."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from cem.nba import Context, Decision, Policy, decide, draw_of, load_policy
from cem.nba.fact_table import FACTS, INPUT_TOPICS
from cem.nba.history import Past
from cem.nba.rules import FactValue

SHIPPED = Path(__file__).parents[2] / "src" / "cem" / "policies"
NOW_MS = 1_790_000_000_000
FRESH: dict[str, float | None] = dict.fromkeys(INPUT_TOPICS, 0.5)

_PLAIN: dict[str, FactValue] = {"bool": False, "int": 0, "double": 0.0, "string": "", "list": ""}


def shipped_texts() -> dict[str, str]:
    """Return the shipped policy files."""
    return {name: (SHIPPED / name).read_text() for name in ("actions.yaml", "decision.yaml")}


@lru_cache(maxsize=1)
def shipped_policy() -> Policy:
    """Return the shipped policy, loaded."""
    return load_policy(shipped_texts(), currency="EUR")


def at_price(policy: Policy, price: float) -> Policy:
    """Return the policy with another price of satisfaction."""
    params = msgspec.structs.replace(policy.params, price_of_satisfaction_minor_per_point=price)
    return msgspec.structs.replace(policy, params=params)


def plain_facts(**known: FactValue) -> dict[str, FactValue]:
    """Return a contented customer of whom nothing else is known, but for `known`."""
    facts: dict[str, FactValue] = {
        name: None if fact.nullable else _PLAIN[fact.kind] for name, fact in FACTS.items()
    }
    facts.update(status="active", call_channel="call", satisfaction=3.6)
    unknown = [name for name in known if name not in facts]
    assert unknown == []
    facts.update(known)
    return facts


def context(decision_id: str = "c1.x", *, history: tuple[Past, ...] = (), **known: Any) -> Context:
    """Return the context of one decision at NOW_MS."""
    staleness = known.pop("staleness_s", FRESH)
    return Context(decision_id, "c1", NOW_MS, plain_facts(**known), history, staleness)


def decided(policy: Policy | None = None, *, history: tuple[Past, ...] = (), **known: Any) -> Decision:
    """Return the decision for such a customer."""
    policy = policy or shipped_policy()
    asked = context(history=history, **known)
    return decide(asked, policy.catalogue, policy.params, draw_of(asked.decision_id))


def names(decision: Decision) -> list[str]:
    """Return the ranked actions' names, best first."""
    return [action.action for action in decision.ranked]


def drops(decision: Decision) -> dict[str, tuple[str, FactValue]]:
    """Return action to (rule, observed) of what was dropped."""
    return {d.action: (d.rule, d.observed) for d in decision.dropped}


ACTION = """
  {name}:
    group: g
    precedence: {precedence}
    title: {{en: {name}}}
    treatments: {{call: {{treatment: t_{name}}}}}
    propensity: {{accepted: {accepted}, declined: {declined}}}
    gain_minor: {gain}
    cost_minor: {cost}
    delta_if_accepted: {delta}
    annoyance_if_declined: {annoyance}
    sentences: {{rep: {{en: "Do {name}"}}, customer: {{en: "We do {name}"}}}}
"""


def action(name: str, **over: Any) -> str:
    """Return the YAML of one plain action."""
    values: dict[str, Any] = {
        "precedence": "service",
        "accepted": 1,
        "declined": 1,
        "gain": 100,
        "cost": 0,
        "delta": 0,
        "annoyance": 0,
    }
    return ACTION.format(name=name, **{**values, **over})


def small_policy(actions: str, decision: str = "", price: float = 10) -> Policy:
    """Return a policy of the given actions (YAML) and `help`, its fallback, which is worth next to nothing."""
    fallback = action("help", accepted=99, declined=1, gain="0.001")
    files = {
        "actions.yaml": f"version: 1\nfallback: help\nrules: {{}}\ngroups: {{g: {{issue: i}}}}\nactions:\n{fallback}{actions}",
        "decision.yaml": f"version: 1\nprice_of_satisfaction_minor_per_point: {price}\n{decision}",
    }
    return load_policy(files, currency="EUR")
