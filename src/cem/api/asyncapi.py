"""The event API as an AsyncAPI 3 document, made from the event classes: channels, messages, schemas."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from cem.domain.events import EVENT_TYPES
from cem.domain.schemas import schema_of
from cem.streams.topics import TOPICS

__all__ = ["asyncapi_document"]

#: What a lane writes; everything else it reads.
_HEADERS = {
    "type": "object",
    "description": "CloudEvents 1.0, Kafka binary mode.",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {
            "type": "string",
            "description": "With ce_source: the event's identity; repeats are dropped.",
        },
        "ce_source": {"type": "string"},
        "ce_type": {"type": "string"},
        "ce_time": {"type": "string", "format": "date-time", "description": "When it happened."},
        "ce_subject": {"type": "string", "description": "The customer."},
        "ce_sequence": {"type": "string", "description": "Number in an ordered source."},
        "ce_traceparent": {"type": "string", "description": "W3C trace context."},
        "content-type": {"const": "application/json"},
    },
}


@lru_cache(maxsize=4)
def asyncapi_document(version: str) -> bytes:
    """Return the document as JSON."""
    by_topic: dict[str, list[str]] = {}
    for event_type, cls in EVENT_TYPES.items():
        by_topic.setdefault(cls.TOPIC, []).append(event_type)
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for spec in TOPICS:
        types = by_topic.get(spec.name)
        if not types:
            continue
        channels[_id(spec.name)] = {
            "address": spec.name,
            "description": f"{spec.carries}; key: {spec.key}",
            "messages": {_id(t): {"$ref": f"#/components/messages/{_id(t)}"} for t in types},
        }
        action = "receive" if spec.role == "input" else "send"
        operations[f"{action}_{_id(spec.name)}"] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{_id(spec.name)}"},
            "messages": [{"$ref": f"#/channels/{_id(spec.name)}/messages/{_id(t)}"} for t in types],
        }
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "cem",
            "version": version or "0",
            "description": "What cem reads from and writes to Kafka. Keys are hashed by murmur2.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {
                _id(t): {
                    "name": t,
                    "title": t,
                    "contentType": "application/json",
                    "headers": {"$ref": "#/components/schemas/cloudevents_headers"},
                    "payload": {
                        "schemaFormat": "application/schema+json;version=draft-2020-12",
                        "schema": _inline(schema_of(t)),
                    },
                }
                for topic in sorted(by_topic)
                for t in by_topic[topic]
            },
            "schemas": {"cloudevents_headers": _HEADERS},
        },
    }
    return orjson.dumps(document)


def _id(name: str) -> str:
    return name.replace(".", "_").replace("-", "_")


def _inline(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with its definitions put where they are referred to, so that it stands alone anywhere."""
    definitions = schema.get("$defs", {})

    def put(part: Any) -> Any:
        if isinstance(part, dict):
            if "$ref" in part:
                name = part["$ref"].rsplit("/", 1)[-1]
                rest = {k: v for k, v in part.items() if k != "$ref"}
                return {**put(definitions[name]), **rest}
            return {k: put(v) for k, v in part.items() if k not in ("$defs", "$schema", "$id")}
        return [put(item) for item in part] if isinstance(part, list) else part

    made: dict[str, Any] = put(schema)
    return made
