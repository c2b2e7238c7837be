"""The next best action over HTTP: the stated shape, inside the deadline, recorded, never empty."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest

from cem.domain.customer import Customer, new_customer
from cem.domain.events import (
    CallDirection,
    CallEnded,
    CallStarted,
    Channel,
    ContactAnswered,
    ContactDelivered,
    DecisionMade,
    Event,
    ProfileChanged,
    Response,
)
from cem.domain.events.enums import CustomerStatus, Resolution
from cem.domain.state.service import Fault
from cem.nba import INPUT_TOPICS, encode_answer, replay
from cem.ports import LaneStopped
from tests.builders.api import Api, away
from tests.builders.customers import DAY, household
from tests.builders.nba import NOW_MS, shipped_policy
from tests.builders.segments import shipped_segments

KEYS = [
    "decision_id", "customer_id", "as_of", "staleness_s", "tier", "logged", "actions", "runner_up", "dropped",
    "flips", "sentences", "floors",
]  # fmt: skip
HOUR_MS = 3_600_000


def suffering() -> Customer:
    """Return a Vietnamese-speaking customer with a fault that lasts."""
    customer = new_customer("c1")
    customer.profile.status, customer.profile.language = "active", "vi"
    customer.service.faults.append(Fault("coverage", "", NOW_MS - 30 * HOUR_MS))
    return customer


def path(customer: str = "c1", **query: str) -> str:
    parts = "&".join(f"{name}={value}" for name, value in query.items())
    return f"/v1/customers/{customer}/next-best-action" + (f"?{parts}" if parts else "")


def test_the_answer_has_the_stated_shape() -> None:
    """Exactly the keys that integrators rely on; all actions accounted for; factors multiply back."""
    api = Api(suffering())
    response = api.get(path(reason="network", channel="phone"))
    answer = response.json()
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert list(answer) == KEYS
    assert answer["customer_id"] == "c1"
    assert answer["decision_id"] == "c1.n1"
    assert answer["as_of"] == "2026-09-21T14:13:20Z"
    assert answer["tier"] == "full"
    assert answer["logged"] is True
    assert answer["staleness_s"] == dict.fromkeys(INPUT_TOPICS, 0.5)
    assert set(answer["actions"][0]) == {
        "action",
        "treatment",
        "channel",
        "priority",
        "factors",
        "probability",
    }
    assert answer["actions"][0]["action"] == "solve_reception_fault"
    assert answer["floors"] == [
        {
            "rule": "floor.fault_now",
            "observed": 1,
            "order": "hardship before service before retention",
            "drops": ["selling"],
        }
    ]
    assert answer["runner_up"] == answer["actions"][1]["action"]
    listed = [a["action"] for a in answer["actions"]] + [d["action"] for d in answer["dropped"]]
    assert sorted(listed) == [a.action for a in shipped_policy().catalogue.actions]
    for action in answer["actions"]:
        f = action["factors"]
        product = f["propensity"] * f["context"] * f["value"] * f["lever"]
        assert product == pytest.approx(action["priority"], abs=1e-9)
    assert all(set(d) == {"action", "rule", "observed"} for d in answer["dropped"])
    assert answer["sentences"]["customer"].startswith("Tôi thấy sóng")


def test_the_decision_is_a_record_that_replays_to_the_same_bytes() -> None:
    """What stands in the log makes the answer again."""
    api = Api(suffering())
    response = api.get(
        path(reason="network", rep_id="r7", text="no signal"),
        headers={"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"},
    )
    (received,) = api.log.received()
    assert received.topic == "cem.decisions"
    assert received.customer_id == "c1"
    assert received.id == "c1.n1"
    assert received.traceparent == "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    record = received.event
    assert isinstance(record, DecisionMade)
    assert record.context is not None
    assert record.context.rep_id == "r7"
    assert encode_answer(replay(record, shipped_policy())) == response.content


def test_a_stranger_is_answered_and_stays_one_after_his_decision_is_known() -> None:
    """A representative with an unknown number on the line needs an answer too."""
    api = Api()
    answer = api.get(path("nobody", reason="network")).json()
    assert answer["tier"] == "stranger"
    assert answer["actions"][0]["action"] == "solve_reception_fault"
    known = new_customer("nobody")
    known.counts = [0, 0, 0, 0, 0, 0, 0, 3]
    assert Api(known).get(path("nobody")).json()["tier"] == "stranger"


def test_the_best_channel_is_the_one_that_he_answers() -> None:
    """He asked to be phoned and answers nothing but mail: to turn to him, actions come as mails, and the record says so."""
    customer, _ = household(
        [
            (NOW_MS - 40 * DAY, ProfileChanged(status=CustomerStatus.ACTIVE, channel_said=Channel.CALL)),
            *((at_ms, event) for n in range(6) for at_ms, event in answered_mail(NOW_MS - (30 - n) * DAY, n)),
            (NOW_MS - DAY, CallEnded(call_id="k", reason="billing", resolution=Resolution.UNRESOLVED)),
        ],
        customer_id="c1",
    )
    api = Api(customer)
    answer = api.get(path(channel="best")).json()
    assert {action["channel"] for action in answer["actions"]} == {"email"}
    (received,) = api.log.received()
    assert isinstance(received.event, DecisionMade)
    assert received.event.context is not None
    assert received.event.context.channel is Channel.EMAIL
    assert encode_answer(replay(received.event, shipped_policy())) == msgspec.json.encode(answer)


def answered_mail(at_ms: int, number: int) -> list[tuple[int, Event]]:
    """Return a mail that he answers, and a call of ours that he lets ring."""
    ring = CallEnded(call_id=f"o{number}", duration_s=0, direction=CallDirection.OUTBOUND, abandoned=True)
    return [
        (at_ms, ring),
        (at_ms + 1, ContactDelivered(contact_id=f"m{number}", channel=Channel.EMAIL)),
        (at_ms + HOUR_MS, ContactAnswered(contact_id=f"m{number}", response=Response.CLICKED)),
    ]


def test_without_the_store_nobody_knows_the_best_channel() -> None:
    """The answer is there all the same, for any channel."""
    api = Api(suffering())
    api.reader.trouble = away()
    answer = api.get(path(channel="best")).json()
    assert [(a["action"], a["channel"]) for a in answer["actions"]] == [("just_help", "other")]
    (received,) = api.log.received()
    assert isinstance(received.event, DecisionMade)
    assert encode_answer(replay(received.event, shipped_policy())) == msgspec.json.encode(answer)


@pytest.mark.parametrize("trouble", [away(), LaneStopped("broken"), OSError("gone")])
def test_without_the_store_the_answer_is_service_only(trouble: Exception) -> None:
    """Marked by its tier, recorded, and counted by cause."""
    api = Api(suffering())
    api.reader.trouble = trouble
    answer = api.get(path(language="vi")).json()
    assert answer["tier"] == "service_only"
    assert [a["action"] for a in answer["actions"]] == ["just_help"]
    assert {d["observed"] for d in answer["dropped"]} == {"store"}
    assert answer["sentences"]["customer"] == "Tôi có thể giúp gì cho anh/chị?"
    (received,) = api.log.received()
    assert isinstance(received.event, DecisionMade)
    assert received.event.tier == "service_only"
    assert encode_answer(replay(received.event, shipped_policy())) == msgspec.json.encode(answer)
    assert 'cem_decision_fallbacks_total{cause="store"} 1.0' in api.get("/metrics").text


def test_a_store_that_hangs_does_not_hold_the_answer() -> None:
    """Past the deadline the answer is service only; the deadline may be shortened by the caller."""
    api = Api(suffering(), decision_deadline_ms=30)
    api.reader.hangs = True
    answer = api.get(path()).json()
    assert answer["tier"] == "service_only"
    assert {d["observed"] for d in answer["dropped"]} == {"deadline"}
    patient = Api(suffering(), decision_deadline_ms=60_000)
    patient.reader.hangs = True
    began = time.monotonic()
    assert patient.get(path(timeout_ms="20")).json()["tier"] == "service_only"
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("hangs", [True, False])
def test_a_log_that_is_away_is_said_and_does_not_hold_the_answer(hangs: bool) -> None:
    """`logged: false`: the decision never enters an evaluation."""
    api = Api(suffering(), decision_log_ms=10)
    api.log.hangs, api.log.trouble = hangs, None if hangs else away()

    async def ask() -> bool:
        response = await api.send("GET", path())
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        return bool(response.json()["logged"])

    assert asyncio.run(ask()) is False
    assert "cem_decisions_unlogged_total 1.0" in api.get("/metrics").text


def test_a_state_that_cannot_be_read_is_answered_by_service_only() -> None:
    """A newer program's state, or garbage, costs the facts, not the answer."""
    api = Api()
    api.reader.states["c1"] = b"\x93\x63\xa2c1\x00"
    answer = api.get(path()).json()
    assert answer["tier"] == "service_only"
    assert {d["observed"] for d in answer["dropped"]} == {"state"}


