"""API keys, probes, metrics and the served documents."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import jsonschema
import msgspec
import pytest

from cem.api import BadHashError, check_exposure, hash_key
from cem.api.hot_path import PATH
from cem.api.keys import KeyCheck
from cem.domain.events import EVENT_TYPES
from cem.nba import INPUT_TOPICS
from cem.settings import Settings, SettingsError
from tests.builders.api import Api, away, fresh
from tests.builders.nba import NOW_MS

HASH = hash_key("right")
PATHS = [
    "/v1/alerts",
    "/v1/customers/c1/next-best-action",
    "/metrics",
    "/openapi.json",
    "/asyncapi.json",
    "/readyz?verbose",
    "/nowhere",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "wrong"},
        {"Authorization": "Basic right"},
        {"Authorization": "Bearer "},
        {"X-API-Key": "x" * 600},
    ],
)
def test_without_the_key_nothing_is_told(path: str, headers: dict[str, str]) -> None:
    """Not even which paths there are."""
    response = Api(api_key_hash=HASH).get(path, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "headers", [{"X-API-Key": "right"}, {"Authorization": "Bearer right"}, {"Authorization": "bearer  right"}]
)
def test_with_the_key_it_answers(headers: dict[str, str]) -> None:
    """By either header."""
    assert Api(api_key_hash=HASH).get("/v1/alerts", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/problems/unauthorised"])
def test_probes_and_help_need_no_key(path: str) -> None:
    """An orchestrator has none, and whoever lacks one reads how to get one."""
    assert Api(api_key_hash=HASH).get(path).status_code == 200


def test_a_right_key_is_checked_by_scrypt_once_and_a_wrong_one_remembered() -> None:
    """The hot path pays a digest, not scrypt."""
    import asyncio

    async def run() -> tuple[list[bool], int]:
        check = KeyCheck(HASH)
        answers = [await check.accepts(k) for k in (b"right", b"wrong", b"right", b"wrong", b"")]
        return answers, len(check._wrong)

    assert asyncio.run(run()) == ([True, False, True, False, False], 1)


def test_a_next_best_action_takes_the_short_way_once_its_key_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each key costs one scrypt, which counts to its request's duration; both ways give the same answer."""
    scrypts: list[tuple[bytes, float]] = []
    scrypt = hashlib.scrypt

    def timed(key: bytes, **options: Any) -> bytes:
        began = time.perf_counter()
        found = scrypt(key, **options)
        scrypts.append((key, time.perf_counter() - began))
        return found

    monkeypatch.setattr(hashlib, "scrypt", timed)
    api = Api(api_key_hash=HASH)
    path, right = "/v1/customers/c1/next-best-action", {"X-API-Key": "right", "Request-Id": "the-same-id"}
    assert api.get(path, headers={"X-API-Key": "wrong"}).status_code == 401
    first, second = (api.get(path, headers=right) for _ in range(2))
    assert [key for key, _ in scrypts] == [b"wrong", b"right"]
    assert (first.status_code, first.headers) == (second.status_code, second.headers)
    shown = api.services.metrics.registry.get_sample_value
    name, ours = "cem_api_request_duration_seconds", {"route": PATH, "method": "GET", "status": "2xx"}
    refused = {"route": "none", "method": "GET", "status": "4xx"}
    assert (shown(f"{name}_count", ours), shown(f"{name}_count", refused)) == (2, 1)
    assert (shown(f"{name}_sum", ours) or 0) > scrypts[1][1]
    assert (shown(f"{name}_sum", refused) or 0) > scrypts[0][1]


def test_hashes_are_salted_and_garbage_is_refused() -> None:
    """Two hashes of one key differ; a setting that is none stops the start."""
    assert hash_key("a") != hash_key("a")
    for bad in ("secret", "scrypt$1$2$3$x$y", "scrypt$16384$8$1$AAAA$AAAA"):
        with pytest.raises(BadHashError, match="CEM_API_KEY_HASH"):
            KeyCheck(bad)


