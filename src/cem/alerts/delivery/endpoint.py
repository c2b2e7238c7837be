"""An end point as its record says it is: where, what, and which secrets sign."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cem.alerts.delivery.message import Wanted
from cem.alerts.delivery.signing import key_check, read_secret, secret_of
from cem.domain.events import ControlWebhookRegistered
from cem.domain.events.rfc3339 import to_ms

__all__ = ["EndPoint", "SecretError", "end_point"]


class SecretError(ValueError):
    """Nothing can be signed for an end point; the message says why."""


class EndPoint(msgspec.Struct, frozen=True):
    """A consumer's end point."""

    name: str
    record: ControlWebhookRegistered
    #: When it was registered first, as far as is known: alerts from then on are its own (wall, ms).
    since_ms: int

    @property
    def wanted(self) -> Wanted:
        """What it wants."""
        record = self.record
        return Wanted(record.types, str(record.severity), str(record.tier) if record.tier is not None else "")

    def secrets(self, key: bytes | None, environ: Mapping[str, str], now_ms: int) -> list[bytes]:
        """Return what signs at `now_ms`, the newest first. Raises SecretError."""
        record = self.record
        if record.secret_name:
            text = environ.get(record.secret_name, "")
            if not text:
                raise SecretError(
                    f"the secret of {self.name} is to be in the variable {record.secret_name}, which is empty"
                )
            try:
                return [read_secret(part) for part in text.split()]
            except ValueError as error:
                raise SecretError(f"{record.secret_name}: {error}") from None
        if key is None:
            raise SecretError("there is no key to make secrets of: CEM_WEBHOOK_KEY_FILE names its file")
        if record.key_check is not None and record.key_check != key_check(key):
            raise SecretError(
                f"the secrets of {self.name} were made of another key than the one in CEM_WEBHOOK_KEY_FILE"
            )
        numbers = [record.secret_number]
        if (
            record.previous_until is not None
            and record.secret_number > 1
            and now_ms < to_ms(record.previous_until)
        ):
            numbers.append(record.secret_number - 1)
        return [secret_of(key, self.name, number) for number in numbers]


def end_point(record: ControlWebhookRegistered, timestamp_ms: int, before: EndPoint | None) -> EndPoint:
    """Return the end point of its newest record, which the log took in at `timestamp_ms`."""
    known = before is not None and before.record.active
    since_ms = before.since_ms if before is not None and known else timestamp_ms
    return EndPoint(record.webhook_id, record, since_ms)
