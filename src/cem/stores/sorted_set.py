"""A sorted set as Redis has it: members with scores, in order of score and then name."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort

__all__ = ["SortedSet"]


class SortedSet:
    """Members by score; ties are in the order of the members' UTF-8 bytes, which is the order of Python's strings."""

    __slots__ = ("_order", "_scores")

    def __init__(self) -> None:
        self._scores: dict[str, int] = {}
        self._order: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._order)

    def set(self, member: str, score: int | None) -> int | None:
        """Give `member` the score (None removes it) and return the one it had."""
        before = self._scores.get(member)
        if before == score:
            return before
        if before is not None:
            del self._order[bisect_left(self._order, (before, member))]
        if score is None:
            del self._scores[member]
        else:
            self._scores[member] = score
            insort(self._order, (score, member))
        return before

    def first_score(self) -> int | None:
        """Return the lowest score, None if the set is empty."""
        return self._order[0][0] if self._order else None

    def until(self, score: int, limit: int) -> list[str]:
        """Return the members with at most that score, lowest first, at most `limit`."""
        stop = bisect_right(self._order, score, key=_score)
        return [m for _, m in self._order[: min(stop, max(0, limit))]]

    def below(self, score: int, limit: int) -> list[tuple[str, int]]:
        """Return (member, score) of the members with a lower score, highest first, at most `limit`."""
        stop = bisect_left(self._order, score, key=_score)
        return [(m, s) for s, m in reversed(self._order[max(0, stop - max(0, limit)) : stop])]

    def items(self) -> dict[str, int]:
        """Return all members with their scores, lowest first."""
        return {m: s for s, m in self._order}


def _score(item: tuple[int, str]) -> int:
    return item[0]
