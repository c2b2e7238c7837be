"""Every error is a problem (RFC 9457) with a page behind its type, and every answer has a Request-Id."""

from __future__ import annotations

import asyncio

import pytest

from cem.api.limits import LimitsMiddleware
from cem.api.problems import KINDS, Problem
from tests.builders.api import Api, away

OUTCOME = "/v1/decisions/c1.n1/outcomes"


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "slug"),
    [
        ("GET", "/nowhere", {}, 404, "not-found"),
        ("GET", "/v1/customers/zz", {}, 404, "unknown-customer"),
        ("GET", "/v1/customers/zz/timeline", {}, 404, "unknown-customer"),
        ("GET", "/v1/customers/a%20b", {}, 422, "invalid-request"),
        ("GET", "/v1/customers/a%20b/next-best-action", {}, 422, "invalid-request"),
        ("DELETE", "/v1/alerts", {}, 405, "method-not-allowed"),
        ("GET", "/v1/alerts?limit=0", {}, 422, "invalid-request"),
        ("GET", "/v1/alerts?cursor=%21", {}, 422, "invalid-request"),
        ("GET", "/problems/none", {}, 404, "not-found"),
        ("GET", "/v1/alerts?type=" + "x" * 40_000, {}, 414, "too-large"),
        ("POST", OUTCOME, {"json": {"state": "bought"}}, 422, "invalid-request"),
        ("POST", OUTCOME, {"json": {"state": "done", "colour": 1}}, 422, "invalid-request"),
        ("POST", OUTCOME, {"json": {"state": "declined", "reason": "a\x00b"}}, 422, "invalid-request"),
        (
            "POST",
            OUTCOME,
            {"content": b"{", "headers": {"content-type": "application/json"}},
            400,
            "malformed-body",
        ),
        (
            "POST",
            OUTCOME,
            {"content": b"<a/>", "headers": {"content-type": "text/xml"}},
            415,
            "unsupported-media-type",
        ),
        (
            "POST",
            OUTCOME,
            {"content": b" " * 65_537, "headers": {"content-type": "application/json"}},
            413,
            "too-large",
        ),
        ("POST", "/v1/decisions/noid/outcomes", {"json": {"state": "done"}}, 404, "unknown-decision"),
    ],
)
def test_an_error_is_a_problem(
    method: str, path: str, options: dict[str, object], status: int, slug: str
) -> None:
    """Type, title, status, detail, instance; the type's page answers; the Request-Id is in header and body."""
    api = Api()
    response = api.request(method, path, **options)
    body = response.json()
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert body["type"] == f"http://127.0.0.1:8080/problems/{slug}"
    assert body["title"] == KINDS[slug].title
    assert body["status"] == status
    assert body["detail"]
    assert body["request_id"] == response.headers["request-id"]
    assert KINDS[slug].help in api.get(f"/problems/{slug}").text


def test_each_bad_field_has_a_pointer() -> None:
    """All of them at once, not one a try."""
    body = Api().request("POST", OUTCOME, json={"state": "bought", "action": "a b", "x/y": 1}).json()
    assert sorted(e["pointer"] for e in body["errors"]) == ["#/action", "#/state", "#/x~1y"]


def test_the_body_limit_counts_what_arrives_not_what_is_declared() -> None:
    """A chunked body is cut off as well."""

    async def chunks():
        for _ in range(70):
            yield b" " * 1024

    response = Api().request("POST", OUTCOME, content=chunks(), headers={"content-type": "application/json"})
    assert response.status_code == 413


def test_a_body_that_does_not_arrive_is_given_up() -> None:
    """A request is received within its time or answered 408."""
    api = Api()
    stack = api.app.build_middleware_stack()
    layer = stack
    while not isinstance(layer, LimitsMiddleware):
        layer = layer.app  # type: ignore[attr-defined]
    layer.receive_s = 0.01
    api.app.middleware_stack = stack
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": OUTCOME, "raw_path": OUTCOME.encode(), "query_string": b"",
        "headers": [(b"content-type", b"application/json")], "server": ("127.0.0.1", 8080), "scheme": "http",
        "root_path": "", "http_version": "1.1",
    }  # fmt: skip
    asyncio.run(api.app(scope, receive, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]  # type: ignore[operator]


def test_a_store_that_is_away_is_503_where_nothing_else_can_answer() -> None:
    """With a hint when to ask again."""
    api = Api()
    api.reader.trouble = away()
    for path in ("/v1/customers/c1", "/v1/customers/c1/timeline", "/v1/alerts", "/v1/alerts?customer=c1"):
        response = api.get(path)
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert response.json()["type"].endswith("/problems/store-unavailable")


def test_a_bug_is_a_problem_without_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """The caller gets the id under which it stands in the log."""
    api = Api()
    api.reader.trouble = ZeroDivisionError("secret")
    response = api.get("/v1/alerts")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "secret" not in response.text
    assert response.json()["request_id"] == response.headers["request-id"]
    assert response.headers["request-id"] in caplog.text


def test_a_given_request_id_is_kept_if_it_is_one() -> None:
    """So that a caller finds his request in our log; anything else is replaced."""
    api = Api()
    assert api.get("/livez", headers={"Request-Id": "abc-12345"}).headers["request-id"] == "abc-12345"
    assert len(api.get("/livez", headers={"Request-Id": "a\tb"}).headers["request-id"]) == 16


def test_links_follow_the_configured_url_never_the_host_header() -> None:
    """The Host header is the client's word."""
    spoofed = Api().get("/nowhere", headers={"Host": "evil.example"}).json()["type"]
    assert spoofed == "http://127.0.0.1:8080/problems/not-found"
    configured = Api(public_url="https://cem.example/").get("/nowhere").json()["type"]
    assert configured == "https://cem.example/problems/not-found"


def test_a_problem_states_its_kinds_status() -> None:
    """A slug that does not exist is a bug of ours."""
    assert Problem("too-large", "x").status == 413
    with pytest.raises(KeyError):
        Problem("none", "x")
