"""The servers that tests of stores break."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.redis import RedisServer, bundled_executable, system_executable


@pytest.fixture(scope="module", params=["system", "bundled"])
def running(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """Redis 7 and then Redis 6.2; tests put back what they change."""
    executable = system_executable() if request.param == "system" else bundled_executable()
    if executable is None:
        pytest.skip(f"no {request.param} redis-server")
    with RedisServer(executable=executable) as server:
        yield server


@pytest.fixture
def server(running: RedisServer) -> RedisServer:
    """The server, empty."""
    running.command("FLUSHALL")
    running.command("CONFIG", "RESETSTAT")
    return running
