"""Filters of `cem dead-letters` that take nothing say so: "no dead letters" would be a lie."""

from __future__ import annotations

import pytest

from cem.cli.dead_letters.reading import Filters, Matching


@pytest.mark.parametrize(
    ("filters", "sentence"),
    [
        (Filters(reason="invalid_feild"), "none of 3 dead letters fits --reason invalid_feild: theirs are invalid_field, not_json"),
        (Filters(topic="cem.cals"), "none of 3 dead letters fits --topic cem.cals: theirs are cem.calls"),
        (Filters(reason="not_json", customer="C1"), "none of 3 dead letters fits all of the filters"),
    ],
)  # fmt: skip
def test_it_is_said_which_filter_takes_nothing(filters: Filters, sentence: str) -> None:
    """With what there is instead."""
    found = Matching([], 3, frozenset({"invalid_field", "not_json"}), frozenset({"cem.calls"}))
    assert found.none_because(filters) == sentence


def test_without_letters_there_are_none() -> None:
    """Whatever was looked for."""
    assert Matching([], 0, frozenset(), frozenset()).none_because(Filters(reason="x")) == "no dead letters"
