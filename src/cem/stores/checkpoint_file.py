"""A lane in a file: header and token, outbox, states, sorted sets.

    CEMLANE1                       eight bytes that say what this is
    zlib stream of frames          each a 4-byte big-endian length and a MessagePack array, the first item its kind:
        ["lane", lane, partitions, written_ms, header, outbox]       first
        ["values", [[suffix, bytes], ...]]                           any number
        ["scores", name, [[member, score], ...]]                     any number
        ["end", values, scores]                                      last, with the counts
    BLAKE2b-256                    of everything before it

A file is written beside its place and put there whole; the one before it is kept, should the disk spoil the new one.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

import msgspec

from cem.ports import Emission, LaneHeader, LaneImage

__all__ = ["CheckpointDamaged", "CheckpointReader", "CheckpointWriter", "checkpoint_path"]

_MAGIC: Final = b"CEMLANE1"
_DIGEST: Final = 32
_CHUNK: Final = 1 << 18
_LEVEL: Final = 3

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class CheckpointDamaged(Exception):
    """A file that is not a whole checkpoint; the message names it and says what is wrong."""


def checkpoint_path(folder: Path, lane: int, *, previous: bool = False) -> Path:
    """Return where the lane's newest checkpoint stands, or the one before it."""
    return folder / f"lane-{lane:04d}{'.previous' if previous else ''}.checkpoint"


class CheckpointWriter:
    """Writes one checkpoint. As a context manager it leaves nothing behind unless `commit` was called."""

    def __init__(
        self, folder: Path, lane: int, partitions: int, image: LaneImage, *, written_ms: int
    ) -> None:
        """Begin the checkpoint of a lane as `image` shows it; the image must have a header."""
        if image.header is None:
            msg = f"lane {lane} was never saved: there is nothing to keep"
            raise ValueError(msg)
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lane = lane
        for left_behind in folder.glob(f".lane-{lane:04d}.*.writing"):
            left_behind.unlink(missing_ok=True)
        self._path = folder / f".lane-{lane:04d}.{os.getpid()}.writing"
        self._file: BinaryIO | None = self._path.open("wb")
        self._digest = blake2b(digest_size=_DIGEST)
        self._squeeze = zlib.compressobj(_LEVEL)
        self._values = self._scores = 0
        self._write(_MAGIC)
        self._frame(["lane", lane, partitions, written_ms, image.header, image.outbox])

    def values(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Add values. A later one for the same suffix wins when the lane is restored."""
        page = list(items)
        self._values += len(page)
        self._frame(["values", page])

    def scores(self, name: str, members: Mapping[str, int]) -> None:
        """Add a sorted set, or more of one."""
        page = list(members.items())
        self._scores += len(page)
        self._frame(["scores", name, page])

    def commit(self) -> Path:
        """Put the checkpoint in its place, on the disk for good, and return the place."""
        self._frame(["end", self._values, self._scores])
        self._write(self._squeeze.flush())
        assert self._file is not None
        self._file.write(self._digest.digest())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        final = checkpoint_path(self._folder, self._lane)
        if final.exists():
            final.replace(checkpoint_path(self._folder, self._lane, previous=True))
        self._path.replace(final)
        _sync_folder(self._folder)
        return final

    def abandon(self) -> None:
        """Forget what was written, unless it was committed."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()

    def _frame(self, content: list[Any]) -> None:
        data = _encode(content)
        self._write(self._squeeze.compress(len(data).to_bytes(4, "big") + data))

    def _write(self, data: bytes) -> None:
        assert self._file is not None, "already committed or abandoned"
        self._file.write(data)
        self._digest.update(data)


class CheckpointReader:
    """A checkpoint whose checksum was found right. Its contents are read again as they are asked for."""

    def __init__(self, path: Path) -> None:
        """Check the whole file. Raises CheckpointDamaged; OSError if it cannot be read."""
        self.path: Final = path
        self._size = _verified_size(path)
        kind, *facts = next(self._frames())
        if kind != "lane" or len(facts) < 5:
            raise CheckpointDamaged(f"{path}: does not begin with a lane")
        try:
            self.lane, self.partitions, self.written_ms = (int(f) for f in facts[:3])
            self.header: Final = msgspec.convert(facts[3], LaneHeader)
            self.outbox: Final = msgspec.convert(facts[4], tuple[Emission, ...])
        except (msgspec.ValidationError, ValueError, TypeError) as error:
            raise CheckpointDamaged(f"{path}: its first frame cannot be read ({error})") from None

    def values(self) -> Iterator[tuple[str, bytes]]:
        """Yield (suffix, value), reading the file as it goes."""
        for kind, *content in self._frames():
            if kind == "values":
                yield from ((suffix, value) for suffix, value in content[0])

    def sorted_sets(self) -> dict[str, dict[str, int]]:
        """Return the sorted sets by name."""
        found: dict[str, dict[str, int]] = {}
        for kind, *content in self._frames():
            if kind == "scores":
                found.setdefault(content[0], {}).update((m, s) for m, s in content[1])
        return found

    def _frames(self) -> Iterator[list[Any]]:
        loosen = zlib.decompressobj()
        pending = bytearray()
        counts = [0, 0]
        try:
            with self.path.open("rb") as file:
                file.seek(len(_MAGIC))
                left = self._size - len(_MAGIC)
                while left > 0:
                    data = file.read(min(_CHUNK, left))
                    left -= len(data)
                    pending += loosen.decompress(data)
                    start = 0
                    while len(pending) - start >= 4:
                        stop = start + 4 + int.from_bytes(pending[start : start + 4], "big")
                        if stop > len(pending):
                            break
                        frame = _decode(bytes(pending[start + 4 : stop]))
                        start = stop
                        if frame[0] == "end":
                            if frame[1:3] != counts:
                                raise CheckpointDamaged(
                                    f"{self.path}: holds {counts}, not {frame[1:3]} entries"
                                )
                            return
                        counts[0] += len(frame[1]) if frame[0] == "values" else 0
                        counts[1] += len(frame[2]) if frame[0] == "scores" else 0
                        yield frame
                    del pending[:start]
        except (zlib.error, msgspec.DecodeError, LookupError, TypeError) as error:
            raise CheckpointDamaged(f"{self.path}: cannot be read ({error})") from None
        raise CheckpointDamaged(f"{self.path}: breaks off")


def _verified_size(path: Path) -> int:
    size = path.stat().st_size - _DIGEST
    if size <= len(_MAGIC):
        raise CheckpointDamaged(f"{path}: is too short")
    digest = blake2b(digest_size=_DIGEST)
    with path.open("rb") as file:
        first = file.read(len(_MAGIC))
        if first != _MAGIC:
            raise CheckpointDamaged(f"{path}: is no checkpoint")
        digest.update(first)
        left = size - len(first)
        while left > 0:
            data = file.read(min(_CHUNK, left))
            if not data:
                raise CheckpointDamaged(f"{path}: breaks off")
            digest.update(data)
            left -= len(data)
        if file.read() != digest.digest():
            raise CheckpointDamaged(f"{path}: its checksum does not fit")
    return size


def _sync_folder(folder: Path) -> None:
    # The new name itself must be on the disk.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
