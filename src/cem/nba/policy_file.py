"""A policy file's text as typed values, each traceable to its line, so that a refusal can name file and line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec
import yaml

__all__ = ["PolicyError", "PolicyFile", "nearest"]

T = TypeVar("T")
Path = tuple[str | int, ...]

#: libyaml's where it is: the shipped files take a tenth of the time, and every worker that starts waits for them.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_AT = re.compile(r"^(?P<what>.*?) - at (?P<key>`key` in )?`\$(?P<path>.*)`$")
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]|\[\.\.\.\]")
#: Begins a message that is about a mapping's key, not its value.
_KEY = "key: "
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")


class PolicyError(ValueError):
    """A policy that must not be loaded. The message names file, line, what is wrong and the nearest known name."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")
        self.file = file
        self.line = line
        self.message = message


class PolicyFile:
    """One YAML file, parsed: plain data, and the line of every value in it."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._lines: dict[Path, int] = {}
        try:
            root = yaml.compose(text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise PolicyError(
                name, line, f"not YAML: {error.problem or error.context or 'unreadable'}"
            ) from None
        except yaml.YAMLError as error:
            raise PolicyError(name, 1, f"not YAML: {error}") from None
        self._values = yaml.SafeLoader("")
        self.data: Any = None if root is None else self._plain(root, ())

    def line(self, path: Path) -> int:
        """Return the line of the value at `path`, or of the nearest value around it."""
        while path not in self._lines and path:
            path = path[:-1]
        return self._lines.get(path, 1)

    def error(self, path: Path, message: str) -> PolicyError:
        """Return the refusal of the value at `path`."""
        return PolicyError(self.name, self.line(path), message)

    def convert(self, kind: type[T]) -> T:
        """Return the file as a `kind`. Raises PolicyError for the first thing that does not fit."""
        try:
            return msgspec.convert(self.data, kind)
        except msgspec.ValidationError as error:
            message, path = self._located(error, kind)
            unknown = _UNKNOWN.search(message)
            if unknown is not None:
                path = (*path, unknown["name"])
                message = f"there is no field {unknown['name']!r} here" + nearest(
                    unknown["name"], _fields(kind)
                )
            elif path and message.startswith(_KEY):
                message = f"the name {path[-1]!r} does not fit: {message.removeprefix(_KEY)}"
            raise self.error(path, message) from None

    def _located(self, error: msgspec.ValidationError, kind: type[T]) -> tuple[str, Path]:
        """Return the message and the path that it is about. msgspec does not name a mapping's key: it is looked for."""
        message, steps = _split(error)
        path: Path = ()
        data = self.data
        for i, step in enumerate(steps):
            if step is not None:
                path = (*path, step)
                continue
            table = _at(self.data, path)
            for key in table:
                narrowed = _with(data, path, {key: table[key]})
                try:
                    msgspec.convert(narrowed, kind)
                except msgspec.ValidationError as inner:
                    found, inner_steps = _split(inner)
                    if found == message and len(inner_steps) == len(steps) and inner_steps[i] is None:
                        path, data = (*path, key), narrowed
                        break
        return message, path

    def _plain(self, node: yaml.Node, path: Path) -> Any:
        self._lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            values: dict[Any, Any] = {}
            for key_node, value_node in node.value:
                key = self._values.construct_object(key_node)
                if isinstance(key, bool) or not isinstance(key, str | int):
                    raise PolicyError(
                        self.name, key_node.start_mark.line + 1, f"{key!r} cannot be a name here"
                    )
                if key in values:
                    raise PolicyError(self.name, key_node.start_mark.line + 1, f"{key!r} stands here twice")
                values[key] = self._plain(value_node, (*path, key))
                self._lines[(*path, key)] = key_node.start_mark.line + 1
            return values
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(child, (*path, i)) for i, child in enumerate(node.value)]
        return self._values.construct_object(node)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean ...?`, or nothing if no known name is near."""
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _split(error: msgspec.ValidationError) -> tuple[str, list[str | int | None]]:
    """Return an error's message and its path's steps; None: some key of a mapping."""
    match = _AT.match(str(error))
    if match is None:
        return str(error), []
    steps: list[str | int | None] = []
    for step in _STEP.finditer(match["path"]):
        steps.append(step[1] or (int(step[2]) if step[2] else None))
    if match["key"]:
        return _KEY + match["what"], [*steps, None]
    return match["what"], steps


def _at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def _with(data: Any, path: Path, value: Any) -> Any:
    """Return `data` with the value at `path` replaced."""
    if not path:
        return value
    copy = data.copy()
    copy[path[0]] = _with(data[path[0]], path[1:], value)
    return copy


def _fields(kind: Any) -> list[str]:
    """Return every field name that occurs anywhere in the struct `kind`."""
    found: dict[str, None] = {}
    pending: list[Any] = [msgspec.inspect.type_info(kind)]
    while pending:
        info = pending.pop()
        if isinstance(info, msgspec.inspect.StructType):
            for field in info.fields:
                if field.encode_name not in found:
                    found[field.encode_name] = None
                    pending.append(field.type)
        else:
            for name in ("item_type", "value_type", "types"):
                inner = getattr(info, name, None)
                if inner is not None:
                    pending.extend(inner if isinstance(inner, tuple) else [inner])
    return list(found)
