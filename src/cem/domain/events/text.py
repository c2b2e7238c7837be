"""Text that may be kept: no control characters or lone surrogates, in Unicode's normal form C."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Final
from unicodedata import is_normalized, normalize

from msgspec import Struct
from msgspec.structs import force_setattr

__all__ = ["TEXT_PATTERN", "BadTextError", "clean", "is_clean"]

#: What a text is, as JSON Schema has it; surrogates never get so far.
TEXT_PATTERN: Final = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"

#: Control characters (Cc) other than tab, line feed and carriage return; surrogates, which are no characters.
_BAD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class BadTextError(Exception):
    """A text holds what must not be kept; `path` is where, `code` which code point."""

    def __init__(self, path: str, code: int) -> None:
        super().__init__(f"U+{code:04X} at {path}")
        self.path = path
        self.code = code


def is_clean(text: str) -> bool:
    """Return whether no text within `text`, a JSON document without escapes, needs cleaning."""
    return _BAD.search(text) is None and is_normalized("NFC", text)


def clean(value: Any, path: str = "$") -> tuple[Any, bool]:
    """Return `value` with every text in it in form C, and whether that changed anything.

    A struct is changed in place, frozen or not: call it only on one that nobody else has seen yet.
    Raises BadTextError.
    """
    if isinstance(value, Enum):
        return value, False
    if isinstance(value, str):
        bad = _BAD.search(value)
        if bad is not None:
            raise BadTextError(path, ord(bad.group()))
        if is_normalized("NFC", value):
            return value, False
        return normalize("NFC", value), True
    if isinstance(value, Struct):
        return value, _clean_fields(value, path)
    if isinstance(value, tuple):
        pairs = [clean(item, f"{path}[{n}]") for n, item in enumerate(value)]
        return tuple(item for item, _ in pairs), any(changed for _, changed in pairs)
    if isinstance(value, dict):
        entries = [(clean(key, path), clean(item, f"{path}[...]")) for key, item in value.items()]
        changed = any(key[1] or item[1] for key, item in entries)
        return {key[0]: item[0] for key, item in entries}, changed
    return value, False


def _clean_fields(value: Struct, path: str) -> bool:
    any_changed = False
    for name in value.__struct_fields__:
        made, changed = clean(getattr(value, name), f"{path}.{name}")
        if changed:
            force_setattr(value, name, made)
            any_changed = True
    return any_changed
