"""A YAML file as a tree of texts that know their line, so that every complaint can name a place and the nearest name.

Every plain scalar is text: `1`, `yes`, `No` and `2024-01-01` are what they look like, and whoever needs a number
or a truth asks for one. Only an unquoted `null`, `~` or nothing means "no value".
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import Final

import msgspec
import yaml
from yaml.nodes import MappingNode, ScalarNode, SequenceNode
from yaml.nodes import Node as YamlNode

__all__ = ["MAX_BYTES", "MapError", "Node", "nearest", "read_document"]

#: A map is written by hand; a larger file is something else.
MAX_BYTES: Final = 256 * 1024
_MAX_DEPTH: Final = 12
_NULLS: Final = ("", "~", "null", "Null", "NULL")
_TRUTHS: Final = {"true": True, "yes": True, "false": False, "no": False}


class MapError(ValueError):
    """A map that cannot be used. The message names file and line, what is wrong, and the nearest name that is known."""


class Node(msgspec.Struct, frozen=True):
    """A place in the document: a text, a list, a mapping, or None for "no value"."""

    value: str | list[Node] | dict[str, Node] | None
    #: "file:line" for messages, and where it stands: "fields.line.column".
    place: str
    path: str

    def error(self, what: str) -> MapError:
        """Return the complaint about this place."""
        return MapError(f"{self.place}: {self.path + ': ' if self.path else ''}{what}")

    def mapping(self, known: Iterable[str] | None = None, *, called: str = "option") -> dict[str, Node]:
        """Return the mapping here; with `known`, refuse any other key, naming the nearest. Raises MapError."""
        if not isinstance(self.value, dict):
            raise self.error(f"takes a mapping (name: ...), not {self.described}")
        if known is not None:
            names = list(known)
            for key, node in self.value.items():
                if key not in names:
                    raise MapError(f"{node.place}: {_unknown(called, key, names, self.path)}")
        return self.value

    def required(self, key: str) -> Node:
        """Return the entry `key` of the mapping here. Raises MapError."""
        found = self.mapping().get(key)
        if found is None:
            raise self.error(f"lacks {key!r}")
        return found

    def text(self) -> str:
        """Return the text here. Raises MapError."""
        if not isinstance(self.value, str):
            raise self.error(f"takes a text, not {self.described}")
        return self.value

    def texts(self) -> tuple[str, ...]:
        """Return the list of texts here; a single text is a list of one. Raises MapError."""
        if isinstance(self.value, str):
            return (self.value,)
        if not isinstance(self.value, list):
            raise self.error(f"takes a list of texts, not {self.described}")
        return tuple(node.text() for node in self.value)

    def integer(self, low: int, high: int) -> int:
        """Return the whole number here, low <= n <= high. Raises MapError."""
        text = self.text()
        if not text.lstrip("-").isdecimal() or not low <= int(text) <= high:
            raise self.error(f"takes a whole number from {low} to {high}, not {text!r}")
        return int(text)

    def truth(self) -> bool:
        """Return the truth here. Raises MapError."""
        truth = _TRUTHS.get(self.text().lower())
        if truth is None:
            raise self.error(f"takes true or false, not {self.text()!r}")
        return truth

    def choice(self, known: Collection[str]) -> str:
        """Return the text here, which must be one of `known`. Raises MapError."""
        text = self.text()
        if text not in known:
            raise self.error(f"{text!r} is not known.{nearest(text, known)}")
        return text

    @property
    def described(self) -> str:
        """What is here, for messages."""
        if self.value is None:
            return "nothing"
        return {dict: "a mapping", list: "a list", str: f"the text {self.value!r}"}[type(self.value)]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean ...?" with the nearest known name, or a list of all if they are few and none is near."""
    names = sorted(known)
    folded = {each.casefold(): each for each in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    if near:
        return f" Did you mean {folded[near[0]]!r}?"
    if 0 < len(names) <= 20:
        return f" Known: {', '.join(names)}"
    return ""


def read_document(text: str, name: str) -> Node:
    """Return the tree of the YAML document `text`; `name` stands for the file in messages. Raises MapError."""
    if len(text) > MAX_BYTES:
        raise MapError(f"{name}: {len(text):,} characters are too many for a map")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise MapError(f"{name}:{mark.line + 1 if mark else 1}: no YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise MapError(
            f"{name}: no YAML: {str(error).splitlines()[0] if str(error) else 'too deep'}"
        ) from None
    if root is None:
        raise MapError(f"{name}: the file is empty")
    return _convert(root, name, "", set(), 0)


def _convert(node: YamlNode, name: str, path: str, seen: set[int], depth: int) -> Node:
    place = f"{name}:{node.start_mark.line + 1}"
    if id(node) in seen:
        raise MapError(f"{place}: {path}: aliases (*name) are not taken; write it out")
    seen.add(id(node))
    if depth > _MAX_DEPTH:
        raise MapError(f"{place}: nested too deeply")
    if isinstance(node, ScalarNode):
        nothing = node.style is None and node.value in _NULLS
        return Node(None if nothing else node.value, place, path)
    if isinstance(node, SequenceNode):
        items = [_convert(each, name, f"{path}[{i}]", seen, depth + 1) for i, each in enumerate(node.value)]
        return Node(items, place, path)
    assert isinstance(node, MappingNode)
    entries: dict[str, Node] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise MapError(f"{name}:{key.start_mark.line + 1}: {path}: a name must be a text")
        where = f"{path}.{key.value}" if path else key.value
        if key.value in entries:
            raise MapError(f"{name}:{key.start_mark.line + 1}: {where}: stands here twice")
        entry = _convert(value, name, where, seen, depth + 1)
        # The line of the name, not of what follows it.
        entries[key.value] = Node(entry.value, f"{name}:{key.start_mark.line + 1}", where)
    return Node(entries, place, path)


def _unknown(called: str, key: str, known: list[str], path: str) -> str:
    inside = f" of {path}" if path else ""
    return f"unknown {called} {key!r}{inside}.{nearest(key, known)}"
