"""Files that are there whole or not at all, however many processes write them at once."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step, readable by its owner only; of several writers the last one stays.

    Each writer has a draft of its own: one shared by all would be moved away by the first of them while the others still
    write. The folder must exist. Raises OSError; the file is then as it was, and no draft is left.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
