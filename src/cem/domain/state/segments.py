"""The segments that a customer is in: packed, because nearly all records leave them alone.

Bytes: when the rules must next be asked (seconds since the epoch, 0 = never), the key of the rules that were asked, the
shares with which he stands in the lane's sums, and a row of 3 bytes for each segment: its number, and the day since when.
"""

from __future__ import annotations

import struct

import msgspec

__all__ = ["MOST", "UNKNOWN", "Standing", "pack_standing", "segments_due_ms", "unpack_standing"]

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
    csat = 0 if standing.csat_centi < 0 else 1 + round((standing.csat_centi - 100) * _CSAT_STEP / 100)
    risk = 0 if standing.risk_milli < 0 else 1 + round(standing.risk_milli * _RISK_STEP / 1000)
    packed = bytearray(_HEAD.pack(standing.due_s, standing.key, csat, risk))
    # 7 bits of the number a byte, the last one below 128; its lowest bit is the sign.
    value = abs(round(standing.value_minor / _VALUE_STEP)) << 1 | (standing.value_minor < 0)
    while value > 127:
        packed.append(value & 127 | 128)
        value >>= 7
    packed.append(value)
    for number in sorted(standing.since):
        packed += _ROW.pack(number, standing.since[number])
    return bytes(packed)


def unpack_standing(packed: bytes) -> Standing:
    """Return what the bytes say; of none: nothing was asked yet."""
    if not packed:
        return Standing()
    due_s, key, csat, risk = _HEAD.unpack_from(packed)
    at, shift, value = _HEAD.size, 0, 0
    while packed[at] > 127:
        value |= (packed[at] & 127) << shift
        at, shift = at + 1, shift + 7
    value |= packed[at] << shift
    worth = (value >> 1) * _VALUE_STEP
    return Standing(
        due_s,
        key,
        100 + (csat - 1) * 100 // _CSAT_STEP if csat else UNKNOWN,
        (risk - 1) * 1000 // _RISK_STEP if risk else UNKNOWN,
        -worth if value & 1 else worth,
        dict(_ROW.iter_unpack(packed[at + 1 :])),
    )


def segments_due_ms(packed: bytes) -> int:
    """Return when the rules must next be asked; 0 = never."""
    return _DUE.unpack_from(packed)[0] * 1000 if packed else 0
