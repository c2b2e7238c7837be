"""Lets librdkafka's embedded broker keep more than it was built to.

It drops the oldest batches of a partition beyond 5 MB, read or not, and has no setting for that: a burst that its
reader does not follow at once, or a single giant record, would leave a hole in the log. The two limits stand in each
partition's struct, right behind its (still empty) size and count:

    size_t size, cnt, max_size, max_cnt;

They are found by these four values in this process's own memory, and changed only if exactly as many places are
found as there are partitions. With another librdkafka, or on another system, nothing is found, and the limits stay.
"""

from __future__ import annotations

import ctypes
import re
import resource
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["MAX_BATCHES", "MAX_BYTES", "raise_limits"]

#: What a partition keeps afterwards: room for a burst, and for the largest record that a topic takes.
MAX_BYTES: Final = 16 * 1024 * 1024
MAX_BATCHES: Final = 1_000_000

_BUILT_IN_BYTES: Final = 5 * 1024 * 1024
_BUILT_IN_BATCHES: Final = 100_000
_WORD: Final = 8
#: Memory is looked through in pieces of this size.
_PIECE: Final = 1024 * 1024
_REGION: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw.p \S+ \S+ 0\s*(\[heap\])?\n?$")


def raise_limits(partitions: int) -> bool:
    """Return True when all `partitions` partitions of this process's broker, empty so far, have the limits above."""
    if sys.platform != "linux" or struct.calcsize("P") != _WORD:
        return False
    found = list(_places())
    if len(found) != partitions:
        return False
    for address in found:
        ctypes.memmove(address, struct.pack("=QQ", MAX_BYTES, MAX_BATCHES), 2 * _WORD)
    return True


def _places() -> Iterator[int]:
    """Yield the address of every `max_size` that stands between the values that it is expected to stand between."""
    piece = bytearray(_PIECE)
    view = (ctypes.c_char * _PIECE).from_buffer(piece)
    own = range(ctypes.addressof(view), ctypes.addressof(view) + _PIECE)
    # The four words are never put together here: this very memory is being looked through.
    rare = struct.pack("=Q", _BUILT_IN_BATCHES)
    # Threads' stacks are most of the memory, and hold no partition.
    stack = resource.getrlimit(resource.RLIMIT_STACK)[0]
    regions = [
        match for match in map(_REGION.match, Path("/proc/self/maps").read_text().splitlines()) if match
    ]
    with Path("/proc/self/mem").open("rb", buffering=0) as memory:
        for match in regions:
            start, stop = int(match[1], 16), int(match[2], 16)
            if stop - start == stack:
                continue
            while start < stop:
                memory.seek(start)
                try:
                    length = memory.readinto(memoryview(piece)[: min(_PIECE, stop - start)]) or 0
                except OSError:
                    break  # given back to the system meanwhile
                if length <= 4 * _WORD:
                    break
                at = piece.find(rare, 0, length)
                while at >= 0:
                    address = start + at - _WORD
                    if at >= 3 * _WORD and address % _WORD == 0 and address not in own:
                        before = struct.unpack_from("=QQQ", piece, at - 3 * _WORD)
                        if before == (0, 0, _BUILT_IN_BYTES):
                            yield address
                    at = piece.find(rare, at + 1, length)
                # Pieces overlap by the three words that stand before the rare one.
                start += length - 3 * _WORD if start + length < stop else length
