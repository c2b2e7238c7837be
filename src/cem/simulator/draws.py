"""Keyed randomness: what is drawn depends on the seed and on what it is drawn for, never on what was drawn before.

So a customer's luck is the same under every policy (common random numbers), a world that starts again from a
snapshot goes on as if it had not stopped, and nothing depends on Python's hash seed.
"""

from __future__ import annotations

import random
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Dice", "Floats", "Ints", "generator", "mix", "mix_array", "uniforms", "unit"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15


def mix(*numbers: int) -> int:
    """Return 64 well-mixed bits of the numbers (splitmix64's finaliser, chained)."""
    z = 0
    for number in numbers:
        z = (z ^ (number & _MASK)) + _GOLDEN & _MASK
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _MASK
        z ^= z >> 31
    return z


def mix_array(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return 64 well-mixed bits of each pair."""
    z = first * np.uint64(_GOLDEN) + second
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def unit(*numbers: int) -> float:
    """Return a number in [0, 1) that belongs to `numbers`."""
    return (mix(*numbers) >> 11) * (1.0 / (1 << 53))


def generator(seed: int, purpose: int, day: int) -> np.random.Generator:
    """Return the bulk generator of one purpose and day."""
    return np.random.Generator(np.random.Philox(key=[mix(seed, purpose), day & _MASK]))


def uniforms(seed: int, purpose: int, day: int, n: int) -> Floats:
    """Return n uniform numbers; the i-th does not depend on n."""
    return generator(seed, purpose, day).random(n)


class Dice(random.Random):
    """Python's generator, to be set to a key again and again: one object serves a whole world."""

    def key(self, *numbers: int) -> Dice:
        """Return self, set to what belongs to `numbers`."""
        self.seed(mix(*numbers))
        return self

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.random() < probability
