"""A model as bytes: a header in MessagePack and numpy arrays as they lie in memory. Data, never code.

    offset  length
    0       4       "CEMm"
    4       2       format, little-endian: 1
    6       4       n, length of the header
    10      n       header: model, recipe, layout, version, state, arrays (name, dtype, shape, each in this order)
    10+n    ...     the arrays one after another, C order, little-endian
    end-4   4       CRC-32 of everything before it

Numbers of a model are finite, or it is not written: a NaN that entered a model would come out in every score. Equal
models give equal bytes. The format is that of the file; the *layout* is what one model keeps in it, numbered by that
model. Either being unknown is refused with a sentence.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = ["FORMAT", "MAGIC", "Snapshot", "SnapshotError", "digest", "read_snapshot", "write_snapshot"]

FORMAT: Final = 1
MAGIC: Final = b"CEMm"
#: Magic, format and length of the header.
_PREFIX: Final = 10
_CRC: Final = 4
#: A model is at most 96 MB; whatever says it is larger is no snapshot of ours.
_MAX_BYTES: Final = 256 * 1024 * 1024
_DTYPES: Final = ("<f4", "<f8", "<i4", "<i8", "<u2", "<u4", "<u8", "|i1", "|u1", "|b1")

Array = npt.NDArray[Any]


class SnapshotError(ValueError):
    """A snapshot that cannot be used. The message says what is wrong with it in a sentence."""


class Snapshot(msgspec.Struct, frozen=True):
    """What a model keeps."""

    #: The model's name, as in the contract.
    model: str
    recipe: str
    #: Number of the model's own layout of `state` and `arrays`.
    layout: int
    #: Offset of the last example learnt.
    version: int
    #: Plain data: numbers, texts, lists and mappings with texts as keys. Mappings keep their order.
    state: dict[str, Any]
    arrays: dict[str, Array]


class _ArrayHeader(msgspec.Struct, array_like=True):
    name: str
    dtype: str
    shape: tuple[int, ...]


class _Header(msgspec.Struct):
    model: str
    recipe: str
    layout: int
    version: int
    state: dict[str, Any]
    arrays: list[_ArrayHeader]


def write_snapshot(snapshot: Snapshot) -> bytes:
    """Return the bytes of a snapshot. Raises SnapshotError when a number in it is not finite."""
    _check_finite(snapshot.state, "state")
    headers: list[_ArrayHeader] = []
    parts: list[bytes] = []
    for name, array in snapshot.arrays.items():
        whole = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        if whole.dtype.str not in _DTYPES:
            raise SnapshotError(
                f"array {name!r} of {snapshot.model} has the type {array.dtype}, which is not kept"
            )
        if whole.dtype.kind == "f" and not np.isfinite(whole).all():
            raise SnapshotError(f"array {name!r} of {snapshot.model} holds a value that is no finite number")
        headers.append(_ArrayHeader(name, whole.dtype.str, array.shape))
        parts.append(whole.tobytes())
    header = msgspec.msgpack.encode(
        _Header(snapshot.model, snapshot.recipe, snapshot.layout, snapshot.version, snapshot.state, headers)
    )
    body = b"".join((MAGIC, FORMAT.to_bytes(2, "little"), len(header).to_bytes(4, "little"), header, *parts))
    return body + zlib.crc32(body).to_bytes(_CRC, "little")


def read_snapshot(
    data: bytes, *, model: str, layouts: tuple[int, ...], recipe: str | None = None
) -> Snapshot:
    """Return what `write_snapshot` wrote for `model` in one of its `layouts`; arrays are copies. Raises SnapshotError.

    `recipe`: the one that it must have been made by; None: any.
    """
    header = _header(data)
    if header.model != model:
        raise SnapshotError(f"this is a snapshot of {header.model!r}, not of {model!r}")
    if header.layout not in layouts:
        raise SnapshotError(
            f"this snapshot of {model} has layout {header.layout}; this version of cem reads "
            f"{', '.join(map(str, layouts))}: train the model again with cem learn, or use the version that wrote it"
        )
    if recipe is not None and header.recipe != recipe:
        raise SnapshotError(f"this snapshot was made by the recipe {header.recipe!r}, not {recipe!r}")
    _check_finite(header.state, "state")
    arrays: dict[str, Array] = {}
    at = _PREFIX + int.from_bytes(data[6:_PREFIX], "little")
    for entry in header.arrays:
        array, at = _array(data, entry, at)
        arrays[entry.name] = array
    if at != len(data) - _CRC:
        raise SnapshotError("this snapshot is longer than its header says")
    return Snapshot(header.model, header.recipe, header.layout, header.version, header.state, arrays)


def digest(data: bytes) -> str:
    """Return the hash by which two snapshots are the same (SHA-256, hex)."""
    return hashlib.sha256(data).hexdigest()


def _header(data: bytes) -> _Header:
    if data[:4] != MAGIC:
        raise SnapshotError("this is no snapshot of a model")
    written = int.from_bytes(data[4:6], "little")
    if written != FORMAT:
        age = "a newer version of cem" if written > FORMAT else "a version of cem that is too old"
        raise SnapshotError(f"this snapshot was written by {age}: format {written}, not {FORMAT}")
    length = int.from_bytes(data[6:_PREFIX], "little")
    if not _PREFIX + length + _CRC <= len(data) <= _MAX_BYTES:
        raise SnapshotError("this snapshot is cut off or too large")
    if zlib.crc32(memoryview(data)[:-_CRC]) != int.from_bytes(data[-_CRC:], "little"):
        raise SnapshotError("this snapshot is damaged: its checksum is wrong")
    try:
        return msgspec.msgpack.decode(data[_PREFIX : _PREFIX + length], type=_Header)
    except msgspec.DecodeError as error:
        raise SnapshotError(f"the header of this snapshot cannot be read: {error}") from None


def _array(data: bytes, entry: _ArrayHeader, at: int) -> tuple[Array, int]:
    if entry.dtype not in _DTYPES or min(entry.shape, default=0) < 0:
        raise SnapshotError(f"array {entry.name!r} of this snapshot has a type or shape that is not known")
    count = math.prod(entry.shape)
    end = at + count * np.dtype(entry.dtype).itemsize
    if end > len(data) - _CRC:
        raise SnapshotError(f"array {entry.name!r} of this snapshot is cut off")
    flat = np.frombuffer(data, dtype=entry.dtype, count=count, offset=at)
    if flat.dtype.kind == "f" and not np.isfinite(flat).all():
        raise SnapshotError(f"array {entry.name!r} of this snapshot holds a value that is no finite number")
    return flat.reshape(entry.shape).copy(), end


def _check_finite(value: object, where: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise SnapshotError(f"{where} holds a value that is no finite number")
    if isinstance(value, Mapping):
        for key, each in value.items():
            _check_finite(each, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            _check_finite(each, f"{where}[{index}]")
