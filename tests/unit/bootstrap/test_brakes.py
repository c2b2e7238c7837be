"""The following of brakes by a worker."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from cem.bootstrap import brakes as brakes_module
from cem.bootstrap.brakes import Brakes
from cem.settings import Settings


def test_a_worker_hears_when_brakes_are_followed_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not go on with those of that moment: the next one would not be obeyed, and nobody would know."""

    async def broken() -> None:
        await asyncio.sleep(0.01)
        raise RuntimeError("not thought of")

    monkeypatch.setattr(brakes_module, "_FIRST_S", 0.001)

    async def main() -> None:
        parts: Any = SimpleNamespace(options={}, log=None)
        brakes = Brakes(parts, Settings())
        brakes._feed.run = broken  # type: ignore[method-assign]
        await brakes.start()
        with pytest.raises(RuntimeError, match="not thought of"):
            await asyncio.wait_for(brakes.run(), 5)
        await brakes.stop()

    asyncio.run(main())
