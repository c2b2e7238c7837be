"""The decision: every action accounted for, ranked by the formula, protected by floors, the same for equal inputs."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cem.nba import Decision, decide
from cem.nba.catalogue import PRECEDENCE
from cem.nba.fact_table import FACTS
from cem.nba.history import Past
from cem.nba.rules import FactValue
from tests.builders.nba import (
    FRESH,
    NOW_MS,
    action,
    at_price,
    context,
    decided,
    drops,
    names,
    shipped_policy,
    small_policy,
)

DAY_MS = 86_400_000


def precedence_of(name: str) -> str:
    found = shipped_policy().catalogue.action(name)
    assert found is not None
    return found.precedence


def test_the_priority_is_the_formula_of_the_design() -> None:
    """priority = propensity x context x value x lever, with the value's three terms."""
    levers = "levers: {action: {a: 50}}\n"
    weights = "context_weights: {context.x: {when: 'lines >= 1', scope: {action: a}, add_percent: 25}}\n"
    policy = small_policy(
        action("a", accepted=1, declined=3, gain=900, cost=100, delta=0.5, annoyance=0.2),
        levers + weights,
        price=200,
    )
    ranked = decided(policy, lines=1).ranked[0]
    value = 800 + 200 * 0.5 - 0.75 / 0.25 * 200 * 0.2
    assert ranked.factors.propensity == 0.25
    assert ranked.factors.context == 1.25
    assert ranked.factors.value == pytest.approx(value, rel=1e-12)
    assert ranked.factors.lever == 1.5
    assert ranked.priority == pytest.approx(0.25 * 1.25 * value * 1.5, rel=1e-12)


def test_an_offer_that_annoys_pays_for_it() -> None:
    """With the design's example figures the repair wins, and the offer is worth nothing."""
    policy = small_policy(
        action("offer", accepted=2, declined=98, gain=300, annoyance=1, precedence="selling")
        + action("repair", accepted=9, declined=1, gain=0, delta=0.3),
        price=10,
    )
    decision = decided(policy)
    assert names(decision)[0] == "repair"
    assert drops(decision)["offer"] == ("arbitration.no_gain", 300 - 0.98 / 0.02 * 10)


def test_the_one_price_of_satisfaction_turns_the_ranking() -> None:
    """Cheap satisfaction sells, dear satisfaction serves."""
    facts = {
        "contract_days_left": 20.0,
        "plan_price_minor": 3000,
        "satisfaction": 3.6,
        "unresolved_30d": 2,
        "contacts_7d": 1,
        "bill_extra_minor": 1500,
        "bill_total_minor": 4500,
    }
    cheap = decided(at_price(shipped_policy(), 50), **facts)
    dear = decided(at_price(shipped_policy(), 5000), **facts)
    assert precedence_of(names(cheap)[0]) in ("selling", "retention")
    assert precedence_of(names(dear)[0]) == "service"


def test_equal_priorities_are_ordered_by_precedence_then_name() -> None:
    """A tie is never broken by chance."""
    policy = small_policy(
        action("b") + action("a") + action("z", precedence="hardship") + action("c", precedence="selling")
    )
    assert names(decided(policy)) == ["z", "a", "b", "c", "help"]


def test_each_stage_of_the_funnel_names_its_rule_and_what_it_saw() -> None:
    """A representative can be told why not."""
    dropped = drops(
        decided(
            child_lines=0,
            sms_extra_minor=900,
            marketing_refused=True,
            call_topic="plan",
            plan_price_minor=2000,
        )
    )
    assert dropped["usage_control"] == ("eligibility.child_line", 0)
    assert dropped["plan_upgrade"] == ("suitability.marketing_allowed", True)
    assert dropped["roaming_pack"] == ("applicability.travels", "call_topic=plan, sms_roaming_minor=0")
    assert dropped["contract_renewal"] == ("applicability.term_ends", None)


def test_a_channel_without_a_treatment_drops_the_action() -> None:
    """What cannot be said over this channel is not suggested on it."""
    assert drops(decided(call_channel="post", open_faults=1))["solve_reception_fault"] == (
        "treatment.channel",
        "post",
    )


def test_facts_that_are_too_old_drop_the_actions_that_need_them_fresh() -> None:
    """No credit on the strength of an old bill; what is unknown counts as old."""
    facts = {"plan_price_minor": 2000, "late_promises": 1}
    late = {**FRESH, "cem.billing": 61.0}
    unknown = {**FRESH, "cem.billing": None}
    assert "apologise_and_credit" in names(decided(**facts))
    assert drops(decided(staleness_s=late, **facts))["apologise_and_credit"] == (
        "freshness.cem.billing",
        61.0,
    )
    assert drops(decided(staleness_s=unknown, **facts))["apologise_and_credit"] == (
        "freshness.cem.billing",
        None,
    )
    assert "take_over_order" in names(decided(staleness_s=unknown, **facts))


@pytest.mark.parametrize(("age_days", "rests"), [(13.99, True), (14.0, False)])
def test_an_action_rests_until_its_cool_down_is_over_to_the_millisecond(age_days: float, rests: bool) -> None:
    """Declined actions come back when they may, not at the next nightly run."""
    policy = small_policy(
        action("a").replace("    sentences", "    contact: {cool_down_days: {declined: 14}}\n    sentences")
    )
    past = Past("a", "declined", NOW_MS - round(age_days * DAY_MS))
    dropped = drops(decided(policy, history=(past,)))
    assert ("a" in dropped) is rests
    if rests:
        assert dropped["a"] == ("contact.cool_down", "declined 14.0 days ago, rests 14 days")