@pytest.mark.parametrize(
    ("host", "key", "refused"),
    [
        ("127.0.0.1", "", False),
        ("::1", "", False),
        ("localhost", "", False),
        ("0.0.0.0", "", True),
        ("10.0.0.1", "", True),
        ("example.com", "", True),
        ("0.0.0.0", HASH, False),
    ],
)
def test_only_loopback_is_served_without_a_key(host: str, key: str, refused: bool) -> None:
    """The sentence says what to do."""
    settings = Settings.from_env({"CEM_API_HOST": host, "CEM_API_KEY_HASH": key})
    if refused:
        with pytest.raises(SettingsError, match="cem api hash-key"):
            check_exposure(settings)
    else:
        check_exposure(settings)


def test_livez_touches_nothing_and_readyz_names_what_is_missing() -> None:
    """A dead store takes the process out of rotation, it does not restart it."""
    api = Api()
    api.reader.trouble = away()
    assert api.get("/livez").status_code == 200
    assert api.reader.reads == 0
    response = api.get("/readyz?verbose")
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    checks = {c["name"]: c for c in response.json()["checks"]}
    assert checks["store"]["ok"] is False
    assert "it is away" in checks["store"]["detail"]


def test_readyz_waits_for_a_simulated_clock_to_begin() -> None:
    """Before its first anchor no time is true."""
    api = Api(simulated_clock=True)
    api.clock.shown_ms = 0
    assert api.get("/readyz").status_code == 503


def test_readyz_verbose_tells_the_age_of_the_facts() -> None:
    """Behind is said, and is no reason to stop answering."""
    api = Api(freshness=fresh())
    freshness = {c["name"]: c for c in api.get("/readyz?verbose").json()["checks"]}["freshness"]
    assert freshness["staleness_s"] == dict.fromkeys(INPUT_TOPICS, 0.5)


def test_metrics_have_routes_not_customers_as_labels() -> None:
    """Durations, decisions, ages."""
    api = Api()
    api.get("/v1/customers/secret77/next-best-action")
    api.get("/secret88")
    page = api.get("/metrics").text
    assert (
        'cem_api_request_duration_seconds_count{method="GET",route="/v1/customers/{customer_id}/next-best-action",status="2xx"} 1.0'
        in page
    )
    assert 'cem_decisions_total{action="just_help",tier="stranger"} 1.0' in page
    assert 'cem_input_staleness_seconds{topic="cem.calls"} 0.5' in page
    assert "secret77" not in page
    assert "secret88" not in page


def test_openapi_describes_what_is_answered() -> None:
    """Answers encoded by hand fit the document's schemas; every path names its problems; nothing of FastAPI's own is left."""
    api = Api()
    document = api.get("/openapi.json").json()
    assert "HTTPValidationError" not in json.dumps(document)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert {"401", "500"} <= set(operation["responses"]), path
    parameters = document["paths"]["/v1/customers/{customer_id}/next-best-action"]["get"]["parameters"]
    assert {p["name"] for p in parameters} >= {
        "customer_id",
        "call_id",
        "reason",
        "channel",
        "rep_id",
        "language",
        "queue",
        "text",
    }
    schema = {"$ref": "#/components/schemas/Answer", "components": document["components"]}
    answer = api.get("/v1/customers/c1/next-best-action?reason=network").json()
    jsonschema.Draft202012Validator(schema).validate(answer)
    problem = {"$ref": "#/components/schemas/Problem", "components": document["components"]}
    jsonschema.Draft202012Validator(problem).validate(api.get("/nowhere").json())


def test_asyncapi_has_every_event_type_under_its_topic() -> None:
    """References resolve; each type is a message of one channel."""
    document = Api().get("/asyncapi.json").json()
    assert document["asyncapi"] == "3.0.0"
    assert set(document["info"]) >= {"title", "version"}
    messages = document["components"]["messages"]
    assert {m["name"] for m in messages.values()} == set(EVENT_TYPES)
    for channel in document["channels"].values():
        for reference in channel["messages"].values():
            assert reference["$ref"].rsplit("/", 1)[-1] in messages
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert operation["channel"]["$ref"].rsplit("/", 1)[-1] in document["channels"]
    for message in messages.values():
        jsonschema.Draft202012Validator.check_schema(message["payload"]["schema"])
        assert "$ref" not in json.dumps(message["payload"])
    assert msgspec.json.encode(document)
    assert NOW_MS
