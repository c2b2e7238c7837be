"""Everything that can go wrong with a request, as problem details (RFC 9457), each type with a page that helps.

A handler raises `Problem`; `install` turns it, and whatever FastAPI and Starlette raise, into the answer.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

__all__ = [
    "KINDS",
    "FieldError",
    "Kind",
    "Problem",
    "base_url",
    "bug_response",
    "help_page",
    "install",
    "problem_response",
]

_log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"


class Kind(msgspec.Struct, frozen=True):
    """One type of problem: what its URI ends in, its constant title, its status, and what to do about it."""

    slug: str
    status: int
    title: str
    help: str


_KINDS: Final = (
    Kind("not-found", 404, "There is nothing here", "Check the path; /openapi.json lists all of them."),
    Kind(
        "unknown-customer",
        404,
        "Nothing is known of this customer",
        "Check the customer's id. The next best action is answered for strangers too.",
    ),
    Kind(
        "unknown-decision", 404, "This is no decision's id", "Send the decision_id of an answer, unchanged."
    ),
    Kind(
        "unknown-alert",
        404,
        "There is no such alert",
        "Send the alert_id of an alert in GET /v1/alerts, unchanged. An alert that ended long ago is forgotten.",
    ),
    Kind("alert-over", 409, "The alert is over", "Nothing is left to do about it."),
    Kind(
        "method-not-allowed", 405, "This method is not allowed here", "The Allow header names those that are."
    ),
    Kind(
        "invalid-request",
        422,
        "The request does not fit",
        "Each entry of `errors` names a field (a JSON pointer into the body, or the parameter) and what it takes.",
    ),
    Kind("malformed-body", 400, "The body is not JSON", "Send UTF-8 JSON as application/json."),
    Kind("unsupported-media-type", 415, "This media type is not read here", "Send application/json."),
    Kind("too-large", 413, "The request is too large", "A body may have 64 KiB."),
    Kind(
        "receive-timeout",
        408,
        "The request did not arrive in time",
        "Send the whole request within 5 seconds.",
    ),
    Kind(
        "unauthorised",
        401,
        "An API key is needed",
        "Send `Authorization: Bearer KEY` or `X-API-Key: KEY`. `cem api hash-key` makes the hash of a new one.",
    ),
    Kind(
        "idempotency-key-reused",
        422,
        "This idempotency key belongs to another request",
        "Use a new key for a new request. A key is kept for 24 hours.",
    ),
    Kind(
        "idempotency-in-progress",
        409,
        "A request with this idempotency key is still running",
        "Wait for its answer, or ask again after Retry-After seconds.",
    ),
    Kind(
        "store-unavailable",
        503,
        "The customers' state cannot be read",
        "Ask again after Retry-After seconds.",
    ),
    Kind(
        "lag-unknown",
        503,
        "The lag is not known",
        "Ask again in some seconds; cem doctor says what cannot be reached.",
    ),
    Kind("log-unavailable", 503, "The log does not take records", "Ask again after Retry-After seconds."),
    Kind(
        "too-many-streams",
        503,
        "Too many streams are open",
        "Connect again after Retry-After seconds, or to another API process.",
    ),
    Kind("not-ready", 503, "Not ready to serve", "`checks` says what is missing."),
    Kind("http-error", 400, "The request was refused", "The detail says why."),
    Kind(
        "internal",
        500,
        "Something went wrong here",
        "It is in the log under the Request-Id of this answer. Asking again may help.",
    ),
)
#: Slug to kind.
KINDS: Final[Mapping[str, Kind]] = {kind.slug: kind for kind in _KINDS}
_BY_STATUS: Final = {
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
}


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field that does not fit."""

    detail: str
    #: JSON pointer to the field (RFC 6901, as a URI fragment).
    pointer: str
    #: Where the field is: body, query, path or header.
    place: str = msgspec.field(default="body", name="in")


class Problem(Exception):
    """Ends a request with a problem."""

    def __init__(
        self,
        slug: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = KINDS[slug]
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.status = status or self.kind.status
        self.more = dict(more or {})


def base_url(scope: Scope) -> str:
    """Return the URL that the server listens on. Not what the Host header says: that is the client's word."""
    configured: str = getattr(scope["app"].state, "public_url", "") if "app" in scope else ""
    if configured:
        return configured.rstrip("/")
    host, port = scope.get("server") or ("127.0.0.1", 80)
    host = f"[{host}]" if ":" in str(host) else host
    return f"{scope.get('scheme', 'http')}://{host}" + (f":{port}" if port else "")


def problem_response(problem: Problem, scope: Scope) -> Response:
    """Return the answer that tells `problem`."""
    body: dict[str, Any] = {
        "type": f"{base_url(scope)}/problems/{problem.kind.slug}",
        "title": problem.kind.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": scope.get("path", ""),
        "request_id": scope.get("state", {}).get("request_id"),
        **problem.more,
    }
    if problem.errors:
        body["errors"] = msgspec.to_builtins(list(problem.errors))
    return Response(
        orjson.dumps(body), status_code=problem.status, headers=problem.headers, media_type=MEDIA_TYPE
    )


def bug_response(error: Exception, scope: Scope) -> Response:
    """Return the answer to a request that met a mistake of ours, which is logged under the request's id."""
    _log.error("request %s failed", scope.get("state", {}).get("request_id"), exc_info=error)
    return problem_response(Problem("internal", "an unexpected error; it has been logged"), scope)


def install(app: FastAPI) -> None:
    """Make `app` answer every error with a problem."""

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return problem_response(error, request.scope)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        slug = _BY_STATUS.get(error.status_code, "http-error")
        if slug == "not-found":
            detail = f"there is nothing at {request.url.path}"
        elif slug == "method-not-allowed":
            detail = f"{request.method} is not allowed at {request.url.path}"
        elif slug == "too-large":
            detail = "the body is larger than 64 KiB"
        elif slug == "receive-timeout":
            detail = "the body did not arrive within 5 s"
        else:
            detail = str(error.detail)
        headers = dict(error.headers or {})
        return problem_response(
            Problem(slug, detail, status=error.status_code, headers=headers), request.scope
        )

    async def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = error.errors()
        if any(e["type"] == "json_invalid" for e in found):
            return problem_response(Problem("malformed-body", "the body is not JSON"), request.scope)
        errors = [_field_error(e) for e in found]
        return problem_response(Problem("invalid-request", errors[0].detail, errors=errors), request.scope)

    async def on_bug(request: Request, error: Exception) -> Response:
        return bug_response(error, request.scope)

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Exception, on_bug)


def _field_error(error: Mapping[str, Any]) -> FieldError:
    place, *path = error["loc"]
    pointer = "#" + "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)
    name = ".".join(str(step) for step in path)
    return FieldError(f"{name}: {error['msg']}" if name else str(error["msg"]), pointer, str(place))


def help_page(slug: str) -> Response:
    """Return the page of a type of problem. Raises Problem."""
    kind = KINDS.get(slug)
    if kind is None:
        raise Problem("not-found", f"there is no type of problem called {slug!r}")
    return HTMLResponse(
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f"<title>{kind.title}</title><main><h1>{kind.title}</h1>"
        f"<p>Status {kind.status}, type <code>{kind.slug}</code>.</p><p>{kind.help}</p></main></html>"
    )
