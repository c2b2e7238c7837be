"""Keeps a process's models on the versions that are published: looks twice a second, and reads what is new.

A worker takes its lanes first, and lets them move. The library behind the models is imported, and models are read, in another thread: lanes
open and fold meanwhile, and what is scored before has no answer, or its prior.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from cem.ports import LaneStopped, Unavailable

if TYPE_CHECKING:
    from cem.learning.shelf import ModelShelf

__all__ = ["LateShelf", "PublishedModels", "watch_models"]

_log = logging.getLogger(__name__)

_EVERY_S: Final = 0.5


class PublishedModels(Protocol):
    """What is needed of the store. Raises Unavailable."""

    async def get_raw(self, key: str) -> bytes | None: ...

    async def part_raw(self, key: str, first: int, last: int) -> bytes: ...


class LateShelf:
    """`cem.domain.scores.Answers` that has none until the models are there."""

    def __init__(self) -> None:
        self.shelf: ModelShelf | None = None
        self._failures: set[str] = set()

    def __call__(self, model: str, question: Any) -> tuple[int, Any] | None:
        """Return the model's version and answer, or None.

        A model that fails has no answer: a lane does not stop for it. That is logged, once a kind of failure.
        """
        if self.shelf is None:
            return None
        try:
            return self.shelf.ask(model, question)
        except Exception as error:
            failure = f"{model}: {type(error).__name__}"
            if failure not in self._failures:
                self._failures.add(failure)
                _log.exception("the model %s failed; it has no answer where it does", model)
            return None

    @property
    def versions(self) -> dict[str, int]:
        """The versions in force, by model."""
        return {} if self.shelf is None else self.shelf.versions


async def watch_models(
    late: LateShelf,
    store: PublishedModels,
    names: Sequence[str],
    *,
    imported: Callable[[], None] = lambda: None,
    every_s: float = _EVERY_S,
    loaded: Callable[[str, int], None] = lambda name, version: None,
) -> None:
    """Keep the shelf on what is published, for ever. `imported` is called once the library is there, `loaded` hears of each version."""
    late.shelf = await asyncio.to_thread(_new_shelf)
    imported()
    tokens: dict[str, str] = {}
    away = False
    while True:
        for name in names:
            try:
                await _refresh(late.shelf, store, name, tokens, loaded)
                away = False
            except (Unavailable, LaneStopped, OSError) as error:
                if not away:
                    _log.warning("published models cannot be read (%s); the last ones hold", error)
                away = True
        await asyncio.sleep(every_s)


def _new_shelf() -> ModelShelf:
    from cem.learning.shelf import ModelShelf

    return ModelShelf()


async def _refresh(
    shelf: ModelShelf,
    store: PublishedModels,
    name: str,
    tokens: dict[str, str],
    loaded: Callable[[str, int], None],
) -> None:
    from cem.learning.published import HEAD_BYTES, read_head
    from cem.learning.snapshot import SnapshotError
    from cem.streams.model_writer import model_key

    head = await store.part_raw(model_key(name), 0, HEAD_BYTES - 1)
    try:
        if not head or read_head(head).token == tokens.get(name):
            return
        value = await store.get_raw(model_key(name))
        if value is None:
            return
        token = read_head(value).token
        # The same one is not tried again: it would fail again.
        tokens[name] = token
        card = await asyncio.to_thread(shelf.load, name, value)
        loaded(name, card.version)
    except SnapshotError as error:
        _log.error("the published model %s cannot be used: %s", name, error)