def test_an_unknown_age_of_the_facts_drops_what_needs_fresh_ones() -> None:
    """Without the log's ends nothing is known to be fresh, and the answer says null."""
    from cem.api import Freshness

    api = Api(suffering(), freshness=Freshness(INPUT_TOPICS))
    answer = api.get(path(reason="network")).json()
    assert answer["staleness_s"] == dict.fromkeys(INPUT_TOPICS)
    dropped = {d["action"]: d["rule"] for d in answer["dropped"]}
    assert dropped["solve_reception_fault"] == "freshness.cem.service"


def test_a_simulated_clock_stamps_the_record() -> None:
    """The lane sees at what simulated time the decision was recorded."""
    api = Api(suffering(), simulated_clock=True)
    api.get(path())
    assert ("ce_recordedtime", b"2026-09-21T14:13:20.000Z") in [
        (k, v) for k, v in api.log.emissions[0].headers if k == "ce_recordedtime"
    ] or dict(api.log.emissions[0].headers)["ce_recordedtime"].startswith(b"2026-09-21T14:13:20")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("channel=fax", "#/channel"),
        ("chanel=call", "#/chanel"),
        ("call_id=a b", "#/call_id"),
        ("language=vietnamese", "#/language"),
        ("text=" + "x" * 8193, "#/text"),
        ("text=%00", "#/text"),
        ("reason=a&reason=b", "#/reason"),
        ("timeout_ms=0", "#/timeout_ms"),
        ("timeout_ms=1e3", "#/timeout_ms"),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(query: str, pointer: str) -> None:
    """422 with a pointer; nothing is decided."""
    api = Api(suffering())
    response = api.get(f"/v1/customers/c1/next-best-action?{query}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == pointer
    assert api.log.emissions == []


@pytest.mark.parametrize("query", ["text=%ff", "reason=%ed%a0%80"])
def test_a_query_that_is_no_text_is_refused(query: str) -> None:
    """Bytes that are not UTF-8 never reach a record."""
    assert Api(suffering()).get(f"/v1/customers/c1/next-best-action?{query}").status_code == 422


def test_text_is_normalised_so_that_the_lane_takes_the_record() -> None:
    """Vietnamese in decomposed form is the same text."""
    api = Api(suffering())
    assert api.get(path(text="so\u0301ng ye\u0302\u0301u")).status_code == 200
    (received,) = api.log.received()
    assert isinstance(received.event, DecisionMade)
    assert received.event.context is not None
    assert received.event.context.text == "sóng yếu"
    assert received.event.features["call_topic"] == "network"


def test_a_question_about_an_earlier_instant_is_answered_as_of_then_and_not_recorded() -> None:
    """A pilot on history reads what would have been suggested; the log only holds real decisions."""
    api = Api(suffering())
    before = api.get(path(reason="network", as_of="2026-09-10T00:00:00Z")).json()
    assert before["as_of"] == "2026-09-10T00:00:00Z"
    assert before["logged"] is False
    assert before["sentences"]["rep"].startswith("Solve the reception problem first: no fault is known")
    assert api.log.emissions == []
    assert api.get(path(as_of="2030-01-01T00:00:00Z")).status_code == 422
    assert api.get(path(as_of="2026-09-10T00:00:00")).status_code == 422
    assert api.get(path(as_of="2026-09-10T02:00:00+02:00")).json()["as_of"] == "2026-09-10T00:00:00Z"


def test_before_a_simulated_clock_begins_nothing_is_decided() -> None:
    """A record of 1970 would be refused by every lane."""
    api = Api(suffering(), simulated_clock=True)
    api.clock.shown_ms = 0
    assert api.get(path()).status_code == 503
    assert api.log.emissions == []


def test_who_waits_for_a_solution_is_not_sold_to() -> None:
    """A shipped rule asks for segments, as they are now; the record says in which he was, and replays."""
    unsolved = [
        event
        for n, at_ms in enumerate((NOW_MS - 9 * DAY, NOW_MS - 6 * DAY))
        for event in (
            (at_ms, CallStarted(call_id=f"s{n}", reason=f"r{n}")),
            (at_ms + 60_000, CallEnded(call_id=f"s{n}", duration_s=60, resolution=Resolution.UNRESOLVED)),
        )
    ]
    said = (NOW_MS - 20 * DAY, ProfileChanged(status=CustomerStatus.ACTIVE, plan="M", price_minor=3_000))
    customer, _ = household([said, *unsolved], customer_id="c1")
    api = Api(customer, segments=shipped_segments())
    answer = api.get(path(reason="plan")).json()
    dropped = {d["action"]: (d["rule"], d["observed"]) for d in answer["dropped"]}
    assert dropped["plan_upgrade"] == ("suitability.no_grievance", "unresolved")
    event = api.log.received()[0].event
    assert isinstance(event, DecisionMade)
    assert "unresolved" in str(event.features["segments"]).split()
    assert encode_answer(replay(event, shipped_policy())) == msgspec.json.encode(answer)
    free = Api(customer).get(path(reason="plan")).json()
    assert "suitability.no_grievance" not in {d["rule"] for d in free["dropped"]}


def test_a_mistake_of_ours_is_a_problem_with_the_requests_id(caplog: pytest.LogCaptureFixture) -> None:
    """As on every other route; the log has it under the same id."""

    class Stopped:
        def now_ms(self) -> int:
            raise ZeroDivisionError("a mistake")

    answer = Api(clock=Stopped()).get(path("nobody"), headers={"Request-Id": "a-request-1"})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["request_id"] == answer.headers["request-id"] == "a-request-1"
    assert "request a-request-1 failed" in caplog.text
