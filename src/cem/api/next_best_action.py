"""`GET /v1/customers/{customer_id}/next-best-action`: read, decide, record, answer, within the deadline, never empty."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import msgspec
from prometheus_client import Counter
from starlette.types import Scope

from cem.api.parameters import BEST, Asked, call_of, customer_of, invalid
from cem.api.problems import Problem
from cem.api.reading import Reads
from cem.api.recording import Recorder
from cem.api.request_id import traceparent_of
from cem.api.services import Services
from cem.domain.customer import Customer, decode_customer, new_customer
from cem.domain.events.enums import Channel, Consent
from cem.domain.state_errors import StateError
from cem.domain.view import best_channel
from cem.nba import (
    Answer,
    Call,
    Catalogue,
    Context,
    Decision,
    Learnt,
    answer_of,
    decide,
    draw_of,
    encode_answer,
    facts_of,
    history_of,
    model_versions,
    record_of,
    service_only,
)
from cem.ports import LaneStopped, Unavailable
from cem.streams.partition import lane_of

__all__ = ["DecisionDesk"]

_log = logging.getLogger(__name__)


class _Unknown(Exception):
    """The customer's facts are not to be had; the text is the cause."""


class DecisionDesk:
    """Answers what to do for a customer now."""

    def __init__(self, services: Services, recorder: Recorder) -> None:
        self._services = services
        self._recorder = recorder
        self._reads = Reads(services.reader, services.read_many)
        self._counters: dict[tuple[str, str], Counter] = {}
        self._names: list[tuple[str, str]] = []
        self._names_of: Catalogue | None = None

    async def answer(self, customer_id: str, scope: Scope) -> bytes:
        """Return the answer's JSON. Raises Problem only for a request that does not fit."""
        began = asyncio.get_running_loop().time()
        asked = call_of(scope["query_string"])
        answer = await self.decide(customer_of(customer_id), asked, began, traceparent_of(scope))
        return encode_answer(answer)

    async def decide(
        self,
        customer_id: str,
        asked: Asked,
        began: float,
        traceparent: str | None = None,
    ) -> Answer:
        """Return the answer of one decision, recorded; `began` is the loop's time at which the request came.

        A decision as of an earlier instant is a question, not a decision: it is not recorded. Raises Problem.
        """
        services = self._services
        call = asked.call
        now_ms = services.clock.now_ms()
        if now_ms <= 0:
            raise Problem("not-ready", "the simulated clock has not begun", headers={"Retry-After": "1"})
        if asked.as_of_ms is not None:
            if asked.as_of_ms > now_ms:
                raise invalid("as_of", "an instant that has passed")
            now_ms = asked.as_of_ms
        deadline_ms = min(services.decision_deadline_ms, asked.timeout_ms or services.decision_deadline_ms)
        until = began + deadline_ms / 1000
        decision_id = f"{customer_id}.{services.new_id()}"
        staleness_s = services.freshness.staleness_s(lane_of(customer_id, services.partitions))
        try:
            data = await self._read(customer_id, until)
            past = asked.as_of_ms is not None
            decision, context = self._decide(
                decision_id, customer_id, call, data, now_ms, staleness_s, past=past
            )
        except _Unknown as unknown:
            decision, context = self._fallback(
                decision_id, customer_id, call, str(unknown), now_ms, staleness_s
            )
        except Exception:
            # A bug must not leave a representative without an answer; it is logged and counted.
            _log.exception("decision %s failed", decision_id)
            decision, context = self._fallback(decision_id, customer_id, call, "error", now_ms, staleness_s)
        if asked.as_of_ms is not None:
            return answer_of(decision, staleness_s, logged=False)
        if call.channel == BEST:
            call = msgspec.structs.replace(call, channel=str(context.facts["call_channel"]))
        wait_s = min(services.decision_log_ms / 1000, until - asyncio.get_running_loop().time())
        logged = await self._recorder.record(
            record_of(decision, context, call, services.policy),
            event_id=decision_id,
            customer_id=customer_id,
            wait_s=wait_s,
            traceparent=traceparent,
        )
        self._count(decision, logged=logged)
        return answer_of(decision, staleness_s, logged=logged)

    async def _read(self, customer_id: str, until: float) -> bytes | None:
        try:
            async with asyncio.timeout_at(until):
                return await self._reads.read(customer_id)
        except TimeoutError:
            raise _Unknown("deadline") from None
        except (Unavailable, LaneStopped, OSError):
            raise _Unknown("store") from None

    def _decide(
        self,
        decision_id: str,
        customer_id: str,
        call: Call,
        data: bytes | None,
        now_ms: int,
        staleness_s: dict[str, float | None],
        *,
        past: bool,
    ) -> tuple[Decision, Context]:
        services = self._services
        catalogue, params = services.policy.catalogue, services.policy.params
        customer = new_customer(customer_id) if data is None else _decoded(data)
        if call.channel == BEST:
            call = msgspec.structs.replace(call, channel=_best_channel(customer, now_ms))
        facts = facts_of(
            customer,
            call,
            now_ms,
            catalogue.fact_names,
            params.topics,
            services.timezone,
            services.value,
            lambda customer, at_ms: self._segments(customer, at_ms, past=past),
        )
        history = history_of(customer, now_ms)
        versions = model_versions(customer)
        learnt: dict[str, Learnt] = {}
        if services.propensities is not None and data is not None:
            version, learnt = services.propensities(customer, now_ms, self._named(catalogue), call.channel)
            if learnt:
                versions["propensity"] = version
        context = Context(decision_id, customer_id, now_ms, facts, history, staleness_s, versions, learnt)
        return decide(context, catalogue, params, draw_of(decision_id)), context

    def _named(self, catalogue: Catalogue) -> list[tuple[str, str]]:
        """Return the catalogue's actions with their groups, listed once for each catalogue."""
        if self._names_of is not catalogue:
            self._names_of = catalogue
            self._names = [(action.action, action.group) for action in catalogue.actions]
        return self._names

    def _segments(self, customer: Customer, at_ms: int, *, past: bool) -> Sequence[str]:
        """Return the segments that he is in; the state does not say which they were at a past instant."""
        segments = self._services.segments
        return segments.members(customer, at_ms, self._services.timezone, anew=past) if segments else ()

    def _fallback(
        self,
        decision_id: str,
        customer_id: str,
        call: Call,
        cause: str,
        now_ms: int,
        staleness_s: dict[str, float | None],
    ) -> tuple[Decision, Context]:
        services = self._services
        services.metrics.fallbacks.labels(cause).inc()
        if call.channel == BEST:
            # Nobody knows where he answers.
            call = msgspec.structs.replace(call, channel=str(Channel.OTHER))
        decision = service_only(
            decision_id,
            customer_id,
            now_ms,
            cause,
            services.policy.catalogue,
            services.policy.params,
            channel=call.channel,
            language=call.language,
        )
        facts: dict[str, bool | int | float | str | None] = {
            "call_channel": call.channel,
            "rep_language": call.language,
        }
        return decision, Context(decision_id, customer_id, now_ms, facts, (), staleness_s)

    def _count(self, decision: Decision, *, logged: bool) -> None:
        key = (decision.tier, decision.ranked[0].action)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = self._services.metrics.decisions.labels(*key)
        counter.inc()
        if not logged:
            self._services.metrics.unlogged.inc()


def _best_channel(customer: Customer, now_ms: int) -> str:
    """Return where he is best reached with anything: where offers may go, else where what serves him may."""
    for purpose in (Consent.MARKETING, Consent.SERVICE):
        choice = best_channel(customer, purpose, now_ms)
        if choice.channel:
            return choice.channel
    return str(Channel.OTHER)


def _decoded(data: bytes) -> Customer:
    try:
        return decode_customer(data)
    except (StateError, msgspec.DecodeError) as error:
        _log.error("a customer's state cannot be read: %s", error)
        raise _Unknown("state") from None
