"""What the fault tests do to a Redis: back it up, restore it, let another one follow it and take its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.child import wait_until
from tests.servers.proxy import TcpProxy
from tests.servers.redis import RedisServer, bundled_executable, system_executable

pytestmark = pytest.mark.redis


@pytest.fixture(params=["system", "bundled"])
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """Redis 7, and the 6.2 that `cem up` brings."""
    executable = system_executable() if request.param == "system" else bundled_executable()
    if executable is None:
        pytest.skip(f"no {request.param} redis-server")
    with RedisServer(executable=executable) as running:
        yield running


def test_a_backup_is_what_there_was(server: RedisServer, tmp_path: Path) -> None:
    """After a restore the server has what it had at the backup, and nothing of what came later."""
    server.command("SET", "a", "1")
    server.backup(tmp_path)
    server.command("SET", "a", "2")
    server.command("SET", "b", "2")
    server.kill()
    server.restore(tmp_path)
    server.start()
    assert (server.command("GET", "a"), server.command("GET", "b")) == (b"1", None)


def test_a_truncated_tail_loses_whole_commands(server: RedisServer) -> None:
    """A cut in the midst of a command drops that command, and leaves those before it."""
    for number in range(50):
        server.command("SET", f"key-{number}", number)
    server.kill()
    assert server.truncate_append_only_file(-7) == 7
    server.start()
    assert server.command("DBSIZE") == 49
    assert server.command("GET", "key-48") == b"48"


def test_a_replica_that_lags_takes_over(server: RedisServer) -> None:
    """What its link held back is not there after its promotion; what had arrived is."""
    with (
        TcpProxy(("127.0.0.1", server.port)) as link,
        RedisServer(executable=server.executable) as replica,
    ):
        server.command("SET", "a", "1")
        replica.follow(link.address)
        server.command("SET", "b", "1")
        wait_until(lambda: replica.command("GET", "b") == b"1", timeout_s=10, what="the replica follows")
        link.pause()
        server.command("SET", "c", "1")
        replica.promote()
        replica.command("SET", "d", "1")
        assert [replica.command("GET", key) for key in "abcd"] == [b"1", b"1", None, b"1"]
