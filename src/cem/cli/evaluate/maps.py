"""Reading the maps that evaluation and learning are given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cem.cli.errors import USAGE, Failure
from cem.importing.document import MapError

__all__ = ["read_map"]

M = TypeVar("M")


def read_map(path: Path, parse: Callable[[str, str], M]) -> M:
    """Return what `parse` makes of the map's text and name. Raises Failure, or MapError."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}", USAGE) from None
    except UnicodeDecodeError:
        raise MapError(f"{path}: is no text in UTF-8") from None
    return parse(text, str(path))
