"""The file that a command reads by a map: the same argument, options and reading wherever rows become something."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from cem.cli.errors import USAGE, Failure
from cem.importing.document import MapError

__all__ = ["mapped_file", "read_map"]

F = TypeVar("F", bound=Callable[..., Any])
M = TypeVar("M")


def mapped_file(says: str) -> Callable[[F], F]:
    """Return what gives a command FILE, --map and --limit, passed as `file`, `map_file`, `limit`.

    `says`: what the map says of the file's columns.
    """

    def decorate(command: F) -> F:
        limit = click.option("--limit", type=click.IntRange(min=1), help="Stop after this row of the file.")
        map_file = click.option(
            "--map",
            "map_file",
            required=True,
            type=click.Path(path_type=Path),
            help=f"YAML file that says {says}.",
        )
        return click.argument("file", type=click.Path(path_type=Path))(map_file(limit(command)))

    return decorate


def read_map(path: Path, parse: Callable[[str, str], M]) -> M:
    """Return what `parse` makes of the map's text and name. Raises Failure, or MapError."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}", USAGE) from None
    except UnicodeDecodeError:
        raise MapError(f"{path}: is no text in UTF-8") from None
    return parse(text, str(path))
