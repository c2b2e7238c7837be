"""The embedded Redis keeps its data over stops and kills, and listens on a private socket only."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from redis.asyncio import Redis

from cem.embedded.redis import EmbeddedRedis, RedisFailed


async def _with_client(server: EmbeddedRedis, command: str, *arguments: str) -> object:
    client = Redis.from_url(server.url, decode_responses=True)
    try:
        return await client.execute_command(command, *arguments)  # type: ignore[no-untyped-call]
    finally:
        await client.aclose()


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_data_outlive_the_server(tmp_path: Path, how: signal.Signals) -> None:
    """What was answered is there at the next start, however the last one ended."""

    async def scenario() -> object:
        server = await EmbeddedRedis.start(tmp_path / "redis", tmp_path / "redis.log")
        await _with_client(server, "SET", "customer", "c-1")
        os.kill(server.child.pid, how)
        await server.child.wait()
        server = await EmbeddedRedis.start(tmp_path / "redis", tmp_path / "redis.log")
        try:
            return await _with_client(server, "GET", "customer")
        finally:
            await server.stop()

    assert asyncio.run(scenario()) == "c-1"


def test_nobody_else_can_reach_it(tmp_path: Path) -> None:
    """No TCP port; folder and socket are the owner's; nothing is ever evicted."""

    async def scenario() -> None:
        server = await EmbeddedRedis.start(tmp_path / "redis", tmp_path / "redis.log")
        try:
            socket = Path(unquote(urlsplit(server.url).path))
            assert (_mode(socket), _mode(socket.parent)) == (0o700, 0o700)
            answer = await _with_client(server, "CONFIG", "GET", "*")
            config = answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))  # type: ignore[index]
            assert (config["port"], config["maxmemory-policy"]) == ("0", "noeviction")
            assert (config["appendonly"], config["appendfsync"]) == ("yes", "everysec")
        finally:
            await server.stop()

    asyncio.run(scenario())


def test_a_long_or_odd_path_still_has_a_socket(tmp_path: Path) -> None:
    """Unix sockets have short names; state directories need not."""

    async def scenario(folder: Path) -> Path:
        server = await EmbeddedRedis.start(folder, tmp_path / "redis.log")
        try:
            assert await _with_client(server, "PING")
            return Path(unquote(urlsplit(server.url).path)).parent
        finally:
            await server.stop()

    asyncio.run(scenario(tmp_path / "with space & percent %41"))
    elsewhere = asyncio.run(scenario(tmp_path / ("x" * 120) / "redis"))
    assert not elsewhere.is_relative_to(tmp_path)
    assert not elsewhere.exists()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The sentence is Redis' own, not a time-out."""
    folder = tmp_path / "redis"
    (folder / "appendonly.aof").mkdir(parents=True)
    with pytest.raises(RedisFailed, match="the embedded Redis ended at once"):
        asyncio.run(EmbeddedRedis.start(folder, tmp_path / "redis.log"))
