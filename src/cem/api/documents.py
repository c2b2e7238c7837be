"""What the OpenAPI document says beyond what FastAPI sees: answers that are encoded by hand, and problems everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from cem.alerts.ledger_page import LedgerPage
from cem.api.alert_list import AlertPage
from cem.api.parameters import CALL_PARAMETERS
from cem.api.problems import MEDIA_TYPE
from cem.api.timeline import Timeline
from cem.domain.events.text import TEXT_PATTERN
from cem.nba import Answer
from cem.streams.lag import LagReport

__all__ = ["DECISION", "AlertStateName", "AlertTierName", "SeverityName", "answer", "finish", "text_page"]

AlertStateName = Literal["open", "acknowledged", "silenced", "resolved", "expired"]
AlertTierName = Literal["notice", "alert"]
SeverityName = Literal["info", "warning", "error", "critical"]


_STRUCTS: Final[tuple[Any, ...]] = (Answer, AlertPage, Timeline, LagReport, LedgerPage)
_NAMES: Final = {
    "Answer": "Answer",
    "Alerts": "AlertPage",
    "Timeline": "Timeline",
    "Lag": "LagReport",
    "Ledger": "LedgerPage",
}
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "A page that helps stands there."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail", "pointer"],
                "properties": {
                    "detail": {"type": "string"},
                    "pointer": {"type": "string"},
                    "in": {"type": "string"},
                },
            },
        },
    },
}
#: Statuses that every path may answer, and those of the paths that read a body or the store.
_EVERYWHERE: Final = ("401", "500")
_ALSO: Final = {
    "/v1/customers/{customer_id}/next-best-action": ("414", "422", "503"),
    "/v1/customers/{customer_id}": ("404", "414", "422", "503"),
    "/v1/customers/{customer_id}/timeline": ("404", "414", "422", "503"),
    "/v1/alerts": ("414", "422", "503"),
    "/v1/decisions/{decision_id}/outcomes": ("400", "404", "408", "409", "413", "414", "415", "422", "503"),
    "/v1/alerts/stream": ("414", "422", "503"),
    "/v1/voice": ("414", "422", "503"),
    "/v1/lag": ("414", "422", "503"),
    "/v1/ledger": ("414", "422", "503"),
    **{
        f"/v1/alerts/{{alert_id}}/{change}": ("400", "404", "408", "409", "413", "414", "415", "422", "503")
        for change in ("acknowledge", "silence", "resolve")
    },
    "/readyz": ("414", "422", "503"),
    "/problems/{slug}": ("404", "414", "422"),
}


def _said(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter; one without a pattern of its own is a text."""
    pattern = {"pattern": TEXT_PATTERN} if "maxLength" in schema else {}
    return pattern | {k: v for k, v in schema.items() if k != "description"}


#: Parameters of the next best action, which its handler reads by hand.
DECISION: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "customer_id",
            "in": "path",
            "required": True,
            "description": "The customer: the paying account.",
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
        },
        *(
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": schema["description"],
                # A form sends what nobody filled in as well: empty is not said.
                "schema": {"anyOf": [_said(schema), {"type": "string", "maxLength": 0}]},
            }
            for name, schema in CALL_PARAMETERS.items()
        ),
    ]
}


def answer(name: str, description: str) -> dict[str, Any]:
    """Return the entry of a 200 answer that we encode ourselves."""
    ref = _NAMES.get(name)
    schema: dict[str, Any] = {"$ref": f"#/components/schemas/{ref}"} if ref else {"type": "object"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def text_page(media_type: str, description: str) -> dict[str, Any]:
    """Return the entry of a 200 answer that is no JSON."""
    return {"description": description, "content": {media_type: {"schema": {"type": "string"}}}}


def finish(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with our schemas, and problems in place of FastAPI's own errors."""
    _, components = msgspec.json.schema_components(_STRUCTS, ref_template="#/components/schemas/{name}")
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(components)
    schemas["Problem"] = _PROBLEM
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            responses = operation["responses"]
            for status in (*_EVERYWHERE, *_ALSO.get(path, ())):
                responses[status] = {
                    "description": "A problem.",
                    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
    return document
