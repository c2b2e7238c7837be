"""Which rows of a file could not be used, for whoever has to mend the file."""

from __future__ import annotations

from cem.cli.output import note

__all__ = ["Rejected"]


class Rejected:
    """Rows that could not be used: how many for which reason, and which was the first."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: dict[str, tuple[int, int]] = {}

    def add(self, reason: str, row: int) -> None:
        """Count row number `row` of the file."""
        count, first = self._found.get(reason, (0, row))
        self._found[reason] = (count + 1, first)

    @property
    def total(self) -> int:
        """Return how many there are."""
        return sum(count for count, _ in self._found.values())

    def say(self) -> None:
        """Print a line for each reason on standard error, the most frequent first."""
        for reason, (count, first) in sorted(self._found.items(), key=lambda item: (-item[1][0], item[0])):
            note(f"  {count:,} rejected: {reason} (row {first:,}{' is the first' if count > 1 else ''})")
