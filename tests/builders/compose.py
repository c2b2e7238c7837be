"""docker-compose.yml as Compose would read it: values filled in, and what it names moved to this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from tests.builders.source_code import ROOT

__all__ = ["COMPOSE", "compose", "interpolated", "moved"]

COMPOSE = ROOT / "docker-compose.yml"

_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?::([-?])([^}]*))?\})")


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """Return `value` with `${NAME}`, `${NAME:-default}`, `${NAME:?message}` and `$$` filled in.

    Raises ValueError with the message of a variable that must be set and is not.
    """
    if isinstance(value, dict):
        return {key: interpolated(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolated(item, variables) for item in value]
    if not isinstance(value, str):
        return value

    def fill(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if name is None:
            return "$"
        found = variables.get(name, "")
        if not found and kind == "?":
            raise ValueError(rest)
        return found or (rest or "" if kind == "-" else "")

    return _VARIABLE.sub(fill, value)


def compose(variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the file's content; `variables` are those of `.env`."""
    content: dict[str, Any] = interpolated(
        yaml.safe_load(COMPOSE.read_text()), {"CEM_API_KEY_HASH": "a-hash", **(variables or {})}
    )
    return content


def moved(value: Any, places: Mapping[str, str]) -> Any:
    """Return `value` with each place in a container replaced by one on this machine, the longest names first."""
    if isinstance(value, dict):
        return {key: moved(item, places) for key, item in value.items()}
    if isinstance(value, list):
        return [moved(item, places) for item in value]
    if not isinstance(value, str):
        return value
    names = sorted(places, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, names)), lambda match: places[match[0]], value)