def test_caps_count_over_all_actions_in_scope_and_service_is_exempt() -> None:
    """Two offers in a week are enough, whichever they were."""
    history = (
        Past("device_offer", "offered", NOW_MS - DAY_MS),
        Past("roaming_pack", "offered", NOW_MS - 2 * DAY_MS),
    )
    facts = {"call_topic": "plan", "plan_price_minor": 2000}
    assert "plan_upgrade" in names(decided(**facts))
    dropped = drops(decided(history=history, **facts))
    assert dropped["plan_upgrade"] == ("contact.selling_week", 2)
    assert "solve_reception_fault" in names(decided(history=history, open_faults=1))


@pytest.mark.parametrize(
    ("facts", "floor"),
    [
        ({"in_hardship": True, "overdue_days": 40, "overdue_minor": 9000}, "floor.hardship"),
        ({"open_faults": 1}, "floor.fault_now"),
        ({"satisfaction": 2.0, "unresolved_30d": 2}, "floor.unhappy"),
    ],
)
def test_floors_put_hardship_before_service_before_retention_and_sell_nothing(
    facts: dict[str, FactValue], floor: str
) -> None:
    """Whatever selling would earn, an unhappy customer is helped first."""
    policy = at_price(shipped_policy(), 1)
    rich = {
        "call_topic": "roaming",
        "sms_roaming_minor": 5000,
        "contract_days_left": 20.0,
        "plan_price_minor": 9000,
    }
    decision = decided(policy, **{**rich, **facts})
    order = [PRECEDENCE.index(precedence_of(n)) for n in names(decision)]  # type: ignore[arg-type]
    assert [f.rule for f in decision.floors] == [floor]
    found = decision.floors[0]
    assert found.order.startswith("hardship before service")
    assert "selling" in found.drops
    assert found.observed == (facts.get("satisfaction") or facts.get("open_faults") or True)
    assert order == sorted(order)
    assert "selling" not in [precedence_of(n) for n in names(decision)]
    assert any(rule == floor for rule, _ in drops(decision).values())


def test_a_decision_is_never_empty() -> None:
    """Where every action is dropped, the fallback is suggested as it stands, and the tier says so."""
    decision = decided(at_price(small_policy(action("a", gain=0)), 0), call_channel="fax")
    assert names(decision) == ["help"]
    assert decision.tier == "nothing_left"
    assert sum(a.probability for a in decision.ranked) == 1


def test_a_stranger_is_helped_with_what_he_calls_about() -> None:
    """Nothing is known of him, so nothing is sold or credited."""
    decision = decided(status="stranger", call_topic="network")
    assert decision.tier == "stranger"
    assert names(decision) == ["solve_reception_fault", "just_help"]


def facts_strategy() -> st.SearchStrategy[dict[str, FactValue]]:
    by_kind: dict[str, st.SearchStrategy[FactValue]] = {
        "bool": st.booleans(),
        "int": st.integers(0, 20_000),
        "double": st.floats(-400, 4000, allow_nan=False),
        "list": st.sampled_from(["", "fan unresolved", "silent_sufferer"]),
        "string": st.sampled_from(
            ["", "network", "billing", "cancel", "plan", "payment", "usage", "roaming", "device"]
        ),
    }
    fields = {
        name: (st.none() | by_kind[fact.kind]) if fact.nullable else by_kind[fact.kind]
        for name, fact in FACTS.items()
        if name not in ("status", "call_channel", "satisfaction", "customer_language", "rep_language")
    }
    return st.fixed_dictionaries(
        {
            **fields,
            "status": st.sampled_from(["active", "prospect", "closed", "stranger"]),
            "call_channel": st.sampled_from(["call", "sms", "email", "shop", "post"]),
            "satisfaction": st.floats(1, 5),
            "customer_language": st.sampled_from(["", "en", "vi", "pt-BR"]),
        }
    )


@settings(max_examples=300, deadline=None)
@given(
    facts=facts_strategy(),
    price=st.floats(0, 20_000),
    history=st.lists(
        st.tuples(
            st.sampled_from([a.action for a in shipped_policy().catalogue.actions]),
            st.sampled_from(["offered", "accepted", "declined", "done", "displayed"]),
            st.integers(0, 200 * DAY_MS),
        ),
        max_size=20,
    ),
    stale=st.dictionaries(st.sampled_from(sorted(FRESH)), st.none() | st.floats(0, 1000)),
)
def test_whatever_the_customer_every_action_is_accounted_for_once(
    facts: dict[str, FactValue],
    price: float,
    history: list[tuple[str, str, int]],
    stale: dict[str, float | None],
) -> None:
    """For any facts: all actions once, factors multiply back, order kept, one sentence each, equal when repeated."""
    policy = at_price(shipped_policy(), price)
    past = tuple(Past(a, s, NOW_MS - age) for a, s, age in history)

    def run() -> Decision:
        asked = context(history=past, staleness_s={**FRESH, **stale}, **facts)
        return decide(asked, policy.catalogue, policy.params, 0.5)

    decision = run()
    everything = sorted([*names(decision), *drops(decision)])
    assert everything == [a.action for a in policy.catalogue.actions]
    assert abs(sum(a.probability for a in decision.ranked) - 1) < 1e-9
    for a in decision.ranked:
        f = a.factors
        product = f.propensity * f.context * f.value * f.lever
        assert abs(product - a.priority) <= 1e-9 * max(1, abs(a.priority))
        assert f.value > 0 or decision.tier == "nothing_left"
    keys = [
        (PRECEDENCE.index(precedence_of(a.action)) if decision.floors else 0, -a.priority)  # type: ignore[arg-type]
        for a in decision.ranked
    ]
    assert all(a <= b for a, b in pairwise(keys))
    assert decision.sentences.rep
    assert decision.sentences.customer
    assert run() == decision
