"""What the webhooks' senders keep in Redis: progress by partition, the last attempts, and who sends.

Keys `cem:webhooks:{ID}:lease`, `:state` and `:attempts` share a slot, so that one script changes them together. All
of it may be lost or go back in time: then messages are sent again under their ids, and none is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from cem.alerts.delivery.progress import Progress, decode_progress, encode_progress
from cem.stores.keys import slot_of
from cem.stores.redis_store import RedisStore
from cem.stores.scripts import Script

__all__ = ["Attempt", "Kept", "Totals", "WebhookStates"]

_SAVE: Final = Script.packaged("webhook_save")
_ATTEMPTS_KEPT: Final = 1_000
_TOTALS: Final = "totals"
_TIMEOUT_S: Final = 5.0


class Attempt(msgspec.Struct, frozen=True, array_like=True):
    """One request, or one message that has expired (`outcome`)."""

    at_ms: int
    #: Partition/offset on cem.alerts.
    place: str
    message_id: str
    alert_id: str
    #: delivered, failed, gone or expired.
    outcome: str
    attempt: int
    status: int
    took_ms: int
    error: str = ""
    #: The beginning of what was answered.
    body: str = ""


class Totals(msgspec.Struct, array_like=True):
    """What concerns the end point as a whole."""

    delivered: int = 0
    failed: int = 0
    expired: int = 0
    #: Since when it does nothing but fail (wall, ms); 0 = it does not.
    failing_since_ms: int = 0
    #: Offset behind the newest replay that was taken up.
    replayed: int = 0
    #: Id of the log that the progress is about.
    log_id: int = 0
    #: When that was written (wall, ms).
    at_ms: int = 0
    held: int = 0
    #: Why its sender can sign nothing; "" if it can.
    unsigned: str = ""


class Kept(msgspec.Struct, frozen=True):
    """What is kept of one end point."""

    progress: dict[int, Progress]
    totals: Totals


class WebhookStates:
    """The senders' part of the store. Raises StoreUnavailable, StoreBroken."""

    def __init__(self, store: RedisStore) -> None:
        self._client = store.client

    async def lease(self, webhook_id: str, token: str, lease_ms: int) -> bool:
        """Return whether the end point is now ours for so long: nobody else's, or ours already."""
        key = _key(webhook_id, "lease")
        (taken,) = await self._client.run(
            slot_of(key),
            [(b"SET", key, token.encode(), b"PX", b"%d" % lease_ms, b"NX")],
            purpose="work",
            timeout_s=_TIMEOUT_S,
        )
        if taken is not None:
            return True
        return await self.save(webhook_id, token, lease_ms)

    async def load(self, webhook_id: str) -> Kept:
        """Return what is kept of the end point; nothing, for one that is new or forgotten."""
        key = _key(webhook_id, "state")
        (flat,) = await self._client.run(
            slot_of(key), [(b"HGETALL", key)], purpose="work", timeout_s=_TIMEOUT_S, again=True
        )
        fields = {bytes(k).decode(): bytes(v) for k, v in zip(flat[::2], flat[1::2], strict=True)}
        totals = fields.pop(_TOTALS, None)
        return Kept(
            {int(name): decode_progress(data) for name, data in fields.items()},
            Totals() if totals is None else msgspec.msgpack.decode(totals, type=Totals),
        )

    async def save(
        self,
        webhook_id: str,
        token: str,
        lease_ms: int,
        progress: Mapping[int, Progress] | None = None,
        totals: Totals | None = None,
        attempts: Sequence[Attempt] = (),
    ) -> bool:
        """Keep it and prolong the lease; False, and nothing is kept, if somebody else has that."""
        fields: list[bytes] = []
        for partition, done in (progress or {}).items():
            fields += (b"%d" % partition, encode_progress(done))
        if totals is not None:
            fields += (_TOTALS.encode(), msgspec.msgpack.encode(totals))
        keys = [_key(webhook_id, name) for name in ("lease", "state", "attempts")]
        head = [token.encode(), b"%d" % lease_ms, b"%d" % _ATTEMPTS_KEPT, b"%d" % (len(fields) // 2)]
        tail = [msgspec.msgpack.encode(attempt) for attempt in attempts]
        answer = await self._client.run_script(
            slot_of(keys[0]), _SAVE, keys, [*head, *fields, *tail], timeout_s=_TIMEOUT_S
        )
        return bool(answer)

    async def attempts(self, webhook_id: str, limit: int) -> list[Attempt]:
        """Return the last attempts, newest first."""
        key = _key(webhook_id, "attempts")
        (found,) = await self._client.run(
            slot_of(key),
            [(b"LRANGE", key, b"0", b"%d" % (limit - 1))],
            purpose="read",
            timeout_s=_TIMEOUT_S,
            again=True,
        )
        return [msgspec.msgpack.decode(data, type=Attempt) for data in found]

    async def forget(self, webhook_id: str) -> None:
        """Remove all that is kept of an end point that is gone."""
        for name in ("state", "attempts"):
            key = _key(webhook_id, name)
            await self._client.run(slot_of(key), [(b"DEL", key)], purpose="work", timeout_s=_TIMEOUT_S)


def _key(webhook_id: str, name: str) -> bytes:
    return f"cem:webhooks:{{{webhook_id}}}:{name}".encode()
