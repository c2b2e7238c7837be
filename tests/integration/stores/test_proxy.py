"""The proxy that the fault tests trust: each of its faults does what it says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.servers.proxy import TcpProxy


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A server that answers each line with the same line in capitals; its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(wire: socket.socket) -> None:
        try:
            with wire, wire.makefile("rwb") as stream:
                for line in stream:
                    heard.append(line)
                    stream.write(line.upper())
                    stream.flush()
        except OSError:
            return

    def accept() -> None:
        while True:
            try:
                wire, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(wire,), daemon=True).start()

    heard.clear()
    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


#: What the server was told.
heard: list[bytes] = []


def said(wire: socket.socket, text: bytes) -> bytes:
    """Send a line and return the answer, b"" if the connection ended instead."""
    wire.sendall(text)
    answer = b""
    while not answer.endswith(b"\n"):
        data = wire.recv(100)
        if not data:
            return b""
        answer += data
    return answer


def is_broken(wire: socket.socket, text: bytes) -> bool:
    """Send a line and tell whether the connection ended instead of answering."""
    try:
        return said(wire, text) == b""
    except ConnectionError:
        return True


def connect(proxy: TcpProxy) -> socket.socket:
    """Return a connection through the proxy that fails rather than hang."""
    return socket.create_connection(proxy.address, 5)


def test_it_forwards(echo: tuple[str, int]) -> None:
    """Without a fault it is not noticed, whole or in slices."""
    with TcpProxy(echo) as proxy, connect(proxy) as wire:
        assert said(wire, b"a\n") == b"A\n"
        proxy.slice_bytes = 1
        assert said(wire, b"abc\n") == b"ABC\n"
        assert (proxy.accepted, proxy.connections) == (1, 1)


def test_a_swallowed_reply(echo: tuple[str, int]) -> None:
    """The request arrives, the connection ends instead of the reply; after `resume` all is well."""
    with TcpProxy(echo) as proxy:
        with connect(proxy) as wire:
            proxy.swallow_replies()
            assert said(wire, b"a\n") == b""
        assert heard == [b"a\n"]
        proxy.resume()
        with connect(proxy) as wire:
            assert said(wire, b"b\n") == b"B\n"


def test_a_reply_swallowed_later(echo: tuple[str, int]) -> None:
    """A connection may first work for so many bytes."""
    with TcpProxy(echo) as proxy:
        proxy.swallow_replies(after_bytes=2)
        with connect(proxy) as wire:
            assert said(wire, b"a\n") == b"A\n"
            assert said(wire, b"b\n") == b""


@pytest.mark.parametrize("hold", ["pause", "hold_replies"])
def test_what_is_held_back_comes_later(echo: tuple[str, int], hold: str) -> None:
    """Held data is not lost: `pause` holds the request, `hold_replies` only the reply."""
    with TcpProxy(echo) as proxy, connect(proxy) as wire:
        assert said(wire, b"a\n") == b"A\n"
        getattr(proxy, hold)()
        wire.sendall(b"b\n")
        wire.settimeout(0.2)
        with pytest.raises(TimeoutError):
            wire.recv(1)
        assert heard == ([b"a\n"] if hold == "pause" else [b"a\n", b"b\n"])
        proxy.resume()
        wire.settimeout(5)
        assert wire.recv(10) == b"B\n"


def test_cut_and_reset(echo: tuple[str, int]) -> None:
    """A cut ends a connection in order, a reset breaks it."""
    with TcpProxy(echo) as proxy:
        with connect(proxy) as wire:
            assert said(wire, b"a\n") == b"A\n"
            proxy.cut()
            assert wire.recv(1) == b""
        with connect(proxy) as wire:
            assert said(wire, b"a\n") == b"A\n"
            proxy.reset()
            with pytest.raises(ConnectionResetError):
                wire.recv(1)


def no_way_through(proxy: TcpProxy) -> bool:
    """Tell whether a new connection breaks: while it is made, or when it is used."""
    try:
        with connect(proxy) as wire:
            return is_broken(wire, b"b\n")
    except ConnectionError:
        return True


def test_refusing(echo: tuple[str, int]) -> None:
    """Open connections break and new ones do too, until `resume`."""
    with TcpProxy(echo) as proxy:
        with connect(proxy) as wire:
            assert said(wire, b"a\n") == b"A\n"
            proxy.refuse()
            assert is_broken(wire, b"b\n")
        assert no_way_through(proxy)
        assert heard == [b"a\n"]
        proxy.resume()
        with connect(proxy) as wire:
            assert said(wire, b"c\n") == b"C\n"


def test_a_half_open_connection(echo: tuple[str, int]) -> None:
    """Its client can send and hears nothing, not even an end; a new connection is served."""
    with TcpProxy(echo) as proxy, connect(proxy) as wire:
        assert said(wire, b"a\n") == b"A\n"
        proxy.abandon()
        for _ in range(3):
            wire.sendall(b"b\n")
        wire.settimeout(0.2)
        with pytest.raises(TimeoutError):
            wire.recv(1)
        with connect(proxy) as other:
            assert said(other, b"c\n") == b"C\n"
        assert heard == [b"a\n", b"c\n"]


def test_healing_in_the_midst_of_slow_data(echo: tuple[str, int]) -> None:
    """Nothing is lost or said twice when the slices and the speed change while data is on its way."""
    text = bytes(range(97, 123)) * 40 + b"\n"
    with TcpProxy(echo) as proxy, connect(proxy) as wire, wire.makefile("rb") as replies:
        proxy.slice_bytes, proxy.bandwidth = 1, 2000
        wire.sendall(text)
        proxy.slice_bytes = 7
        proxy.heal()
        assert (proxy.delay_s, proxy.bandwidth, proxy.slice_bytes) == (0.0, 0, 0)
        wire.settimeout(5)
        assert replies.readline() == text.upper()


def test_counting_in_replies(echo: tuple[str, int]) -> None:
    """What is looked for is counted where it was replied, and not where it was asked."""
    with TcpProxy(echo) as proxy, connect(proxy) as wire:
        proxy.looked_for = b"OH"
        assert said(wire, b"oh oh OH\n") == b"OH OH OH\n"
        assert proxy.found == 3


def test_nobody_behind_it() -> None:
    """Without a server behind it, connections break at once."""
    with TcpProxy(("127.0.0.1", 1)) as proxy:
        assert no_way_through(proxy)
