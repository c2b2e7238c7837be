"""Expressions as Python against CEL's own interpreter: the same values for whatever facts there are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cem.nba.fact_table import FACT_TYPES, FACTS
from cem.nba.rules import Expressions, FactValue
from tests.builders.nba import plain_facts, shipped_policy

#: Values at which rules turn, and such as no customer has.
_INTS = st.one_of(st.sampled_from((0, 1, 2, 15, 30, 300, 500, 1000)), st.integers(-(2**63), 2**63 - 1))
_DOUBLES = st.one_of(
    st.sampled_from((0.0, 0.8, 1.0, 2.5, 3.0, 24.0, 60.0, 90.0)),
    st.floats(allow_nan=False, allow_infinity=False),
)
_STRINGS = st.one_of(
    st.sampled_from(("", "billing", "cancel", "active", "plan", "other", "Ünß")), st.text(max_size=8)
)
_LISTS = st.lists(st.sampled_from(("vip", "unresolved", "silent_sufferer")), max_size=2).map(" ".join)
_OF_KIND = {
    "bool": st.booleans(),
    "int": _INTS,
    "double": _DOUBLES,
    "string": _STRINGS,
    "list": _LISTS,
}


def _fact(name: str) -> st.SearchStrategy[FactValue]:
    fact = FACTS[name]
    values: st.SearchStrategy[Any] = _OF_KIND[fact.kind]
    return st.none() | values if fact.nullable else values


_FACTS = st.fixed_dictionaries({name: _fact(name) for name in FACTS})

#: What the shipped policy does not use, and where the languages could part.
TRICKY = (
    "contacts_7d / contacts_30d == 1",
    "contacts_7d % contacts_30d == -1",
    "-contacts_7d / 2 < 0 || calls_7d > 0",
    "bill_total_minor * 1000 > overdue_minor",
    "bill_total_minor + overdue_minor - 1 >= 0",
    "bill_total_minor != null && bill_total_minor > 5",
    "bill_total_minor > 5 || bill_total_minor == null",
    "!(bill_total_minor == 5) || bill_total_minor == null",
    "bill_total_minor in [1, 2] || bill_total_minor == null || cancelled",
    "(cancelled ? bill_total_minor : 3) == 3 || bill_total_minor == null",
    "last_csat == null ? cancelled : last_csat < 3",
    "satisfaction / 0.0 > 1.0",
    "double(contacts_7d) / satisfaction > 1.0 && !cancelled",
    "contacts_7d > satisfaction",
    "call_topic + call_reason == 'billing'",
    "call_topic.startsWith('b') || call_reason.endsWith('l') || call_queue.contains('an')",
    "call_topic < 'c' && 'plan' >= call_reason",
    "call_topic in ['billing', 'plan'] && status in []",
    "007 < contacts_7d",
    "true && (false || cancelled)",
    "cancelled == in_hardship",
    "'vip' in segments && !('v' in segments)",
    "call_topic in segments || size(segments) == 2",
)


@given(_FACTS)
def test_the_shipped_policy_says_the_same_in_both(facts: dict[str, FactValue]) -> None:
    """Every rule, weight, floor and amount of the shipped policy has CEL's value, whatever the facts."""
    expressions = shipped_policy().catalogue.expressions
    assert _exactly(expressions.run(facts)) == _exactly(expressions.run_cel(facts))


@pytest.mark.parametrize("source", TRICKY)
def test_what_no_shipped_rule_uses_says_the_same_in_both(source: str) -> None:
    """Arithmetic, unknown facts in unguarded places, texts and lists have CEL's value, or CEL is asked."""
    expressions = Expressions(FACT_TYPES)
    number = expressions.add(source)
    names = expressions.names

    @given(st.fixed_dictionaries({name: _fact(name) for name in names}))
    def compare(some: dict[str, FactValue]) -> None:
        facts = {**plain_facts(), **some}
        assert _exactly(expressions.run(facts))[number] == _exactly(expressions.run_cel(facts))[number]

    compare()


@pytest.mark.parametrize(
    "source", ["size(call_topic) > 3", "string(contacts_7d) == '3'", "call_topic == 'a\\n'"]
)
def test_what_python_does_otherwise_is_left_to_cel(source: str) -> None:
    """Lengths of texts, numbers as texts and escapes are not translated, and have CEL's value."""
    expressions = Expressions(FACT_TYPES)
    number = expressions.add(source)
    facts = plain_facts(call_topic="billing", contacts_7d=3)
    assert expressions.run(facts)[number] is (source[:4] != "call")


def _exactly(values: list[Any]) -> list[Any]:
    """Return the values with their types: true is not 1."""
    return [(type(v).__name__, v) for v in values]
