"""A customer's quiet sections as one piece: their rows turned, together deflated, where that is worth it.

Which sections are quiet, and when, is for `cem.domain.customer` to say; how bytes are deflated, for
`cem.domain.state.squeeze`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import Raw

from cem.domain.state import contact_rows, decisions
from cem.domain.state.squeeze import BadPieceError, is_turned, squeeze, turned, turned_back, unsqueeze

__all__ = ["BadPieceError", "piece_of", "sections_of"]

#: The sections that begin with rows of fixed width, by their place in the piece, and the width.
_ROWS: Final = ((0, contact_rows.ROW_BYTES), (1, decisions.ROW_BYTES))
#: MessagePack's marks of bytes with a length of one byte, and of two.
_BIN8, _BIN16 = 0xC4, 0xC5
#: Sections of fewer bytes than this together stay as they are: deflating costs more than the room is worth.
_WORTH_IT: Final = 512

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Raw]).decode


def piece_of(sections: Sequence[Raw]) -> bytes | None:
    """Return the piece that the sections make together, None if they are not worth it."""
    plain = _encode(sections)
    if len(plain) < _WORTH_IT:
        return None
    piece = squeeze(_encode(_with_rows(sections, turned)))
    return piece if len(piece) < len(plain) else None


def sections_of(piece: bytes) -> list[Raw]:
    """Return the sections that are in the piece, in its order. Raises BadPieceError."""
    try:
        sections = _decode(unsqueeze(piece))
        return _with_rows(sections, turned_back) if is_turned(piece) else sections
    except (msgspec.DecodeError, IndexError) as error:
        raise BadPieceError(str(error)) from error


def _with_rows(sections: Sequence[Raw], change: Callable[[bytes, int], bytes]) -> list[Raw]:
    """Return the sections with the rows of those that have any changed."""
    found = [*sections]
    for place, width in _ROWS:
        section = bytes(found[place])
        # An array whose first field are the rows: cut out where they are, for what follows stays as it is.
        begin, length = _rows_at(section)
        if length:
            end = begin + length
            found[place] = Raw(section[:begin] + change(section[begin:end], width) + section[end:])
    return found


def _rows_at(section: bytes) -> tuple[int, int]:
    """Return where in a section's bytes the bytes of its first field begin, and how many they are. Raises IndexError."""
    kind = section[1] if 0x90 < section[0] < 0xA0 else 0
    if kind == _BIN8:
        return 3, section[2]
    return (4, section[2] << 8 | section[3]) if kind == _BIN16 else (0, 0)
