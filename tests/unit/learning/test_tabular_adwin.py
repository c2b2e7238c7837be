"""ADWIN: finds changes, and the same ones as River's."""

from __future__ import annotations

import random

from river import drift

from cem.learning.tabular.adwin import Adwin


def test_a_change_of_the_mean_is_found() -> None:
    """A mean that moves from 0.2 to 0.6 is noticed within a few hundred values, and the old ones are forgotten."""
    dice = random.Random(1)
    window = Adwin()
    quiet = [window.update(float(dice.random() < 0.2)) for _ in range(2000)]
    found = [window.update(float(dice.random() < 0.6)) for _ in range(400)]
    assert not any(quiet)
    assert any(found)
    assert window.mean > 0.5


def test_it_finds_what_rivers_does() -> None:
    """On a stream that changes thrice the two first notice each change at most 64 values apart, and nothing else."""
    dice = random.Random(7)
    ours, theirs = Adwin(0.002), drift.ADWIN(delta=0.002)
    found: dict[str, list[int]] = {"ours": [], "theirs": []}
    for at in range(6000):
        value = dice.gauss((0.0, 1.0, 0.2, 3.0)[at // 1500], 0.5)
        theirs.update(value)
        if ours.update(value):
            found["ours"].append(at)
        if theirs.drift_detected:
            found["theirs"].append(at)
    firsts = {
        name: [next(at for at in places if at // 1500 == part) for part in (1, 2, 3)]
        for name, places in found.items()
    }
    assert not any(at < 1500 for places in found.values() for at in places)
    assert all(abs(a - b) <= 64 for a, b in zip(firsts["ours"], firsts["theirs"], strict=True)), firsts


def test_memory_grows_with_the_logarithm() -> None:
    """A hundred thousand values of one mean are kept in less than a hundred buckets."""
    dice = random.Random(2)
    window = Adwin()
    for _ in range(100_000):
        window.update(dice.random())
    assert sum(len(row) for row in window.state()["rows"]) < 100


def test_state_is_the_window() -> None:
    """A window made from a state decides on as the one that it was taken from."""
    dice = random.Random(3)
    window = Adwin()
    for _ in range(700):
        window.update(dice.random())
    again = Adwin.from_state(window.state())
    for at in range(700):
        value = dice.random() + (at > 300)
        assert again.update(value) == window.update(value)
    assert again.state() == window.state()
