"""What number a text would be given: a linear regression on hashed features, each weight at a step of its own.

AdaGrad (Duchi, Hazan and Singer, JMLR 2011) on the squared error. Its rating is one feature of the satisfaction model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cem.learning.contract import TextInput
from cem.learning.text_features import EncodedText, TextFeatures

__all__ = ["TextRating"]

_BITS: Final = 16
_RATE: Final = 0.3
_FIRST: Final = np.float32(1e-4)

Floats = npt.NDArray[np.float32]


class TextRating:
    """Weights of hashed features; targets lie within about -1 to 1."""

    def __init__(self) -> None:
        self._features = TextFeatures(_BITS)
        self._weights: Floats = np.zeros(1 << _BITS, np.float32)
        self._squares: Floats = np.zeros(1 << _BITS, np.float32)

    def encode(self, text: str, channel: str) -> EncodedText:
        """Return the text's features and what the lists of words say of its mood."""
        return self._features.encode_one(TextInput(text, channel))

    def rate(self, encoded: EncodedText) -> float:
        """Return the rating, from -1.5 to 1.5; 0 before anything was learnt."""
        return min(1.5, max(-1.5, float(self._weights[encoded.ids].dot(encoded.values))))

    def learn(self, encoded: EncodedText, value: float, weight: float) -> None:
        """Learn what number the text was given."""
        ids = encoded.ids
        gradient = encoded.values * np.float32(weight * (self.rate(encoded) - value))
        squares = self._squares[ids] + gradient * gradient
        self._squares[ids] = squares
        self._weights[ids] -= np.float32(_RATE) * gradient / np.sqrt(squares + _FIRST)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what was learnt: the weights that were ever touched."""
        touched = np.flatnonzero(self._squares).astype(np.uint32)
        return {
            "text.at": touched,
            "text.weights": self._weights[touched],
            "text.squares": self._squares[touched],
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> TextRating:
        """Return the ratings whose arrays they are. Raises KeyError, IndexError or ValueError for anything else."""
        made = cls()
        at = arrays["text.at"]
        if not at.shape == arrays["text.weights"].shape == arrays["text.squares"].shape:
            raise ValueError("the text's arrays are of different sizes")
        made._weights[at] = arrays["text.weights"]
        made._squares[at] = arrays["text.squares"]
        return made
