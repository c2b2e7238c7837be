"""Sending dead letters again: which of them, whether that helps, and what was sent. The choice is pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

import msgspec

from cem.domain.events.envelope import decode
from cem.domain.events.rejects import Reject
from cem.ports import Emission
from cem.streams.dead_letters import DeadLetter, redriven
from cem.streams.producer import EventProducer
from cem.streams.topics import LANE_TOPICS

__all__ = ["MAX_REDRIVES", "Mend", "Receipt", "Redrive", "plan_redrive", "send_again", "verdict"]

#: A record that was sent again so often and came back every time will come back once more.
MAX_REDRIVES: Final = 3


class Mend(msgspec.Struct, frozen=True):
    """What is put in the place of a letter's own; None leaves it."""

    value: bytes | None = None
    key: bytes | None = None
    headers: Mapping[str, bytes] = {}


class Redrive(msgspec.Struct, frozen=True):
    """A dead letter, what would be sent for it, and why not, if not."""

    letter: DeadLetter
    emission: Emission
    #: None: send it.
    held: str | None


class Receipt(msgspec.Struct, frozen=True):
    """Proof that a dead letter was sent again, and where it lies now."""

    #: Its place among the dead letters: partition/offset.
    letter: str
    cluster_id: str
    topic: str
    partition: int
    offset: int
    sent_ms: int
    #: CloudEvents source and id, which stay.
    source: str | None
    id: str | None
    redrives: int
    mended: bool


class _Candidate(msgspec.Struct):
    """The record that would be read, for the decoder."""

    topic: str
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    partition: int = 0
    offset: int = 0


def plan_redrive(
    letters: Iterable[DeadLetter],
    *,
    now_ms: int,
    sent_before: Collection[str] = (),
    mend: Mend | None = None,
    anyway: bool = False,
) -> list[Redrive]:
    """Return what sending the letters again would do, in their order.

    A letter is held back when it cannot go anywhere, was sent before (its name is in `sent_before`), has come back
    too often, or would be rejected once more; `anyway` sends all but the first kind.
    """
    return [_planned(letter, now_ms, sent_before, mend or Mend(), anyway) for letter in letters]


def _planned(
    letter: DeadLetter, now_ms: int, sent_before: Collection[str], mend: Mend, anyway: bool
) -> Redrive:
    value = letter.value if mend.value is None else mend.value
    emission = redriven(letter, value, key=mend.key, headers=mend.headers)
    held: str | None = None
    if letter.topic not in LANE_TOPICS:
        held = f"it came from {letter.topic or 'nowhere that was noted'}, which no worker reads"
    elif not anyway:
        if letter.name in sent_before:
            held = "it was sent again before"
        elif letter.redrives >= MAX_REDRIVES:
            held = f"it came back after being sent again {letter.redrives} times"
        elif (refused := verdict(emission, now_ms)) is not None:
            held = f"it would be rejected again: {refused.code}: {refused.detail}"
    return Redrive(letter, emission, held)


def verdict(emission: Emission, now_ms: int) -> Reject | None:
    """Return why a worker of this version would reject the record, None if it would use it."""
    read = decode(_Candidate(emission.topic, now_ms, emission.key, emission.value, emission.headers))
    return read if isinstance(read, Reject) else None


async def send_again(
    producer: EventProducer,
    redrives: Iterable[Redrive],
    *,
    cluster_id: str,
    mended: bool,
    now_ms: Callable[[], int],
    on_receipt: Callable[[Receipt], None],
) -> list[Receipt]:
    """Send those that are not held back, one after the other, and return the receipts.

    Each is handed to `on_receipt` as soon as the log has it, so that a kill in between forgets none that was sent
    but the last. Raises LogUnavailable.
    """
    receipts: list[Receipt] = []
    for redrive in redrives:
        if redrive.held is not None:
            continue
        letter, emission = redrive.letter, redrive.emission
        partition, offset = await producer.send_one(emission)
        receipt = Receipt(
            letter.name,
            cluster_id,
            emission.topic,
            partition,
            offset,
            now_ms(),
            letter.header("ce_source"),
            letter.header("ce_id"),
            letter.redrives + 1,
            mended,
        )
        on_receipt(receipt)
        receipts.append(receipt)
    return receipts
