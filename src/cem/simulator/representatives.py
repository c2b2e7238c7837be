"""The simulated representatives' side of the API: they ask what to do, and report what became of it.

While the API is away they go on as they can, and say so once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import aiohttp
import msgspec

from cem.simulator.facade import offers
from cem.simulator.world import Ask, Outcome
from cem.simulator.world.people import Offered

__all__ = ["Answer", "Representatives"]

_ASK_S: Final = 2.0
_POST_S: Final = 10.0
_POST_ATTEMPTS: Final = 5
_AT_ONCE: Final = 32


class Answer(msgspec.Struct, frozen=True):
    """What the API said to an ask; no decision: it did not answer."""

    ask: Ask
    decision_id: str = ""
    actions: list[Offered] = []


class Representatives:
    """Asks and reports over HTTP. Use as `async with Representatives(url, key) as desk`."""

    def __init__(
        self, url: str, api_key: str = "", *, note: Callable[[str], None] = lambda message: None
    ) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._note = note
        self._session: aiohttp.ClientSession | None = None
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._away = False
        #: Asked, answered, outcomes reported, outcomes lost.
        self.asked = self.answered = self.reported = self.lost = 0

    async def __aenter__(self) -> Representatives:
        self._session = aiohttp.ClientSession(headers=self._headers)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, ask: Ask) -> Answer:
        """Return what the API says; an answer without a decision when it says nothing of use in time. Never raises."""
        self.asked += 1
        path = f"/v1/customers/{ask.customer_id}/next-best-action"
        given = {
            "call_id": ask.call_id,
            "reason": ask.reason,
            "intent": ask.intent,
            "channel": ask.channel,
            "rep_id": ask.rep_id,
            "language": ask.language,
            "text": ask.text,
        }
        body = await self._request("GET", path, _ASK_S, params={k: v for k, v in given.items() if v})
        if not isinstance(body, dict) or not isinstance(body.get("decision_id"), str):
            return Answer(ask)
        self.answered += 1
        return Answer(ask, body["decision_id"], offers(body))

    async def report(self, outcome: Outcome) -> bool:
        """Tell the API what became of a decision; return whether it took it. Repeats are harmless. Never raises."""
        told = {"state": outcome.state, "channel": "call"}
        for name in ("action", "reason", "rep_id"):
            if value := getattr(outcome, name):
                told[name] = value
        for attempt in range(_POST_ATTEMPTS):
            body = await self._request(
                "POST", f"/v1/decisions/{outcome.decision_id}/outcomes", _POST_S, json=told
            )
            if body is not None:
                self.reported += 1
                return True
            await asyncio.sleep(0.5 * 2**attempt)
        self.lost += 1
        return False

    async def _request(self, method: str, path: str, timeout_s: float, **options: Any) -> Any:
        """Return the decoded answer, None when there is none of use."""
        assert self._session is not None
        try:
            async with (
                self._room,
                self._session.request(
                    method, self._url + path, timeout=aiohttp.ClientTimeout(total=timeout_s), **options
                ) as response,
            ):
                data = await response.read()
                if response.status >= 400:
                    self._say_away(f"answers {response.status} to {method} {path}")
                    return None
                self._say_back()
                return msgspec.json.decode(data) if data else {}
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError) as error:
            self._say_away(str(error) or "does not answer in time")
            return None

    def _say_away(self, why: str) -> None:
        if not self._away:
            self._away = True
            self._note(f"the API at {self._url} is of no help ({why}); representatives go on without it")

    def _say_back(self) -> None:
        if self._away:
            self._away = False
            self._note("the API is back")
