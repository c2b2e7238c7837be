"""The segments that a customer is in: packed, because nearly all records leave them alone.

Bytes: when the rules must next be asked (seconds since the epoch, 0 = never), the key of the rules that were asked, the
shares with which he stands in the lane's sums, and a row of 3 bytes for each segment: its number, and the day since when.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache

import msgspec

__all__ = [
    "MOST",
    "UNKNOWN",
    "Standing",
    "key_of",
    "members_of",
    "pack_standing",
    "rows_of",
    "segments_due_ms",
    "shares_of",
    "unpack_standing",
    "with_shares",
]

#: Segments that rules can name.
MOST = 64
#: A share that is not known.
UNKNOWN = -1

#: Steps of a CSAT point (1 to 5), of a risk (0 to 1), and minor units of a value's step.
_CSAT_STEP = 50
_RISK_STEP = 250
_VALUE_STEP = 100

_HEAD = struct.Struct("<IHBB")
_DUE = struct.Struct("<I")
_ROW = struct.Struct("<BH")


class Standing(msgspec.Struct, gc=False):
    """Where a customer stands. Shares are rounded to what is kept of them."""

    #: When the rules must next be asked, though nothing happens (s since the epoch); 0 = never.
    due_s: int = 0
    #: Which rules were asked; 0 = none.
    key: int = 0
    #: Satisfaction in hundredths of a CSAT point, risk of leaving in thousandths; UNKNOWN.
    csat_centi: int = UNKNOWN
    risk_milli: int = UNKNOWN
    #: What he is worth (minor units, whole hundreds).
    value_minor: int = 0
    #: Number of the segment to the day (UTC, since the epoch) on which he entered, by number.
    since: dict[int, int] = {}


def pack_standing(standing: Standing) -> bytes:
    """Return the bytes; equal standings have equal bytes."""
    csat, risk = _csat_code(standing.csat_centi), _risk_code(standing.risk_milli)
    packed = bytearray(_HEAD.pack(standing.due_s, standing.key, csat, risk))
    packed += _value_bytes(standing.value_minor)
    for number in sorted(standing.since):
        packed += _ROW.pack(number, standing.since[number])
    return bytes(packed)


def _csat_code(csat_centi: int) -> int:
    return 0 if csat_centi < 0 else 1 + round((csat_centi - 100) * _CSAT_STEP / 100)


def _risk_code(risk_milli: int) -> int:
    return 0 if risk_milli < 0 else 1 + round(risk_milli * _RISK_STEP / 1000)


@lru_cache(maxsize=1024)
def _value_bytes(value_minor: int) -> bytes:
    """Return the value: 7 bits of the number a byte, the last one below 128; its lowest bit is the sign."""
    value = abs(round(value_minor / _VALUE_STEP)) << 1 | (value_minor < 0)
    packed = bytearray()
    while value > 127:
        packed.append(value & 127 | 128)
        value >>= 7
    packed.append(value)
    return bytes(packed)


def unpack_standing(packed: bytes) -> Standing:
    """Return what the bytes say; of none: nothing was asked yet."""
    if not packed:
        return Standing()
    csat, risk, value = shares_of(packed)
    due_s, key, _, _ = _HEAD.unpack_from(packed)
    return Standing(due_s, key, csat, risk, value, dict(_ROW.iter_unpack(packed[_rows_at(packed) :])))


def key_of(packed: bytes) -> int:
    """Return which rules were asked; 0 = none."""
    return packed[4] | packed[5] << 8 if packed else 0


def shares_of(packed: bytes) -> tuple[int, int, int]:
    """Return satisfaction, risk and value of the bytes of a standing, as `Standing` has them."""
    csat, risk = packed[6], packed[7]
    at, shift, value = _HEAD.size, 0, 0
    while packed[at] > 127:
        value |= (packed[at] & 127) << shift
        at, shift = at + 1, shift + 7
    value |= packed[at] << shift
    worth = (value >> 1) * _VALUE_STEP
    return (
        100 + (csat - 1) * 100 // _CSAT_STEP if csat else UNKNOWN,
        (risk - 1) * 1000 // _RISK_STEP if risk else UNKNOWN,
        -worth if value & 1 else worth,
    )


def _rows_at(packed: bytes) -> int:
    at = _HEAD.size
    while packed[at] > 127:
        at += 1
    return at + 1


def members_of(packed: bytes) -> bytes:
    """Return the numbers of the segments, ascending: what costs a quarter of unpacking the standing."""
    return packed[_rows_at(packed) :: _ROW.size] if packed else b""


def rows_of(packed: bytes, members: Iterable[int], day: int) -> bytes:
    """Return the rows of one who is in these segments (by ascending number): since `day` where he was not before."""
    at = _rows_at(packed)
    known = packed[at :: _ROW.size]
    rows = b""
    for number in members:
        place = known.find(number)
        if place < 0:
            rows += _ROW.pack(number, day)
        else:
            begin = at + place * 3
            rows += packed[begin : begin + 3]
    return rows


def with_shares(
    packed: bytes,
    due_s: int,
    shares: tuple[int, int] | None,
    value_minor: int | None,
    rows: bytes | None = None,
) -> bytes | None:
    """Return the standing with these shares (None: as they are) and `rows`, to be asked again at another time.

    `shares` are satisfaction (hundredths) and risk (thousandths). None where the value has to be unpacked for it.
    """
    if packed[_HEAD.size] == 1 and value_minor is None:
        # A little less than nothing is nothing once it has been unpacked.
        return None
    csat, risk = (packed[6], packed[7]) if shares is None else (_csat_code(shares[0]), _risk_code(shares[1]))
    head = _HEAD.pack(due_s, packed[4] | packed[5] << 8, csat, risk)
    if value_minor is None and rows is None:
        return head + packed[_HEAD.size :]
    at = _rows_at(packed)
    value = packed[_HEAD.size : at] if value_minor is None else _value_bytes(value_minor)
    return head + value + (packed[at:] if rows is None else rows)


def segments_due_ms(packed: bytes) -> int:
    """Return when the rules must next be asked; 0 = never."""
    return _DUE.unpack_from(packed)[0] * 1000 if packed else 0
