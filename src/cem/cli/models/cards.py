"""What the store says of the published models."""

from __future__ import annotations

from cem.cli.errors import FAILED, USAGE, Failure
from cem.learning.published import HEAD_BYTES, Card, read_card, read_head
from cem.learning.snapshot import SnapshotError
from cem.settings import Settings
from cem.streams.model_watch import PublishedModels
from cem.streams.model_writer import model_key
from cem.streams.topics import EXAMPLE_MODELS

__all__ = ["cards_of", "check_name"]

_TRIES = 3


def check_name(name: str) -> str:
    """Return the name of a model. Raises Failure for another."""
    if name not in EXAMPLE_MODELS:
        raise Failure(f"there is no model {name!r}; there are {', '.join(EXAMPLE_MODELS)}", USAGE)
    return name


async def cards_of(settings: Settings, names: tuple[str, ...] = EXAMPLE_MODELS) -> dict[str, Card | None]:
    """Return each model's card; None for one that was never published. Raises Failure, Unavailable."""
    from cem.bootstrap import open_parts

    async with open_parts(settings) as parts:
        return {name: await _card(parts.store, name) for name in names}


async def _card(store: PublishedModels, name: str) -> Card | None:
    part = store.part_raw
    for _ in range(_TRIES):
        head = await part(model_key(name), 0, HEAD_BYTES - 1)
        if not head:
            return None
        try:
            known = read_head(head)
            data = await part(model_key(name), 0, HEAD_BYTES + known.card_bytes - 1)
            # Between the two looks another version may have been published.
            if data and read_head(data) == known:
                return read_card(data)
        except SnapshotError as error:
            raise Failure(f"{name}: {error}", FAILED) from None
    raise Failure(f"{name} is published faster than it can be read: try again", FAILED)
