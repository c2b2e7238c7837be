"""Write docs/settings.md from `cem.settings.Settings`; with --check, fail if the file is not what would be written."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo

from cem.settings import Settings

TARGET = Path(__file__).resolve().parents[1] / "docs" / "settings.md"

HEAD = """\
# Settings

Every process reads its settings once, at its start, from environment variables. A value that cannot be used ends the
process with exit code 2 and names the variable. Options of a command (`cem COMMAND --help`) win over the environment.
When no `CEM_*` connection variable is set, commands use what `cem up` left in its state folder (`run.json`).

This page is generated from `src/cem/settings.py` by `scripts/settings_doc.py`; `make check` fails when it is stale.
"""


def sections() -> list[tuple[str, list[str]]]:
    """Return (heading, names of fields) in the order of the class; its comments `# The ...` are the headings."""
    found: list[tuple[str, list[str]]] = []
    for line in inspect.getsource(Settings).splitlines():
        if heading := re.fullmatch(r"    # (The .+)", line):
            found.append((heading[1], []))
        elif (field := re.match(r"    (\w+): ", line)) and field[1] in Settings.model_fields:
            found[-1][1].append(field[1])
    return found


def values_of(field: FieldInfo) -> str:
    """Return what a field takes, in words."""
    kinds = [kind for kind in _alternatives(field.annotation) if kind is not NoneType]
    if get_origin(kinds[0]) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kinds[0]))
    words = {int: "integer", float: "number", str: "text", bool: "`true` or `false`", Path: "path"}
    text = " or ".join(words[kind] for kind in kinds)
    bounds = [bound for rule in field.metadata if (bound := _bound(rule))]
    return f"{text} {', '.join(bounds)}".strip()


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is UnionType else (annotation,)


def _bound(rule: Any) -> str:
    match rule:
        case annotated_types.Ge(ge=limit):
            return f"≥ {limit:g}"
        case annotated_types.Gt(gt=limit):
            return f"> {limit:g}"
        case annotated_types.Le(le=limit):
            return f"≤ {limit:g}"
        case annotated_types.Lt(lt=limit):
            return f"< {limit:g}"
    pattern = getattr(rule, "pattern", None)
    return f"like `{pattern}`" if pattern else ""


def default_of(field: FieldInfo) -> str:
    """Return a field's default as it would be written in the environment; a dash for none."""
    value = field.default
    if value is None or value == "":
        return "-"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for heading, names in sections():
        parts.append(f"\n## {heading}\n\n| variable | default | takes | what it is |\n|---|---|---|---|\n")
        for name in names:
            field = Settings.model_fields[name]
            cells = f"CEM_{name.upper()}", default_of(field), values_of(field), field.description or ""
            parts.append("| `{}` | {} | {} | {} |\n".format(*(cell.replace("|", "\\|") for cell in cells)))
    return "".join(parts)


def main() -> None:
    """Write the page, or check it."""
    if sys.argv[1:] == ["--check"]:
        if not TARGET.exists() or TARGET.read_text() != page():
            sys.exit("docs/settings.md is stale: run `make docs`")
    else:
        TARGET.write_text(page())


if __name__ == "__main__":
    main()
