"""Where a conversation's mood stands, goes and turns."""

from __future__ import annotations

import pytest

from cem.domain.mood_shape import MoodShape, shape_of, weight_of


def moods(*values: float) -> MoodShape:
    return shape_of(values, [weight_of(8) for _ in values])


def test_the_last_words_count_most() -> None:
    """The same moods in the other order leave another level, and the opposite trend."""
    falling, rising = moods(0.8, 0.2, -0.6), moods(-0.6, 0.2, 0.8)
    assert falling.level < rising.level
    assert falling.trend == pytest.approx(-rising.trend)


def test_a_steady_mood_has_no_turn() -> None:
    """Small ups and downs are no turning point."""
    found = moods(0.3, 0.2, 0.35, 0.25)
    assert (found.turned_at, found.turned_by) == (None, 0.0)
    assert found.trend == pytest.approx(0.0, abs=0.02)


def test_a_word_counts_less_than_a_sentence() -> None:
    """ "ok" after a sentence of complaint does not lift the level as a sentence of praise does."""
    short, long = (shape_of([-0.8, 0.6], [weight_of(10), weight_of(words)]) for words in (1, 9))
    assert short.level < long.level
