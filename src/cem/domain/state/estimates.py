"""What models say of the customer, and what waits for the label from which they learn. Absent until there is something.

Times are whole seconds, moods hundredths (-100 complaint, 100 praise), CSAT fiftieths of a point (50 to 250), chances
ten thousandths: a row has few bytes, because every customer has some.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import msgspec

__all__ = [
    "MOODS_KEPT",
    "TURNS_KEPT",
    "Churn",
    "Estimates",
    "Heard",
    "Offered",
    "PastMood",
    "Satisfied",
    "Spoken",
    "Talked",
    "first_waiting",
    "pack_portraits",
    "past_moods",
    "spoken_of",
    "waiting_portraits",
    "with_past_mood",
    "with_spoken",
]

#: Conversations before the newest of which the mood is kept, and utterances of the newest.
MOODS_KEPT = 6
TURNS_KEPT = 32

_SPOKEN = struct.Struct("<HbB")
_PAST = struct.Struct("<IIbB")


class Spoken(msgspec.Struct, frozen=True, gc=False):
    """One utterance of the customer: number of its turn, mood, and words (at most 255)."""

    turn: int
    mood: int
    words: int


class PastMood(msgspec.Struct, frozen=True, gc=False):
    """The mood of a conversation that is over."""

    #: See `contact_key`.
    key: int
    at_s: int
    mood: int
    #: Utterances, at most 255.
    utterances: int


class Talked(msgspec.Struct, array_like=True, gc=False):
    """The newest conversation: a call, or a message."""

    key: int = 0
    at_s: int = 0
    channel: str = ""
    #: Packed `Spoken`s in order of their turns.
    spoken: bytes = b""
    #: Words on which its strongest utterance hangs, and how strong that one is.
    about: list[str] = []
    strongest: int = 0
    #: Reason as the model sees it where nobody has said one, and how sure it is in percent.
    reason: str = ""
    sure: int = 0
    #: Of the model that supposed it.
    reason_version: int = -1


class Satisfied(msgspec.Struct, array_like=True, gc=False):
    """What he would answer to a survey: fiftieths of a CSAT point."""

    at_s: int
    point: int
    low: int
    high: int
    #: Numbers of the portrait's features, from one on; negative: lowers.
    drivers: list[int] = []
    #: Of the model that said so: the offset of the last example that it had learnt.
    version: int = -1
    #: "nps" and "ces", once enough of them were answered: point, low and high in tenths, then drivers as above.
    others: dict[str, list[int]] = {}


class Churn(msgspec.Struct, array_like=True, gc=False):
    """How likely he leaves within the horizon after his last weekly look: ten thousandths."""

    chance: int
    drivers: list[int] = []
    version: int = -1


class Heard(msgspec.Struct, array_like=True, gc=False):
    """A contact about which a survey may still be answered: what was known at its end."""

    key: int
    at_s: int
    channel: str = ""
    #: What the customer said, shortened.
    text: str = ""
    portrait: bytes = b""


class Offered(msgspec.Struct, array_like=True, gc=False):
    """A decision of which it is not known yet whether its first action was accepted: what was known when it was made."""

    #: See `decision_key`.
    key: int
    at_s: int
    action: str
    channel: str = ""
    #: With which the decision put the action first.
    probability: float = 0.0
    portrait: bytes = b""
    #: The action's group in the catalogue.
    group: str = ""


class Estimates(msgspec.Struct, array_like=True, gc=False):
    """Estimates, and examples in waiting."""

    talked: Talked | None = None
    #: Packed `PastMood`s, oldest first.
    moods: bytes = b""
    satisfied: Satisfied | None = None
    churn: Churn | None = None
    #: Contacts, oldest first.
    heard: list[Heard] = []
    #: Weeks (see `cem.domain.facts.learning`) of the last look and of the first portrait; 0 = none yet.
    week: int = 0
    first_week: int = 0
    #: Packed portraits whose horizon is still open.
    waiting: bytes = b""
    #: Decisions, oldest first.
    offered: list[Offered] = []


def spoken_of(packed: bytes) -> list[Spoken]:
    """Return the utterances in order."""
    return [Spoken(*row) for row in _SPOKEN.iter_unpack(packed)]


def with_spoken(packed: bytes, turn: int, mood: int, words: int) -> bytes:
    """Return the rows with one more utterance; said again, the turn is as it was said last."""
    turn = min(turn, 65_535)
    rows = {row[0]: row for row in _SPOKEN.iter_unpack(packed)}
    rows[turn] = (turn, max(-100, min(100, mood)), min(words, 255))
    return b"".join(_SPOKEN.pack(*rows[key]) for key in sorted(rows)[-TURNS_KEPT:])


def past_moods(packed: bytes) -> list[PastMood]:
    """Return the moods of conversations that are over, oldest first."""
    return [PastMood(*row) for row in _PAST.iter_unpack(packed)]


def with_past_mood(packed: bytes, mood: PastMood) -> bytes:
    """Return the rows with one more, the newest `MOODS_KEPT` of them."""
    rows = [*_PAST.iter_unpack(packed), (mood.key, mood.at_s, mood.mood, min(mood.utterances, 255))]
    rows.sort(key=_at)
    return b"".join(_PAST.pack(*row) for row in rows[-MOODS_KEPT:])


def waiting_portraits(packed: bytes) -> list[tuple[int, bytes]]:
    """Return weeks and portraits, oldest first."""
    found: list[tuple[int, bytes]] = []
    at, week, last = 0, 0, b""
    while at < len(packed):
        gap = packed[at]
        at += 1
        if gap:
            week += gap
            marks = int.from_bytes(packed[at : at + _marks(last)], "little")
            at += _marks(last)
            row = bytearray(last)
            for place in range(len(row)):
                if marks >> place & 1:
                    row[place] = packed[at]
                    at += 1
            last = bytes(row)
        else:
            week = int.from_bytes(packed[at : at + 2], "little")
            end = at + 3 + packed[at + 2]
            last, at = packed[at + 3 : end], end
        found.append((week, last))
    return found


def first_waiting(packed: bytes) -> int | None:
    """Return the week of the oldest portrait, None if none waits."""
    # The first row is always whole: 0, the week, the length.
    return int.from_bytes(packed[1:3], "little") if packed else None


def pack_portraits(rows: Sequence[tuple[int, bytes]]) -> bytes:
    """Return weeks and portraits as bytes: of each but the first only what differs from the one before it."""
    packed = bytearray()
    week, last = 0, b""
    for at, row in rows:
        gap = at - week
        if last and len(row) == len(last) and 0 < gap < 256:
            differs = [place for place in range(len(row)) if row[place] != last[place]]
            packed.append(gap)
            packed += sum(1 << place for place in differs).to_bytes(_marks(row), "little")
            packed += bytes([row[place] for place in differs])
        else:
            packed += b"\0" + at.to_bytes(2, "little") + len(row).to_bytes(1, "little") + row
        week, last = at, row
    return bytes(packed)


def _marks(row: bytes) -> int:
    return (len(row) + 7) // 8


def _at(row: tuple[int, ...]) -> tuple[int, int]:
    return row[1], row[0]
