"""The encoder: numbers, categories, what is missing, and its limits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cem.learning.tabular.encoder import MAX_COLUMNS, MAX_LEVELS, MAX_PLACES, Encoder


def test_a_number_becomes_its_z_score_and_steps() -> None:
    """Of 0 and 2 the mean is 1 and the deviation 1: 2 is one deviation above, and passes the steps up to 0.5."""
    encoder = Encoder()
    encoder.observe({"n": 0.0})
    encoder.observe({"n": 2.0})
    v = encoder.encode({"n": 2.0}, 16)
    place = encoder.columns["n"].place
    assert v[0] == 1.0
    assert v[place] == pytest.approx(1.0)
    assert v[place + 1 : place + 9].tolist() == [1, 1, 1, 1, 1, 0, 0, 0]


def test_a_z_score_is_clipped() -> None:
    """A number a hundred deviations away counts as four."""
    encoder = Encoder()
    for number in (0.0, 1.0, 2.0):
        encoder.observe({"n": number})
    assert encoder.encode({"n": 1e9}, 0)[encoder.columns["n"].place] == 4.0


def test_integers_and_truths_are_numbers() -> None:
    """1 and True say the same as 1.0."""
    encoder = Encoder()
    for number in (0, 1.0, True, 2):
        encoder.observe({"n": number})
    assert encoder.encode({"n": 1}, 0).tolist() == encoder.encode({"n": 1.0}, 0).tolist()
    assert encoder.encode({"n": True}, 0).tolist() == encoder.encode({"n": 1.0}, 0).tolist()


def test_a_category_has_a_place_of_its_own() -> None:
    """Two categories are two marks; one never seen is none."""
    encoder = Encoder()
    encoder.observe({"plan": "S"})
    encoder.observe({"plan": "L"})
    small, large, other = (encoder.encode({"plan": plan}, 0) for plan in ("S", "L", "XXL"))
    assert small.sum() == large.sum() == 2.0
    assert not np.array_equal(small, large)
    assert other.sum() == 1.0


def test_late_categories_share_places_by_hash() -> None:
    """The 61st category and those after it are counted and share eight places."""
    encoder = Encoder()
    for number in range(MAX_LEVELS + 500):
        encoder.observe({"device": f"model {number}"})
    assert encoder.limits == {"categories": 500}
    assert encoder.size == 1 + MAX_LEVELS + 8
    late = [encoder.encode({"device": f"model {number}"}, 0) for number in range(MAX_LEVELS, MAX_LEVELS + 50)]
    assert all(v[MAX_LEVELS + 1 :].sum() == 1.0 for v in late)


def test_what_is_missing_is_marked() -> None:
    """A column that was there before and is missing has a mark; a blank and a None are missing too."""
    encoder = Encoder()
    encoder.observe({"n": 1.0, "m": 1.0})
    encoder.observe({"n": 2.0, "m": 2.0})
    encoder.observe({"n": 2.0})
    mark = encoder.columns["m"].missing
    assert encoder.encode({"n": 1.0}, 0)[mark] == 1.0
    assert encoder.encode({"n": 1.0, "m": None}, 0)[mark] == 1.0
    assert encoder.encode({"n": 1.0, "m": ""}, 0)[mark] == 1.0
    assert encoder.encode({"n": 1.0, "m": 1.5}, 0)[mark] == 0.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e300, 10**400, [1], {"a": 1}, b"x"])
def test_what_is_no_number_is_as_if_missing(bad: object) -> None:
    """NaN, infinity, giants and things of other types change no statistics, are counted, and encode as nothing."""
    encoder = Encoder()
    encoder.observe({"n": 1.0})
    encoder.observe({"n": 3.0})
    encoder.observe({"n": bad})  # type: ignore[dict-item]
    assert encoder.columns["n"].mean == 2.0
    assert sum(encoder.limits.values()) == 1
    assert np.isfinite(encoder.encode({"n": bad}, 0)).all()  # type: ignore[dict-item]


def test_a_column_may_change_its_type() -> None:
    """Numbers that become texts, and back: each keeps its own places."""
    encoder = Encoder()
    for value in (1.0, 2.0, "high", 3.0, "low"):
        encoder.observe({"x": value})
    column = encoder.columns["x"]
    assert column.place > 0
    assert set(column.levels) == {"high", "low"}


def test_places_and_columns_are_limited() -> None:
    """Ten thousand columns of numbers take no more than the limits, and what finds no room is counted."""
    encoder = Encoder()
    for value in (1.0, 2.0):
        encoder.observe({f"c{number}": value for number in range(10_000)})
    assert len(encoder.columns) == MAX_COLUMNS
    assert encoder.size <= MAX_PLACES
    assert encoder.limits["columns"] == 2 * (10_000 - MAX_COLUMNS)
    assert all(column.place > 0 for column in encoder.columns.values()), (
        "all known columns have their z-score"
    )


def test_state_is_the_encoder() -> None:
    """An encoder made from a state encodes, and goes on, as the one that it was taken from."""
    encoder = Encoder()
    for number in range(70):
        encoder.observe({"n": float(number), "c": f"level {number}"} | ({"m": 1.0} if number % 2 else {}))
    again = Encoder.from_state(encoder.state())
    x = {"n": 3.0, "c": "level 69"}
    for each in (encoder, again):
        each.observe({"n": -1.0, "new": "text"})
    assert again.encode(x, 0).tolist() == encoder.encode(x, 0).tolist()
    assert again.state() == encoder.state()
