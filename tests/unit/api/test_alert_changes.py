"""What people do about an alert: a record of its customer, once, and only while the alert is there."""

from __future__ import annotations

from typing import Any

import pytest

from cem.domain.customer import decode_customer, encode_customer
from cem.domain.events import ControlAlertAcknowledged, ControlAlertResolved, ControlAlertSilenced
from cem.domain.fold import fold
from tests.builders.api import Api, away
from tests.builders.customers import HOUR, Context, received
from tests.builders.nba import NOW_MS
from tests.unit.api.test_alert_route import api_with

BODIES: dict[str, dict[str, Any]] = {
    "acknowledge": {"by": "anna", "note": "calling him"},
    "silence": {"by": "anna", "reason": "known", "for_s": 3600},
    "resolve": {"by": "anna"},
}


def one_alert() -> tuple[Api, str]:
    """Return an API over one customer with one open alert, and the alert's id."""
    api, (opened,) = api_with(1)
    return api, opened.alert_id


def post(api: Api, alert: str, change: str, key: str | None = None, **over: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return api.request(
        "POST", f"/v1/alerts/{alert}/{change}", json={**BODIES[change], **over}, headers=headers
    )


@pytest.mark.parametrize("change", BODIES)
def test_a_change_is_a_record_of_the_alerts_customer(change: str) -> None:
    """On cem.control, where his lane folds it."""
    api, alert = one_alert()
    answer = post(api, alert, change)
    assert answer.status_code == 202, answer.text
    assert answer.json()["change"] == change
    (received,) = api.log.received()
    assert (received.topic, received.customer_id) == ("cem.control", "C1")
    event = received.event
    assert isinstance(event, ControlAlertAcknowledged | ControlAlertSilenced | ControlAlertResolved)
    assert (event.alert_id, event.by) == (alert, "anna")
    if isinstance(event, ControlAlertSilenced):
        assert round(event.until.timestamp() * 1000) == NOW_MS // 1000 * 1000 + HOUR


def test_an_id_with_a_slash_finds_its_alert() -> None:
    """An operator's ids may have one."""
    assert post(Api(), "repeat_call:C1:network:a/b/c", "resolve").json()["type"].endswith("/unknown-alert")


def test_the_same_request_under_one_key_is_one_record_and_without_key_each_counts() -> None:
    """Somebody may acknowledge again what was silenced in between."""
    api, alert = one_alert()
    first, again = (post(api, alert, "acknowledge", key="k") for _ in range(2))
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"
    assert len(api.log.emissions) == 1
    for _ in range(2):
        post(api, alert, "acknowledge")
    assert len({r.id for r in api.log.received()}) == 3


@pytest.mark.parametrize(
    "alert", ["nonsense", "repeat_call:C1:network:other", "repeat_call:nobody:network:1"]
)
def test_an_unknown_alert_is_404_and_leaves_no_record(alert: str) -> None:
    """Nothing would fold it."""
    api, _ = one_alert()
    answer = post(api, alert, "resolve", key="k")
    assert (answer.status_code, answer.json()["type"].rsplit("/")[-1]) == (404, "unknown-alert")
    assert not api.log.emissions


def test_an_alert_that_is_over_is_409() -> None:
    """With the reason of its end."""
    api, alert = one_alert()
    customer = decode_customer(api.reader.states["C1"])
    fold(customer, received(ControlAlertResolved(alert_id=alert, by="ben"), NOW_MS), Context(NOW_MS))
    api.reader.states["C1"] = encode_customer(customer)
    answer = post(api, alert, "acknowledge")
    assert (answer.status_code, answer.json()["type"].rsplit("/")[-1]) == (409, "alert-over")
    assert answer.json()["detail"].endswith("Z: resolved by hand")


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ("acknowledge", {"by": ""}),
        ("acknowledge", {"by": "a\x00"}),
        ("silence", {"for_s": 59}),
        ("silence", {"reason": ""}),
        ("resolve", {"until": 1}),
    ],
)
def test_what_does_not_fit_is_422(change: str, wrong: dict[str, Any]) -> None:
    """With the field."""
    api, alert = one_alert()
    answer = post(api, alert, change, **wrong)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"#/{next(iter(wrong))}"


def test_a_store_or_a_log_that_is_away_is_503_and_the_key_is_free_again() -> None:
    """The same request may be sent again."""
    api, alert = one_alert()
    api.log.trouble = away()
    assert post(api, alert, "resolve", key="k").status_code == 503
    api.log.trouble, api.reader.trouble = None, away()
    assert post(api, alert, "resolve", key="k").status_code == 503
    api.reader.trouble = None
    assert post(api, alert, "resolve", key="k").status_code == 202
