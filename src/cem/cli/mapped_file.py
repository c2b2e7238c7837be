"""The file that a command reads by a map: the same argument and options wherever rows become something."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["mapped_file"]

F = TypeVar("F", bound=Callable[..., Any])


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
