"""Expressions of the policy are typed before any customer meets them."""

from __future__ import annotations

import pytest

from cem.nba.expressions import ExpressionError, FactType, check
from cem.nba.rules import Evaluation, Expressions

FACTS = {
    "age": FactType("int"),
    "share": FactType("double", nullable=True),
    "plan": FactType("string"),
    "active": FactType("bool"),
    "groups": FactType("list", among=("vip", "new")),
}


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("age > 1 && active", "bool"),
        ("age > 1.5", "bool"),
        ("share == null || share >= 0.8", "bool"),
        ("plan in ['s', 'm']", "bool"),
        ("!(active || plan.startsWith('x'))", "bool"),
        ("size(plan) * 2 - age % 3", "int"),
        ("double(age) / 2.0", "double"),
        ("active ? age : -1", "int"),
        ("'a' + plan", "string"),
        ("'vip' in groups && !(plan in groups) && size(groups) > 1", "bool"),
    ],
)
def test_what_cel_allows_over_the_facts_is_typed(source: str, kind: str) -> None:
    """The kind of an expression is known before it runs."""
    assert check(source, FACTS).kind == kind


@pytest.mark.parametrize(
    ("source", "says", "column"),
    [
        ("agee > 1", "there is no fact 'agee'; did you mean 'age'?", 1),
        ("active && 'vipp' in groups", "'vipp' is never in groups; did you mean 'vip'?", 11),
        ("age in groups", "an int cannot be in a list of string", 1),
        ("groups == groups", "'==' compares unlike types: groups (a list) and groups (a list)", 8),
        ("plan == 3", "compares unlike types: plan (a string) and an int", 6),
        ("age in ['x']", "an int cannot be in a list of string", 1),
        ("active < true", "does not order true and false", 8),
        ("age + 1.0 > 2.0", "needs two numbers of one type", 5),
        ("age && active", "must be a bool", 1),
        ("age == null", "is never unknown", 5),
        ("share > null", "null can only be compared", 7),
        ("age >", "a value was expected, but here is the end", 6),
        ("age > 1 active", "'active' was not expected here", 9),
        ("[1, 'a'] == [1]", "a list holds one type", 1),
        ("plan.matches('.*')", "there is no method 'matches'", 6),
        ("len(plan) > 1", "there is no function 'len'", 1),
        ("active ? 1 : 'a'", "the two sides of ':' differ", 14),
        ("age > 1; active", "does not belong in an expression", 8),
        ("(" * 100 + "age" + ")" * 100, "nested too deeply", None),
    ],
)
def test_what_could_fail_is_refused_with_its_column(source: str, says: str, column: int | None) -> None:
    """A misspelt name, unlike types or a slip of syntax never reaches a customer's decision."""
    with pytest.raises(ExpressionError) as error:
        check(source, FACTS)
    assert says in str(error.value)
    assert column is None or error.value.column == column


def test_an_unknown_fact_makes_a_rule_not_hold_unless_the_rule_asks_for_null() -> None:
    """Unknown is neither true nor zero."""
    expressions = Expressions(FACTS)
    plain = expressions.rule("r.plain", "share < 0.5")
    negated = expressions.rule("r.negated", "!(share < 0.5)")
    guarded = expressions.rule("r.guarded", "share == null || share < 0.5")
    late_guard = expressions.rule("r.late", "share < 0.5 || share == null")
    facts = {"age": 1, "share": None, "plan": "", "active": True}
    evaluation = Evaluation(expressions, facts)
    assert [evaluation.holds(r) for r in (plain, negated, guarded, late_guard)] == [False, False, True, True]


def test_arithmetic_that_fails_makes_a_rule_not_hold() -> None:
    """Division by zero and overflow are no reason to answer nothing."""
    expressions = Expressions(FACTS)
    zero = expressions.rule("r.zero", "10 / age > 1")
    huge = expressions.rule("r.huge", "age + 9223372036854775807 > 0")
    evaluation = Evaluation(expressions, {"age": 0, "share": None, "plan": "", "active": True})
    assert not evaluation.holds(zero)
    assert evaluation.holds(huge)
    evaluation = Evaluation(expressions, {"age": 1, "share": None, "plan": "", "active": True})
    assert not evaluation.holds(huge)


def test_what_a_rule_saw_is_one_value_or_several_in_words() -> None:
    """A single fact as it is; several by name, with unknown, true and false as words and two digits of a share."""
    expressions = Expressions(FACTS)
    facts = {"age": 1, "share": None, "plan": "a, b='c'", "active": True}
    one = expressions.rule("r.one", "age > 1")
    all_four = expressions.rule("r.all", "active && age > 1 && share > 0.5 && plan == 'x'")
    evaluation = Evaluation(expressions, facts)
    assert evaluation.observed(one.names) == 1
    assert evaluation.observed(all_four.names) == "active=true, age=1, plan=a, b='c', share=unknown"
    evaluation = Evaluation(expressions, {"age": -3, "share": 0.125, "plan": "x" * 600, "active": False})
    assert evaluation.observed(one.names) == -3
    said = evaluation.observed(all_four.names)
    assert said == f"active=false, age=-3, plan={'x' * 600}, share=0.12"[:512]
    assert (
        Evaluation(expressions, {**facts, "share": 0.125}).observed(("age", "share")) == "age=1, share=0.12"
    )


def test_an_expression_that_many_actions_share_is_compiled_once() -> None:
    """The same source has the same number."""
    expressions = Expressions(FACTS)
    assert expressions.add("age > 1") == expressions.add("age > 1")
    assert len(expressions.programs) == 1
    assert expressions.names == ("age",)
