"""A receiver of alerts by webhook: verifies each signature, drops repeats, and prints one line an alert.

    WEBHOOK_SECRET=whsec_... python examples/webhook_receiver.py 9000

Standard library only. What a receiver has to do is in `Inbox.take`; the rest is a small HTTP server.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: A message signed longer ago, or later, than this (seconds) is somebody else's copy of it.
TOLERANCE_S = 300
MOST_BYTES = 64 * 1024


class Refused(Exception):
    """The request is not from cem, or not meant for now."""


class Inbox:
    """Takes each message once."""

    def __init__(self, secret: str) -> None:
        """Take the secret as `cem webhooks add` prints it. Raises ValueError if it is none."""
        kind, _, encoded = secret.partition("_")
        if kind != "whsec" or len(encoded) < 32:
            raise ValueError("the secret as `cem webhooks add` has printed it, whsec_ and all, is wanted")
        self._secret = base64.b64decode(encoded, validate=True)
        # A real receiver keeps the ids where its other work is kept, in the same transaction.
        self._seen: set[str] = set()

    def take(self, headers: Mapping[str, str], body: bytes, now_s: float) -> dict[str, Any] | None:
        """Return the message, or None if it came before. Raises Refused."""
        message_id = headers.get("webhook-id", "")
        timestamp = headers.get("webhook-timestamp", "")
        if not message_id or not timestamp.isdigit() or abs(now_s - int(timestamp)) > TOLERANCE_S:
            raise Refused("no id, or signed at another time")
        # The bytes as they came: parsed and written again they would have another signature.
        signed = f"{message_id}.{timestamp}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.digest(self._secret, signed, hashlib.sha256)).decode()
        # Several while the secret changes: one of them has to fit.
        given = headers.get("webhook-signature", "").split(" ")
        if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in given):
            raise Refused("wrong signature")
        if message_id in self._seen:
            return None
        self._seen.add(message_id)
        message: dict[str, Any] = json.loads(body)
        return message


class Handler(BaseHTTPRequestHandler):
    """Answers 204 as soon as a message is safe; work on it comes later."""

    inbox: Inbox

    def do_POST(self) -> None:
        """Take one message."""
        length = int(self.headers.get("content-length") or 0)
        if length > MOST_BYTES:
            self.send_error(413)
            return
        body = self.rfile.read(length)
        try:
            message = self.inbox.take({k.lower(): v for k, v in self.headers.items()}, body, time.time())
        except (Refused, ValueError) as error:
            print(f"refused: {error}", file=sys.stderr, flush=True)
            self.send_error(400, str(error))
            return
        if message is not None:
            alert = message["data"]
            shown = (message["type"], alert["severity"], alert["customer_id"], alert["alert_id"])
            # The end of the line with it: several requests are answered side by side.
            print("  ".join(shown) + "\n", end="", flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing of each request."""


def main() -> None:
    """Listen on the loopback address."""
    secret, port = os.environ.get("WEBHOOK_SECRET", ""), sys.argv[1] if len(sys.argv) > 1 else "9000"
    if not port.isdecimal() or len(sys.argv) > 2:
        sys.exit("usage: WEBHOOK_SECRET=whsec_... webhook_receiver.py [PORT]")
    try:
        Handler.inbox = Inbox(secret)
    except ValueError as error:
        sys.exit(f"WEBHOOK_SECRET: {error}")
    try:
        server = ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
    except (OSError, OverflowError) as error:
        sys.exit(f"port {port}: {error}")
    with server:
        print(f"listening on http://127.0.0.1:{port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
