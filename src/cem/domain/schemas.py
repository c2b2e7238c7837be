"""JSON Schemas of the event types, made from their classes. Pure: `scripts/schemas.py` writes the files."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from cem.domain.events.registry import EVENT_TYPES

__all__ = ["INDEX", "Schema", "all_files", "index", "render", "schema_of"]

Schema = dict[str, Any]

#: Name of the file that lists the others.
INDEX = "index.json"

#: Rules between fields, which the classes check in code.
_PLACE = [{"required": ["line"]}, {"required": ["area"]}]
_BETWEEN: dict[str, Schema] = {
    "survey.answered": {"anyOf": [{"required": [name]} for name in ("csat", "nps", "ces", "text")]},
    "service.degraded": {"anyOf": _PLACE},
    "service.restored": {"anyOf": _PLACE},
}


def schema_of(event_type: str) -> Schema:
    """Return the schema of the data of `event_type`. Raises KeyError for an unknown type."""
    cls = EVENT_TYPES[event_type]
    made = _plain(msgspec.json.schema(cls))
    definitions: dict[str, Schema] = made["$defs"]
    own = definitions.pop(cls.__name__)
    schema: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:cem:event:{event_type}",
        "title": event_type,
        "description": own["description"],
        "x-topic": cls.TOPIC,
        "x-key": _key(cls.TOPIC, of_customer=cls.OF_CUSTOMER),
        **{name: part for name, part in own.items() if name not in ("title", "description")},
        **_BETWEEN.get(event_type, {}),
    }
    if definitions:
        schema["$defs"] = {name: _open(definitions[name]) for name in sorted(definitions)}
    return schema


def _key(topic: str, *, of_customer: bool) -> str:
    if of_customer:
        return "customer_id"
    return "identifier, as kind:value" if topic == "cem.inbox" else "object, as kind:name"


def _open(definition: Schema) -> Schema:
    """Return an enumeration so that it also takes what a newer producer adds."""
    if "enum" not in definition:
        return definition
    known = {"enum": [*definition["enum"]]}
    unknown = {"type": "string", "description": "Any other value is read as `other`."}
    return {**{k: v for k, v in definition.items() if k != "enum"}, "anyOf": [known, unknown]}


def _plain(part: Any) -> Any:
    """Return msgspec's schema with lists for tuples, ECMA patterns, and no `null` as a default."""
    if isinstance(part, dict):
        kept = {k: _plain(v) for k, v in part.items() if not (k == "default" and v is None)}
        if isinstance(kept.get("pattern"), str):
            # Python's end of text; ECMA 262 has no \Z and its $ means the same.
            kept["pattern"] = kept["pattern"].replace(r"\Z", "$")
        return kept
    return [_plain(item) for item in part] if isinstance(part, list | tuple) else part


def index() -> Schema:
    """Return the list of all types with topic, key and file."""
    return {
        "description": "Every event type of cem, its topic, its key and the schema of its data.",
        "types": [
            {
                "type": name,
                "topic": cls.TOPIC,
                "key": _key(cls.TOPIC, of_customer=cls.OF_CUSTOMER),
                "schema": f"{name}.json",
            }
            for name, cls in EVENT_TYPES.items()
        ],
    }


def all_files() -> dict[str, Schema]:
    """Return what `schemas/` must hold: file name to document."""
    return {INDEX: index()} | {f"{name}.json": schema_of(name) for name in EVENT_TYPES}


def render(document: Schema) -> str:
    """Return `document` as the text of its file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
