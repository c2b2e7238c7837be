"""The receipts of what was sent again, in the state directory: what is on record there is not sent twice."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from cem.cli.dead_letters.reading import moment
from cem.cli.errors import FAILED, Failure
from cem.streams.redrive import Receipt

__all__ = ["RECEIPTS", "SentAgain", "read_receipts", "sent_again"]

#: The file's name in the state directory.
RECEIPTS: Final = "resent.jsonl"


class SentAgain(msgspec.Struct, frozen=True):
    """How often a letter was sent again from this state directory, and when last (ms; 0 = never)."""

    times: int = 0
    last_ms: int = 0

    @property
    def last(self) -> str | None:
        """The last time in RFC 3339; None for never."""
        return moment(self.last_ms) if self.times else None

    def __str__(self) -> str:
        if not self.times:
            return "never"
        return f"{self.last}" if self.times == 1 else f"{self.last} ({self.times} times)"


def read_receipts(path: Path) -> list[Receipt]:
    """Return the receipts that are kept. Raises Failure when somebody else has written there."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    # What follows the last line end was being written when the process ended.
    lines = content.split(b"\n")[:-1]
    try:
        return [msgspec.json.decode(line, type=Receipt) for line in lines]
    except msgspec.MsgspecError as error:
        raise Failure(
            f"{path} cannot be read ({error}); move it away to forget what was sent again", FAILED
        ) from None


def sent_again(receipts: Iterable[Receipt], cluster_id: str) -> dict[str, SentAgain]:
    """Return by the letter's name what the receipts of this cluster say."""
    found: dict[str, SentAgain] = {}
    for receipt in receipts:
        if receipt.cluster_id == cluster_id:
            before = found.get(receipt.letter, SentAgain())
            found[receipt.letter] = SentAgain(before.times + 1, max(before.last_ms, receipt.sent_ms))
    return found
