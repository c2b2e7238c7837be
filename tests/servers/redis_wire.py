"""Redis' protocol, as far as starting and breaking servers takes it."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

__all__ = ["RedisFailed", "ask", "receive", "send"]


class RedisFailed(Exception):
    """An error that Redis answered."""


def ask(port: int, *arguments: str) -> Any:
    """Return the answer of a server on loopback, over a connection of its own. Raises OSError, RedisFailed."""
    with socket.create_connection(("127.0.0.1", port), 1.0) as wire, wire.makefile("rwb") as stream:
        send(stream, [a.encode() for a in arguments])
        return receive(stream)


def send(stream: Any, arguments: Sequence[bytes]) -> None:
    """Write one command."""
    stream.write(b"*%d\r\n" % len(arguments) + b"".join(b"$%d\r\n%b\r\n" % (len(a), a) for a in arguments))
    stream.flush()


def receive(stream: Any) -> Any:
    """Return one answer. Raises OSError, RedisFailed."""
    line = stream.readline()
    if not line:
        raise ConnectionResetError("the server closed the connection")
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        raise RedisFailed(rest.decode())
    if kind == b"+":
        return rest
    if kind == b":":
        return int(rest)
    size = int(rest)
    if size < 0:
        return None
    if kind == b"$":
        return stream.read(size + 2)[:-2]
    return [receive(stream) for _ in range(size)]
