"""Which changes of a schema break whom."""

from __future__ import annotations

from typing import Any

import pytest

from cem.domain.compatibility import Difference, compare
from cem.domain.schemas import schema_of

Schema = dict[str, Any]


def schema(*, needed: tuple[str, ...] = ("line",), defs: Schema | None = None, **fields: Schema) -> Schema:
    """Return an object's schema with these fields and a line."""
    properties = {"line": {"type": "string", "maxLength": 32}, **fields}
    made: Schema = {"type": "object", "x-topic": "cem.calls", "properties": properties, "required": [*needed]}
    return {**made, "$defs": defs} if defs else made


def breaks(old: Schema | None, new: Schema | None) -> list[tuple[str, str]]:
    """Return path and whom it breaks of every difference that breaks somebody."""
    return [(d.path, d.breaks) for d in compare(old, new) if d.breaking]


def listed(*values: str) -> Schema:
    """Return an open enumeration."""
    return {"title": "Kind", "anyOf": [{"enum": [*values]}, {"type": "string"}]}


NUMBER = {"type": "integer", "minimum": 0, "maximum": 9}
TEXT = {"type": "string", "maxLength": 9}
NULL = {"type": "null"}


def test_equal_schemas_do_not_differ() -> None:
    """Nothing changed, nothing to say."""
    assert compare(schema_of("bill.issued"), schema_of("bill.issued")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (None, schema()),
        (schema(), schema(note=TEXT)),
        (schema(note={**TEXT, "description": "a"}), schema(note={**TEXT, "description": "b"})),
        (
            schema(kind={"$ref": "#/$defs/Kind"}, defs={"Kind": listed("a")}),
            schema(kind={"$ref": "#/$defs/Kind"}, defs={"Kind": listed("a", "b")}),
        ),
        # The same said in another way: a definition in its place.
        (schema(kind={"$ref": "#/$defs/Kind"}, defs={"Kind": listed("a")}), schema(kind=listed("a"))),
    ],
    ids=["new type", "new optional field", "other words", "new value", "definition in place"],
)
def test_these_changes_hurt_nobody(old: Schema | None, new: Schema) -> None:
    """Readers ignore what they do not know, and take unknown values as other."""
    assert breaks(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "path", "whom"),
    [
        (schema(), None, "$", "readers and writers"),
        (schema(note=TEXT), schema(), "$.note", "readers and writers"),
        (schema(), schema(note=TEXT, needed=("line", "note")), "$.note", "writers"),
        (schema(note=TEXT), schema(note=TEXT, needed=("line", "note")), "$.note", "writers"),
        (schema(note=TEXT, needed=("line", "note")), schema(note=TEXT), "$.note", "readers"),
        (schema(n=NUMBER), schema(n={**NUMBER, "maximum": 8}), "$.n", "writers"),
        (schema(n=NUMBER), schema(n={**NUMBER, "maximum": 10}), "$.n", "readers"),
        (schema(n=NUMBER), schema(n={**NUMBER, "minimum": 1}), "$.n", "writers"),
        (schema(n=NUMBER), schema(n={**NUMBER, "minimum": -1}), "$.n", "readers"),
        (schema(n=NUMBER), schema(n={"type": "integer", "minimum": 0}), "$.n", "readers"),
        (schema(n={"type": "integer", "minimum": 0}), schema(n=NUMBER), "$.n", "writers"),
        (schema(t=TEXT), schema(t={**TEXT, "maxLength": 3}), "$.t", "writers"),
        (schema(t=TEXT), schema(t={**TEXT, "minLength": 3}), "$.t", "writers"),
        (schema(t=TEXT), schema(t={**TEXT, "pattern": "^a$"}), "$.t", "readers and writers"),
        (schema(t=TEXT), schema(t={**TEXT, "format": "date"}), "$.t", "readers and writers"),
        (schema(n=NUMBER), schema(n={**NUMBER, "type": "number"}), "$.n", "readers"),
        (schema(n={**NUMBER, "type": "number"}), schema(n=NUMBER), "$.n", "writers"),
        (schema(n={"type": "integer"}), schema(n={"type": "string"}), "$.n", "readers and writers"),
        (schema(t=TEXT), schema(t={"anyOf": [TEXT, NULL]}), "$.t", "readers"),
        (schema(t={"anyOf": [TEXT, NULL]}), schema(t=TEXT), "$.t", "writers"),
        (schema(t={"anyOf": [TEXT, NULL]}), schema(t={"anyOf": [{**TEXT, "maxLength": 3}, NULL]}), "$.t", "writers"),
        (schema(n={**NUMBER, "default": 0}), schema(n={**NUMBER, "default": 1}), "$.n", "readers and writers"),
        (schema(n=NUMBER), schema(n={**NUMBER, "default": 1}), "$.n", "readers and writers"),
        (
            schema(kind={"$ref": "#/$defs/Kind"}, defs={"Kind": listed("a", "b")}),
            schema(kind={"$ref": "#/$defs/Kind"}, defs={"Kind": listed("a")}),
            "$.kind",
            "readers and writers",
        ),
        (
            schema(kind={"$ref": "#/$defs/Kind"}, defs={"Kind": listed("a")}),
            schema(kind={"anyOf": [{"$ref": "#/$defs/Kind"}, NULL]}, defs={"Kind": listed("a")}),
            "$.kind",
            "readers",
        ),
        (
            schema(items={"type": "array", "items": schema(n=NUMBER)}),
            schema(items={"type": "array", "items": schema()}),
            "$.items[].n",
            "readers and writers",
        ),
        (
            schema(items={"type": "array", "items": TEXT, "maxItems": 9}),
            schema(items={"type": "array", "items": TEXT, "maxItems": 5}),
            "$.items",
            "writers",
        ),
        (
            schema(facts={"type": "object", "additionalProperties": TEXT}),
            schema(facts={"type": "object", "additionalProperties": {**TEXT, "maxLength": 3}}),
            "$.facts.*",
            "writers",
        ),
        (
            schema(facts={"type": "object", "propertyNames": TEXT}),
            schema(facts={"type": "object", "propertyNames": {**TEXT, "maxLength": 3}}),
            "$.facts (keys)",
            "writers",
        ),
        (schema(), {**schema(), "additionalProperties": False}, "$", "readers and writers"),
        (schema(), {**schema(), "x-topic": "cem.billing"}, "$", "readers and writers"),
        (schema(), {**schema(), "x-key": "line"}, "$", "readers and writers"),
        (schema(), {**schema(), "anyOf": [{"required": ["line"]}]}, "$", "writers"),
        ({**schema(), "anyOf": [{"required": ["line"]}]}, schema(), "$", "readers"),
        (schema(), {**schema(), "dependentRequired": {"a": ["b"]}}, "$", "readers and writers"),
    ],
)  # fmt: skip
def test_each_break_is_found_with_its_place_and_its_victims(
    old: Schema, new: Schema | None, path: str, whom: str
) -> None:
    """A reader of the old must understand the new, and what a writer of the old writes must be taken."""
    assert breaks(old, new) == [(path, whom)]


def test_a_difference_says_what_changed() -> None:
    """The sentence is enough to mend it."""
    assert compare(schema(n=NUMBER), schema(n={**NUMBER, "maximum": 8})) == [
        Difference("$.n", "maximum was 9, is 8", "writers")
    ]


def test_a_break_within_a_definition_is_found_at_each_place_that_uses_it() -> None:
    """Paths are those of the record, not of the document."""
    old, new = schema_of("bill.issued"), schema_of("bill.issued")
    new["$defs"] = {**new["$defs"], "BillItem": {**new["$defs"]["BillItem"], "required": ["cause"]}}
    assert breaks(old, new) == [("$.items[].amount_minor", "readers")]
