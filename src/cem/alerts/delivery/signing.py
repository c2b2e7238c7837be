"""Signatures of Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`, base64, under secrets shown as `whsec_...`.

Secrets are not kept anywhere. An end point's is made of the deployment's key, the end point's name and the number of
its secret; rotating raises the number, and for a while both sign.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

__all__ = ["PREFIX", "key_check", "read_secret", "secret_of", "show_secret", "sign", "signature_header"]

PREFIX: Final = "whsec_"


def secret_of(key: bytes, webhook_id: str, number: int) -> bytes:
    """Return the end point's secret of that number, 32 bytes."""
    return hmac.digest(key, f"cem webhook {webhook_id} {number}".encode(), hashlib.sha256)


def key_check(key: bytes) -> str:
    """Return what tells keys apart without telling the key."""
    return hmac.digest(key, b"cem webhook key", hashlib.sha256).hex()[:16]


def show_secret(secret: bytes) -> str:
    """Return the secret as a receiver's library takes it."""
    return PREFIX + base64.b64encode(secret).decode()


def read_secret(text: str) -> bytes:
    """Return the bytes of a secret as it is shown. Raises ValueError."""
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a webhook's secret is whsec_ and base64") from None
    if not 24 <= len(secret) <= 64:
        raise ValueError("a webhook's secret has 24 to 64 bytes")
    return secret


def sign(secret: bytes, message_id: str, timestamp_s: int, body: bytes) -> str:
    """Return one signature: v1 and base64."""
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp_s, body)
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def signature_header(secrets: Sequence[bytes], message_id: str, timestamp_s: int, body: bytes) -> str:
    """Return the header `webhook-signature`: a signature under each secret."""
    return " ".join(sign(secret, message_id, timestamp_s, body) for secret in secrets)
