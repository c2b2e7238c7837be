"""Outcomes: records of the log, counted once, answered again under the same key."""

from __future__ import annotations

import asyncio

import pytest

from cem.domain.events import OutcomeRecorded
from cem.domain.events.enums import Channel, OutcomeState
from tests.builders.api import Api, away

PATH = "/v1/decisions/c-1_x.n1/outcomes"


def test_an_outcome_is_a_record_of_the_decisions_customer() -> None:
    """The customer is in the decision's id."""
    api = Api()
    sent = {
        "state": "declined",
        "action": "plan_upgrade",
        "reason": "too dear",
        "instead": "nothing",
        "rep_id": "r1",
        "channel": "call",
    }
    response = api.request("POST", PATH, json=sent)
    assert response.status_code == 202
    assert response.json()["customer_id"] == "c-1_x"
    (received,) = api.log.received()
    assert (received.topic, received.customer_id, received.type) == (
        "cem.outcomes",
        "c-1_x",
        "outcome.recorded",
    )
    assert received.event == OutcomeRecorded(
        decision_id="c-1_x.n1", state=OutcomeState.DECLINED, action="plan_upgrade", reason="too dear",
        instead="nothing", rep_id="r1", channel=Channel.CALL,
    )  # fmt: skip


def test_a_repeat_under_the_same_key_is_answered_again_and_not_done_again() -> None:
    """The same bytes, marked as replayed; kept for 24 hours."""
    api = Api()
    first = api.request("POST", PATH, json={"state": "accepted"}, headers={"Idempotency-Key": "k"})
    again = api.request("POST", PATH, json={"state": "accepted"}, headers={"Idempotency-Key": '"k"'})
    assert again.status_code == first.status_code == 202
    assert again.content == first.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert len(api.log.emissions) == 1
    assert list(api.keys.ttl_ms.values()) == [24 * 3_600_000]


def test_a_key_for_another_body_or_decision() -> None:
    """Another body: 422. Another decision's path: another request."""
    api = Api()
    api.request("POST", PATH, json={"state": "accepted"}, headers={"Idempotency-Key": "k"})
    other_body = api.request("POST", PATH, json={"state": "done"}, headers={"Idempotency-Key": "k"})
    assert other_body.status_code == 422
    assert other_body.json()["type"].endswith("/idempotency-key-reused")
    other_path = PATH.replace("n1", "n2")
    assert (
        api.request("POST", other_path, json={"state": "done"}, headers={"Idempotency-Key": "k"}).status_code
        == 202
    )


def test_a_request_that_still_runs_under_the_key_is_409() -> None:
    """Two at once are not two outcomes."""
    api = Api()

    async def both() -> list[int]:
        api.log.hangs = True
        first = asyncio.create_task(
            api.send("POST", PATH, json={"state": "done"}, headers={"Idempotency-Key": "k"})
        )
        await asyncio.sleep(0.05)
        second = await api.send("POST", PATH, json={"state": "done"}, headers={"Idempotency-Key": "k"})
        first.cancel()
        return [second.status_code]

    assert asyncio.run(both()) == [409]


def test_without_a_key_a_repeat_has_the_same_event_id() -> None:
    """So the lane counts it once."""
    api = Api()
    for _ in range(2):
        assert api.request("POST", PATH, json={"state": "accepted"}).status_code == 202
    api.request("POST", PATH, json={"state": "done"})
    first, second, third = (r.id for r in api.log.received())
    assert first == second != third


def test_what_the_log_did_not_take_is_503_and_may_be_sent_again() -> None:
    """Nothing is stored of a failure that may pass."""
    api = Api(record_log_ms=50)
    api.log.trouble = away()
    response = api.request("POST", PATH, json={"state": "accepted"}, headers={"Idempotency-Key": "k"})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    api.log.trouble = None
    again = api.request("POST", PATH, json={"state": "accepted"}, headers={"Idempotency-Key": "k"})
    assert again.status_code == 202
    assert "idempotent-replayed" not in again.headers


def test_a_key_that_cannot_be_checked_is_503() -> None:
    """A key that is not honoured would be a lie."""
    api = Api()
    api.keys.trouble = away()
    assert (
        api.request("POST", PATH, json={"state": "done"}, headers={"Idempotency-Key": "k"}).status_code == 503
    )
    assert api.request("POST", PATH, json={"state": "done"}).status_code == 202


@pytest.mark.parametrize("key", ["", "a" * 256, "a b"])
def test_a_key_must_be_one(key: str) -> None:
    """1 to 255 visible characters."""
    response = Api().request("POST", PATH, json={"state": "done"}, headers={"Idempotency-Key": key})
    assert response.status_code == 422
    assert response.json()["errors"][0]["in"] == "header"
