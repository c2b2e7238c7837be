"""Files that are there whole or not at all, however many processes write them at once."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["write_new", "write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step, readable by its owner only; of several writers the last one stays.

    Each writer has a draft of its own: one shared by all would be moved away by the first of them while the others still
    write. The folder must exist. Raises OSError; the file is then as it was, and no draft is left.
    """
    with _draft(path, content) as draft:
        draft.replace(path)


def write_new(path: Path, content: bytes) -> bool:
    """Put `content` at `path` in one step, as `write_whole`, unless there is a file already; tell whether it was done.

    Of several writers the first one stays.
    """
    with _draft(path, content) as draft:
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
    return True


@contextlib.contextmanager
def _draft(path: Path, content: bytes) -> Iterator[Path]:
    """Yield a file beside `path` that has the content, for good; it is gone afterwards, unless it was moved."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
