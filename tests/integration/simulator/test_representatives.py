"""The simulated representatives against an API of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from cem.simulator import Ask, Outcome
from cem.simulator.representatives import Representatives

ASK = Ask("C000001", "call-1-1", 0, "rep-01", "billing", "billing", "+8490000001", "vi", "Hóa đơn & cước?")
Handler = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def api(decide: Handler, take: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/v1/customers/{customer_id}/next-best-action", decide)
    app.router.add_post("/v1/decisions/{decision_id}/outcomes", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def nothing(request: web.Request) -> web.Response:
    return web.json_response({})


def test_a_representative_says_who_calls_about_what_and_hears_what_to_do() -> None:
    """The query carries the call; the answer's actions come back in order."""
    asked: list[dict[str, Any]] = []

    async def decide(request: web.Request) -> web.Response:
        asked.append(
            {
                **request.query,
                "customer": request.match_info["customer_id"],
                "key": request.headers["Authorization"],
            }
        )
        actions = [
            {"action": "explain_bill", "channel": "call"},
            {"action": "sms_bundle", "price_minor": 300},
        ]
        return web.json_response({"decision_id": "C000001.1", "actions": actions})

    async def go() -> None:
        async with api(decide, nothing) as url, Representatives(url, "secret") as desk:
            answer = await desk.ask(ASK)
            assert answer.decision_id == "C000001.1"
            assert [(o.action, o.price_minor) for o in answer.actions] == [
                ("explain_bill", 0),
                ("sms_bundle", 300),
            ]

    asyncio.run(go())
    assert asked == [
        {
            "customer": "C000001",
            "key": "Bearer secret",
            "call_id": "call-1-1",
            "reason": "billing",
            "intent": "billing",
            "channel": "call",
            "rep_id": "rep-01",
            "language": "vi",
            "text": "Hóa đơn & cước?",
        }
    ]


def test_an_outcome_is_reported_until_it_is_taken() -> None:
    """A 503 is tried again."""
    taken: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        taken.append((request.match_info["decision_id"], await request.json()))
        return web.json_response({}, status=503 if len(taken) == 1 else 202)

    async def go() -> None:
        async with api(nothing, take) as url, Representatives(url) as desk:
            outcome = Outcome("C000001", "C000001.1", "declined", 0, "sms_bundle", "price", "rep-01")
            assert await desk.report(outcome)
            assert (desk.reported, desk.lost) == (1, 0)

    asyncio.run(go())
    told = {
        "state": "declined",
        "channel": "call",
        "action": "sms_bundle",
        "reason": "price",
        "rep_id": "rep-01",
    }
    assert taken == [("C000001.1", told)] * 2


def test_without_an_api_representatives_go_on_and_say_so_once() -> None:
    """Nobody raises; one remark, and another when the API is back."""
    said: list[str] = []

    async def decide(request: web.Request) -> web.Response:
        return web.json_response({"decision_id": "C000001.1", "actions": []})

    async def go() -> None:
        async with api(decide, nothing) as url:
            desk = Representatives("http://127.0.0.1:9", note=said.append)
            async with desk:
                for _ in range(3):
                    assert (await desk.ask(ASK)).decision_id == ""
                desk._url = url
                assert (await desk.ask(ASK)).decision_id == "C000001.1"

    asyncio.run(go())
    assert len(said) == 2
    assert "go on without it" in said[0]
    assert said[1] == "the API is back"


def test_an_answer_that_makes_no_sense_is_no_answer() -> None:
    """Neither an error, nor a list, nor something else than JSON is a decision."""
    bodies = iter([web.json_response({}, status=500), web.json_response([1]), web.Response(text="<html>")])

    async def decide(request: web.Request) -> web.Response:
        return next(bodies)

    async def go() -> None:
        async with api(decide, nothing) as url, Representatives(url) as desk:
            for _ in range(3):
                assert (await desk.ask(ASK)).actions == []
            assert (desk.asked, desk.answered) == (3, 0)

    asyncio.run(go())
