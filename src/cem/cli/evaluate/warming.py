"""What a model has learnt before it is evaluated: snapshots, and files by their maps."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from cem.cli.errors import USAGE, Failure
from cem.learning.evaluation.prequential import Labelled, learn_all
from cem.learning.snapshot import SnapshotError

__all__ = ["OnRows", "learn_sources"]

#: Told what is being done, rows done, and of how many (None: not known).
OnRows = Callable[[str, int, int | None], None]

#: All files are learnt as one, in an order of their own.
_SEED: Final = 1


def learn_sources(
    model: Any,
    sources: Iterable[tuple[Path, Path | None]],
    examples_of: Callable[[Path, Path], Sequence[Labelled[Any, Any]]],
    on_rows: OnRows,
) -> None:
    """Have the model learn the files by their maps, or be the snapshot that has no map. Raises Failure, MapError.

    `examples_of` returns what there is to learn in a file, by its map.
    """
    examples: list[Labelled[Any, Any]] = []
    for file, map_file in sources:
        if map_file is None:
            try:
                model.restore(file.read_bytes())
            except OSError as error:
                raise Failure(f"{file}: {error.strerror}", USAGE) from None
            except SnapshotError as error:
                raise Failure(f"{file}: {error}", USAGE) from None
        else:
            examples += examples_of(file, map_file)
    random.Random(_SEED).shuffle(examples)  # noqa: S311 (an order to be repeated, no secret)
    learn_all(model, examples, lambda done, total: on_rows("warmed", done, total))
