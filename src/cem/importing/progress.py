"""How far an import has come, kept beside the state directory, so that it goes on where it was after any end.

What is written here is acknowledged by the log. What was sent after it is sent once more when the import goes on,
under the same source, id and sequence, which the workers count once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from cem.importing.table import FileError
from cem.whole_file import write_whole

__all__ = ["ImportBusy", "Progress", "ProgressFile", "hash_key", "import_source"]

_CHUNK: Final = 1 << 20


class ImportBusy(Exception):
    """Another process is importing the same file by the same map."""


class Progress(msgspec.Struct):
    """The rows that are settled: sent and acknowledged, rejected, or skipped. events + rejects + skipped = rows."""

    source: str
    file: str
    rows: int = 0
    events: int = 0
    rejects: int = 0
    skipped: int = 0
    #: Rejects by reason; of an import that began before this was counted, those since.
    reasons: dict[str, int] = {}
    rejects_file: str | None = None
    #: Length of the rejects file at that point; what is after it is written again.
    rejects_bytes: int = 0
    #: The whole file has been read.
    finished: bool = False


class ProgressFile:
    """The progress of one import, held by one process at a time. Each write replaces the file in one step."""

    def __init__(self, path: Path) -> None:
        """Take the file for this process, making it if need be. Raises ImportBusy, OSError."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise ImportBusy("this file is being imported by another process") from None

    def read(self) -> Progress | None:
        """Return what was last written, None if nothing usable was."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Progress)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def write(self, progress: Progress) -> None:
        """Replace the file."""
        write_whole(self._path, msgspec.json.encode(progress))

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._lock)


def import_source(
    path: Path, fingerprint: str, on_share: Callable[[float], None] = lambda share: None
) -> str:
    """Return the CloudEvents source of an import: the hash of the file's bytes and of what the map means.

    The same rows by the same map have the same source, wherever and however often they are imported.
    """
    digest = hashlib.sha256(fingerprint.encode())
    try:
        size = path.stat().st_size or 1
        done = 0
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                done += len(chunk)
                on_share(done / size)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from None
    return f"import:{digest.hexdigest()[:32]}"


def hash_key(state_dir: Path) -> bytes:
    """Return this deployment's secret for hashing whom an event must not show, drawing it when there is none yet."""
    path = state_dir / "hash.key"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    state_dir.mkdir(parents=True, exist_ok=True)
    key = secrets.token_bytes(32)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
    return key
