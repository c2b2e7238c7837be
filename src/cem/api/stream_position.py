"""A place in a stream over many partitions, as one short text: the `id` of a server-sent event."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from zlib import crc32

__all__ = ["read_position", "write_position"]

#: No position of a log of so many partitions is longer.
_LONGEST = 1024 * 12


def write_position(log_id: int, offsets: Sequence[int]) -> str:
    """Return the text of the next offset of each partition, in the log of that id (32 bits).

    Each offset takes a byte for every seven of its bits: 24 partitions of a million alerts are 100 characters.
    """
    packed = bytearray(log_id.to_bytes(4, "big"))
    for offset in offsets:
        while offset > 0x7F:
            packed.append(0x80 | (offset & 0x7F))
            offset >>= 7
        packed.append(offset)
    packed += (crc32(packed) & 0xFFFF).to_bytes(2, "big")
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read_position(text: str) -> tuple[int, list[int]]:
    """Return the log's id and the offsets of a text that `write_position` made. Raises ValueError for any other."""
    if len(text) > _LONGEST:
        raise ValueError("too long for a position")
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("no position") from None
    packed, check = packed[:-2], packed[-2:]
    if len(packed) < 5 or packed[-1] & 0x80 or (crc32(packed) & 0xFFFF).to_bytes(2, "big") != check:
        raise ValueError("no whole position")
    offsets: list[int] = []
    offset = shift = 0
    for byte in packed[4:]:
        offset |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
            if shift > 56:
                raise ValueError("an offset that no log has")
        else:
            offsets.append(offset)
            offset = shift = 0
    return int.from_bytes(packed[:4], "big"), offsets
