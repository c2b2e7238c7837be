"""Whether the process lives, and whether it is ready: what an orchestrator and a person ask."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import orjson
from starlette.responses import Response

from cem.api.problems import Problem
from cem.api.services import Services
from cem.ports import LaneStopped, Unavailable

__all__ = ["live", "ready"]

_CHECK_S: Final = 1.0
#: A lane's facts older than this are said to be behind; the API stays ready, for its answers say so themselves.
_BEHIND_S: Final = 60.0


def live() -> Response:
    """Return 200: the loop turns. Touches nothing else."""
    return Response(b'{"status":"live"}', media_type="application/json")


async def ready(services: Services, *, verbose: bool) -> Response:
    """Return 200 when customers can be read and the clock runs; verbose lists each dependency and the facts' age.

    Raises Problem (503) naming what is missing.
    """
    checks: list[dict[str, Any]] = [await _store(services), _clock(services), _policy(services)]
    failed = [c for c in checks if not c["ok"]]
    if verbose:
        checks += [_freshness(services), _rules(services)]
    if failed:
        raise Problem(
            "not-ready",
            "; ".join(f"{c['name']}: {c['detail']}" for c in failed),
            headers={"Retry-After": "1"},
            more={"checks": checks} if verbose else None,
        )
    body: dict[str, Any] = {"status": "ready"}
    if verbose:
        body |= {"checks": checks, "version": services.version, "policy": services.policy.catalogue.version}
        body["rules"] = services.rules_version()
    return Response(orjson.dumps(body), media_type="application/json")


async def _store(services: Services) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(_CHECK_S):
            await services.reader.read("readyz")
    except (Unavailable, LaneStopped, OSError, TimeoutError) as error:
        return {"name": "store", "ok": False, "detail": str(error) or "it did not answer in time"}
    return {
        "name": "store",
        "ok": True,
        "detail": f"answered in {(time.perf_counter() - began) * 1000:.1f} ms",
    }


def _clock(services: Services) -> dict[str, Any]:
    now_ms = services.clock.now_ms()
    if now_ms <= 0:
        return {"name": "clock", "ok": False, "detail": "the simulated clock has not begun"}
    return {"name": "clock", "ok": True, "detail": "simulated" if services.simulated_clock else "wall"}


def _policy(services: Services) -> dict[str, Any]:
    actions = len(services.policy.catalogue.actions)
    return {"name": "policy", "ok": True, "detail": f"{actions} actions, {services.policy.catalogue.version}"}


def _freshness(services: Services) -> dict[str, Any]:
    worst = services.freshness.worst_s()
    behind = {t: age for t, age in worst.items() if age is None or age > _BEHIND_S}
    said = ", ".join(f"{t} {'unknown' if age is None else f'{age:.0f} s'}" for t, age in behind.items())
    return {
        "name": "freshness",
        "ok": not behind,
        "detail": said or "every lane has read its topics to the end",
        "staleness_s": worst,
    }


def _rules(services: Services) -> dict[str, Any]:
    """Say whether the policy files as they are now hold; the API stays ready by those before."""
    refused = services.rules_refused()
    return {"name": "rules", "ok": not refused, "detail": refused or services.rules_version()}
