"""The port on which Prometheus finds a process's metrics; its own thread answers even while the event loop is busy."""

from __future__ import annotations

import threading
from collections.abc import Callable

from prometheus_client import CollectorRegistry, start_http_server

from cem.settings import SettingsError

__all__ = ["serve_metrics"]


def serve_metrics(registry: CollectorRegistry, *, host: str, port: int) -> Callable[[], None]:
    """Serve `registry` on http://HOST:PORT/metrics from now on; the function returned ends it.

    Raises SettingsError when the address cannot be had.
    """
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise SettingsError(
            f"CEM_METRICS_PORT: cannot listen on {host}:{port}: {error.strerror or error}"
        ) from None

    def stop() -> None:
        # `shutdown` waits for the serving thread's loop, which looks twice a second.
        threading.Thread(target=server.shutdown, daemon=True).start()
        thread.join(timeout=2.0)
        server.server_close()

    return stop
