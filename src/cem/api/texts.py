"""Texts in requests: what people write, cleaned as the texts of records are, refused by the character that is none."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import StringConstraints
from pydantic.config import JsonDict

from cem.domain.events.text import TEXT_PATTERN, BadTextError, clean

__all__ = ["TEXT", "Label", "cleaned"]

#: `cleaned` refuses the characters one by one and says which; this is for the document.
TEXT: Final[JsonDict] = {"pattern": TEXT_PATTERN}
Label = Annotated[str, StringConstraints(min_length=1, max_length=128)]


def cleaned(value: str | None) -> str | None:
    """Return the text as it is written to the log. Raises ValueError, which names the character."""
    try:
        return clean(value)[0]  # type: ignore[no-any-return]
    except BadTextError as error:
        raise ValueError(f"holds the character U+{error.code:04X}, which is not text") from None
