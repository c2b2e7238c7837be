"""Asks an API for next best actions, and beside that whether it lives, and writes down each answer as a line of JSON.

A process of its own, so that what the test does meanwhile delays no measurement:

    python -m tests.chaos.api_load http://127.0.0.1:8080 SEED CUSTOMER ...
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import threading
import time
from typing import Any
from urllib.parse import urlsplit

__all__ = ["LIVE", "NBA"]

NBA, LIVE = "nba", "live"
_EVERY_S = 0.05
#: An answer that takes this long is not coming.
_GIVE_UP_S = 20.0


def main(url: str, seed: int, customers: list[str]) -> None:
    """Ask until killed."""
    draw = random.Random(seed)
    asks = {
        NBA: lambda: f"/v1/customers/{draw.choice(customers)}/next-best-action",
        LIVE: lambda: "/livez",
    }
    threads = [threading.Thread(target=_ask_for_ever, args=(url, kind, path)) for kind, path in asks.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _ask_for_ever(url: str, kind: str, path: Any) -> None:
    address = urlsplit(url)
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=_GIVE_UP_S)
    while True:
        began, at = time.monotonic(), time.time()
        line: dict[str, Any] = {"kind": kind, "at": at}
        try:
            connection.request("GET", path())
            response = connection.getresponse()
            body = response.read()
            line["status"] = response.status
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            body = b""
            line |= {"status": 0, "error": repr(error)}
        line["took_s"] = time.monotonic() - began
        if kind == NBA and line["status"] == 200:
            answer = json.loads(body)
            known = [age for age in answer["staleness_s"].values() if age is not None]
            line |= {
                "tier": answer["tier"],
                "logged": answer["logged"],
                "actions": len(answer["actions"]),
                "stalest_s": max(known, default=None) if len(known) == len(answer["staleness_s"]) else None,
            }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        time.sleep(_EVERY_S)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
