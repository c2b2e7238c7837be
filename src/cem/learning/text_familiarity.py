"""Whether a text is of the kind that was learnt: a threshold under which a model had better say that it does not know.

What each labelled text scored before it was learnt is kept for the last few hundred; the threshold is a low quantile of
them. So nearly all texts of the kind are answered, whatever the scale of the score is and however it drifts: split
conformal prediction with one class (Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World, 2005).
"""

from __future__ import annotations

from typing import Final

import numpy as np

__all__ = ["Familiarity"]

_KEPT: Final = 512
#: Share of texts of the kind that may be taken for foreign.
_GIVEN_UP: Final = 0.03
#: Fewer say nothing, and everything is foreign.
_NEEDED: Final = 20
_REFRESHED_EVERY: Final = 16


class Familiarity:
    """The last scores of texts that were of the kind, and the threshold that follows."""

    def __init__(
        self, scores: list[float] | None = None, seen: int = 0, threshold: float | None = None
    ) -> None:
        self.scores = scores or []
        self.seen = seen
        #: The score below which a text is foreign; None while too few were seen.
        self.threshold = threshold

    def is_known(self, score: float) -> bool:
        """Return whether the score is one of the kind."""
        return self.threshold is not None and score >= self.threshold

    def learn(self, score: float) -> None:
        """Remember what a text of the kind scored."""
        if len(self.scores) < _KEPT:
            self.scores.append(score)
        else:
            self.scores[self.seen % _KEPT] = score
        self.seen += 1
        if self.seen == _NEEDED or self.seen % _REFRESHED_EVERY == 0:
            self.threshold = float(np.quantile(self.scores, _GIVEN_UP))
