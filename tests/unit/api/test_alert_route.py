"""Alerts over HTTP: newest first over all customers, filtered, page by page, the same object as on cem.alerts."""

from __future__ import annotations

import importlib
import pkgutil

import msgspec
import pytest

from cem.domain import detectors
from cem.domain.alert_types import ALERT_TYPES
from cem.domain.customer import Customer, encode_customer
from cem.domain.events import AlertOpened, CallEnded, CallStarted, Event
from tests.builders.api import Api
from tests.builders.customers import DAY, HOUR, T0, Context, household


def caller(number: int) -> tuple[Customer, Context]:
    """Return a customer who called twice about the same, the second time at T0 + number hours."""
    events: list[tuple[int, Event]] = []
    for i, at_ms in enumerate((T0 - DAY, T0 + number * HOUR)):
        call_id = f"k{number}-{i}"
        events += [
            (at_ms, CallStarted(call_id=call_id, reason="network")),
            (at_ms + 60_000, CallEnded(call_id=call_id, reason="network")),
        ]
    return household(events, customer_id=f"C{number}")


def api_with(*numbers: int) -> tuple[Api, list[AlertOpened]]:
    """Return an API over such customers, and what was emitted on cem.alerts."""
    api = Api()
    opened: list[AlertOpened] = []
    for number in numbers:
        customer, ctx = caller(number)
        api.reader.states[customer.customer_id] = encode_customer(customer)
        api.reader.index += list(ctx.indexed.items())
        opened += [e for e in ctx.emitted if isinstance(e, AlertOpened)]
    return api, opened


def ids(body: dict[str, list[dict[str, str]]]) -> list[str]:
    return [a["alert_id"] for a in body["alerts"]]


def test_alerts_come_newest_first_as_they_stand_on_the_topic() -> None:
    """Key by key the same object."""
    api, opened = api_with(1, 3, 2)
    body = api.get("/v1/alerts").json()
    assert [a["customer_id"] for a in body["alerts"]] == ["C3", "C2", "C1"]
    assert body["next"] is None
    emitted = {a.alert_id: msgspec.to_builtins(a) for a in opened}
    for alert in body["alerts"]:
        assert alert.keys() == emitted[alert["alert_id"]].keys()
        assert alert["remedy"]["action"] == "escalate_case"


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_follow_each_other_without_gap_or_repeat(limit: int) -> None:
    """Also where many alerts share one instant."""
    api, _ = api_with(1, 2, 3, 4, 5, 6, 7)
    api.reader.index = [(member, T0) for member, _ in api.reader.index]
    seen: list[str] = []
    cursor = None
    for _ in range(10):
        body = api.get("/v1/alerts", params={"limit": limit, **({"cursor": cursor} if cursor else {})}).json()
        seen += ids(body)
        cursor = body["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 7


def test_filters_by_customer_type_state_and_tier() -> None:
    """Every filter that is given must fit."""
    api, _ = api_with(1, 2)
    (of_one,) = api.get("/v1/alerts?customer=C1").json()["alerts"]
    assert of_one["customer_id"] == "C1"
    assert len(ids(api.get(f"/v1/alerts?type={of_one['type']}").json())) == 2
    assert ids(api.get("/v1/alerts?type=sms_velocity").json()) == []
    assert len(ids(api.get(f"/v1/alerts?state=open&tier={of_one['tier']}").json())) == 2
    assert ids(api.get("/v1/alerts?state=resolved").json()) == []
    assert ids(api.get("/v1/alerts?customer=nobody").json()) == []


@pytest.mark.parametrize(
    ("name", "known"),
    [("type", ALERT_TYPES), ("state", ("open", "silenced")), ("tier", ("notice", "alert"))],
)
def test_an_unknown_name_in_a_filter_is_refused(name: str, known: tuple[str, ...]) -> None:
    """An empty list would say that all is well; the problem names the filter and what it takes."""
    answer = api_with(1)[0].get(f"/v1/alerts?{name}=unknown")
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == f"#/{name}"
    assert error["in"] == "query"
    assert all(value in error["detail"] for value in known)


def test_every_detector_is_a_type_of_the_filter() -> None:
    """What can be raised can be asked for, and the document says so."""
    modules = [info.name for info in pkgutil.iter_modules(detectors.__path__)]
    loaded = [importlib.import_module(f"{detectors.__name__}.{name}") for name in modules]
    found = [name for each in loaded for name in (getattr(each, "TYPE", None), *getattr(each, "TYPES", ()))]
    assert {name for name in found if name} == set(ALERT_TYPES)
    parameters = Api().get("/openapi.json").json()["paths"]["/v1/alerts"]["get"]["parameters"]
    (schema,) = [p["schema"] for p in parameters if p["name"] == "type"]
    assert schema["enum"] == list(ALERT_TYPES)


def test_a_customers_alerts_are_paged_too() -> None:
    """By the same cursor."""
    api, _ = api_with(1)
    body = api.get("/v1/alerts?customer=C1&limit=1").json()
    assert len(body["alerts"]) == 1
    assert body["next"] is None


def test_an_index_entry_without_its_customer_is_passed_over() -> None:
    """An erased customer's alert is gone, whatever the index still says."""
    api, _ = api_with(1, 2)
    del api.reader.states["C2"]
    assert [a["customer_id"] for a in api.get("/v1/alerts").json()["alerts"]] == ["C1"]
