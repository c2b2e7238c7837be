"""The last decisions made for the customer and what became of them, packed: every call leaves some."""

from __future__ import annotations

import struct
from zlib import crc32

import msgspec

from cem.domain.state.contacts import CHANNELS

__all__ = [
    "ROW_BYTES",
    "STATES",
    "Decision",
    "Decisions",
    "acted",
    "added_last",
    "count_since",
    "decision_key",
    "pack_decisions",
    "states_between",
]

#: Codes of outcome states. Append only; "" = nothing is known yet.
STATES = ("", "other", "returned", "displayed", "offered", "accepted", "declined", "done", "ignored")

_ROW = struct.Struct("<IHIIHBBBBBBB")
#: Of a row: when it was made, when it came to its state, and the state.
_TURN = struct.Struct("<IH4xIHB6x")
#: Bytes of a row of `Decisions.rows`.
ROW_BYTES = _ROW.size
_CHANNEL_CODE = {name: code for code, name in enumerate(CHANNELS)}
_STATE_CODE = {name: code for code, name in enumerate(STATES)}
_OTHER = 1


class Decision(msgspec.Struct, gc=False):
    """One action of one decision. `made` is false while only an outcome of it has been seen."""

    #: CRC-32 of the decision's id.
    key: int
    at_ms: int
    action: str = ""
    treatment: str = ""
    channel: str = ""
    #: The furthest outcome: "" = none yet.
    state: str = ""
    state_ms: int = 0
    #: Why it was declined, and what was done instead.
    reason: str = ""
    instead: str = ""
    made: bool = True
    #: Decided for an outreach, not for a call; and decided only to compare, shown to nobody.
    proactive: bool = False
    shadow: bool = False


class Decisions(msgspec.Struct, array_like=True, gc=False):
    """The packed decisions, 23 bytes each, oldest first, their texts, and totals over all time."""

    rows: bytes = b""
    texts: list[str] = []
    total: int = 0
    #: Actions that were accepted (done counts too) and declined.
    accepted: int = 0
    declined: int = 0

    @property
    def made(self) -> list[Decision]:
        """The last decisions, oldest first (unpacked anew at each look)."""
        texts = ["", *self.texts]
        return [
            Decision(
                key,
                low | high << 32,
                texts[action],
                texts[treatment],
                CHANNELS[channel],
                STATES[state],
                state_low | state_high << 32,
                texts[reason],
                texts[instead],
                bool(flags & 1),
                bool(flags & 2),
                bool(flags & 4),
            )
            for (
                low,
                high,
                key,
                state_low,
                state_high,
                state,
                channel,
                flags,
                action,
                treatment,
                reason,
                instead,
            ) in _ROW.iter_unpack(self.rows)
        ]


def states_between(decisions: Decisions, after_ms: int, until_ms: int) -> list[str]:
    """Return the states of decisions that changed (or were made) after an instant and up to another, oldest first.

    What costs a fifth of unpacking them.
    """
    return [
        STATES[state]
        for low, high, state_low, state_high, state in _TURN.iter_unpack(decisions.rows)
        if after_ms < ((state_low | state_high << 32) or (low | high << 32)) <= until_ms
    ]


def acted(decisions: Decisions) -> list[tuple[str, str, int]]:
    """Return action, state and instant (ms) of the newest state of each decision that people were shown, oldest first.

    Those without an action and those that nobody was shown are left out. What costs a third of unpacking them.
    """
    texts = decisions.texts
    return [
        (texts[row[8] - 1], STATES[row[5]], (row[3] | row[4] << 32) or (row[0] | row[1] << 32))
        for row in _ROW.iter_unpack(decisions.rows)
        if row[8] and not row[7] & 4
    ]


def count_since(decisions: Decisions, state: str, after_ms: int) -> int:
    """Return of how many decisions the state became this one after an instant."""
    code = _STATE_CODE[state]
    return sum(
        [row[5] == code and (row[3] | row[4] << 32) > after_ms for row in _ROW.iter_unpack(decisions.rows)]
    )


def decision_key(decision_id: str) -> int:
    """Return the key by which a decision is found again."""
    return crc32(decision_id.encode())


def pack_decisions(decisions: Decisions, made: list[Decision]) -> None:
    """Put the list (oldest first) into `decisions`; equal lists give equal bytes."""
    texts: dict[str, int] = {"": 0}
    decisions.rows = b"".join([_row(d, texts) for d in made])
    decisions.texts = [*texts][1:]


def added_last(decisions: Decisions, new: Decision, most: int) -> bool:
    """Put a decision behind the others; False, and nothing is done, unless that is all that it changes.

    That is: nothing of its key is there, it is the newest, and there are `most` afterwards at most.
    """
    rows = decisions.rows
    if len(rows) >= most * ROW_BYTES or rows.find(new.key.to_bytes(4, "little")) >= 0:
        return False
    if rows and int.from_bytes(rows[-ROW_BYTES : 6 - ROW_BYTES], "little") >= new.at_ms:
        return False
    texts = dict(zip(["", *decisions.texts], range(256), strict=False))
    decisions.rows = rows + _row(new, texts)
    decisions.texts = [*texts][1:]
    return True


def _row(d: Decision, texts: dict[str, int]) -> bytes:
    """Return the row; texts that have no number yet get one."""
    number = texts.setdefault
    return _ROW.pack(
        d.at_ms & 0xFFFFFFFF,
        d.at_ms >> 32,
        d.key,
        d.state_ms & 0xFFFFFFFF,
        d.state_ms >> 32,
        _STATE_CODE.get(d.state, _OTHER),
        _CHANNEL_CODE.get(d.channel, _OTHER),
        d.made | d.proactive << 1 | d.shadow << 2,
        number(d.action, len(texts)),
        number(d.treatment, len(texts)),
        number(d.reason, len(texts)),
        number(d.instead, len(texts)),
    )
