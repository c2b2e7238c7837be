"""The Lua scripts, as the files beside this module that the package ships."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Final

import msgspec

__all__ = ["SAVE_IF_CURRENT", "SWAP_IF_CURRENT", "Script"]


class Script(msgspec.Struct, frozen=True):
    """A script's text and the name under which Redis keeps it."""

    text: bytes
    sha1: bytes

    @classmethod
    def packaged(cls, name: str) -> Script:
        """Return the script in `lua/NAME.lua`."""
        text = resources.files("cem.stores").joinpath("lua", f"{name}.lua").read_bytes()
        return cls(text, hashlib.sha1(text, usedforsecurity=False).hexdigest().encode())


SAVE_IF_CURRENT: Final = Script.packaged("save_if_current")
SWAP_IF_CURRENT: Final = Script.packaged("swap_if_current")
