"""How far one end point has got in one partition: what survives a kill."""

from __future__ import annotations

import msgspec

__all__ = ["Progress", "Spans", "again", "decode_progress", "encode_progress"]

#: Ranges [first, next) of offsets, ascending, apart from each other.
Spans = tuple[tuple[int, int], ...]


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """Offsets are *settled* when they were delivered, have expired, or are not for this end point."""

    #: Everything below is settled.
    position: int
    #: What is settled beyond it.
    settled: Spans = ()
    #: Offsets that were tried in vain: how often, and when they are next (wall, ms).
    tried: dict[int, tuple[int, int]] = {}
    #: What a person wants again, [first, next), expires at an instant of its own (service's clock, ms).
    wanted: tuple[int, int, int] = (0, 0, 0)


def encode_progress(progress: Progress) -> bytes:
    """Return the bytes to keep."""
    return msgspec.msgpack.encode(progress)


def decode_progress(data: bytes) -> Progress:
    """Return the progress of `encode_progress`'s bytes. Raises msgspec.DecodeError."""
    return msgspec.msgpack.decode(data, type=Progress)


def again(progress: Progress, first: int, stop: int, until_ms: int) -> Progress:
    """Return the progress with [first, stop) not settled: it will be sent again, in the log's order.

    It counts as never tried, and expires at `until_ms` if it has not been by then.
    """
    if first >= stop:
        return progress
    spans = ((0, progress.position), *progress.settled)
    pieces = [
        (a, b) for low, high in spans for a, b in ((low, min(high, first)), (max(low, stop), high)) if a < b
    ]
    position = pieces[0][1] if pieces and pieces[0][0] == 0 else 0
    settled = tuple(pieces[1:] if position else pieces)
    tried = {o: t for o, t in progress.tried.items() if not first <= o < stop}
    low, high, _ = progress.wanted
    wanted = (min(low, first), max(high, stop), until_ms) if low < high else (first, stop, until_ms)
    return Progress(position, settled, tried, wanted)
