"""End points by file: a YAML list, made into the same records as those that commands write."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Literal

import msgspec

from cem.alerts.delivery.endpoint import EndPoint
from cem.alerts.delivery.targets import refused_url
from cem.domain.alert_types import ALERT_TYPES
from cem.domain.events import ControlWebhookRegistered
from cem.domain.events.enums import AlertTier, Severity
from cem.nba.policy_file import PolicyError, PolicyFile
from cem.settings import SettingsError

__all__ = ["BY_FILE", "differences", "read_file"]

#: Who registered what stands in the file.
BY_FILE: Final = "file"


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    url: str
    types: tuple[str, ...] = ()
    # Spelt out: an event's enumeration would take a misspelt one for "other".
    severity: Literal["info", "warning", "error", "critical"] = "info"
    tier: Literal["notice", "alert"] | None = None
    #: Variable of the environment that holds the secret, where the receiver has chosen it.
    secret_variable: str | None = None


def read_file(path: Path, allowed: Collection[str], check: str | None) -> list[ControlWebhookRegistered]:
    """Return the records of the end points in the file. Raises SettingsError with line or entry, and what it takes."""
    try:
        file = PolicyFile(str(path), path.read_text("utf-8"))
        entries = [] if file.data is None else file.convert(list[_Entry])
    except PolicyError as error:
        raise SettingsError(f"CEM_WEBHOOKS_FILE: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"CEM_WEBHOOKS_FILE: {path}: {error}") from None
    found: dict[str, ControlWebhookRegistered] = {}
    for entry in entries:
        place = f"CEM_WEBHOOKS_FILE: {path}: end point {entry.id!r}"
        refused = refused_url(entry.url, allowed)
        if refused is not None:
            raise SettingsError(f"{place}: {refused}")
        for name in entry.types:
            if name not in ALERT_TYPES:
                near = get_close_matches(name, ALERT_TYPES, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(ALERT_TYPES)}"
                raise SettingsError(f"{place}: no alert is of type {name!r}; {hint}")
        if entry.id in found:
            raise SettingsError(f"{place} stands there twice")
        try:
            found[entry.id] = msgspec.convert(
                msgspec.to_builtins(
                    ControlWebhookRegistered(
                        webhook_id=entry.id,
                        url=entry.url,
                        types=entry.types,
                        severity=Severity(entry.severity),
                        tier=None if entry.tier is None else AlertTier(entry.tier),
                        secret_name=entry.secret_variable,
                        key_check=None if entry.secret_variable else check,
                        by=BY_FILE,
                    )
                ),
                ControlWebhookRegistered,
            )
        except msgspec.ValidationError as error:
            raise SettingsError(f"{place}: {error}") from None
    return list(found.values())


def differences(
    wanted: list[ControlWebhookRegistered], known: Mapping[str, EndPoint]
) -> list[ControlWebhookRegistered]:
    """Return the records to be written so that what is registered by file is what stands in it.

    An end point keeps the number of its secret, and stays turned off when it was, until its entry changes.
    """
    found: list[ControlWebhookRegistered] = []
    for record in wanted:
        before = known.get(record.webhook_id)
        if before is None or not before.record.active:
            found.append(record)
            continue
        old = before.record
        new = msgspec.structs.replace(
            record,
            secret_number=old.secret_number,
            previous_until=old.previous_until,
        )
        same = msgspec.structs.replace(old, enabled=True, reason=None, by=BY_FILE)
        if new != same:
            found.append(new)
    names = [record.webhook_id for record in wanted]
    found += [
        msgspec.structs.replace(point.record, active=False)
        for point in known.values()
        if point.record.by == BY_FILE and point.record.active and point.name not in names
    ]
    return found
