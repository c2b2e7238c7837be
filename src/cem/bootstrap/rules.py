"""The rules of the stream job: read from the policy files, and every version of them kept."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from cem.alerts.policy import AlertPolicyError, read_alert_policy
from cem.domain.identity import IdentityRules
from cem.normal_form import is_region
from cem.settings import Settings, SettingsError
from cem.step import Rules
from cem.stores import RedisStore

__all__ = ["RulesArchive", "policy_text", "read_rules"]


def policy_text(settings: Settings, name: str) -> tuple[str, str]:
    """Return the policy file `name` and where it is from: the operator's folder if it has it, else the shipped one."""
    if settings.policies is not None:
        path = settings.policies / name
        if not settings.policies.is_dir():
            raise SettingsError(f"CEM_POLICIES: {settings.policies} is no folder")
        if path.exists():
            return path.read_text("utf-8"), str(path)
    return resources.files("cem.policies").joinpath(name).read_text("utf-8"), f"policies/{name}"


def read_rules(settings: Settings) -> Rules:
    """Return the rules of the stream job. Raises SettingsError with file and place when a policy is wrong."""
    text, origin = policy_text(settings, "alerts.yaml")
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{origin}: {error}") from None
    try:
        return _rules_of(_bundle(document, settings), origin)
    except AlertPolicyError as error:
        raise SettingsError(str(error)) from None


def _bundle(alerts: object, settings: Settings) -> dict[str, Any]:
    if not is_region(settings.region):
        raise SettingsError(f"CEM_REGION: {settings.region} is no region that has telephone numbers")
    return {
        "alerts": alerts,
        "late_limit_s": settings.late_limit_s,
        "timezone": settings.timezone,
        "fold": 1,
        "identity": {
            "region": settings.region,
            "waiting_records": settings.waiting_records,
            "waiting_s": settings.waiting_s,
        },
    }


def _rules_of(bundle: Mapping[str, Any], origin: str) -> Rules:
    text = json.dumps(bundle, sort_keys=True, separators=(",", ":"))
    return Rules(
        hashlib.sha256(text.encode()).hexdigest()[:16],
        alerts=read_alert_policy(bundle["alerts"], origin),
        late_limit_ms=int(bundle["late_limit_s"]) * 1000,
        timezone=str(bundle["timezone"]),
        identity=_identity(bundle.get("identity", {})),
        bundle=text,
    )


def _identity(said: Mapping[str, Any]) -> IdentityRules:
    """Return the rules about identifiers; a bundle of before says nothing of them."""
    rules = IdentityRules()
    return IdentityRules(
        said.get("region", rules.region),
        int(said.get("waiting_records", rules.waiting_records)),
        int(said["waiting_s"]) * 1000 if "waiting_s" in said else rules.waiting_ms,
    )


_KEY = "cem:rules"


class RulesArchive:
    """Keeps every version of the rules that saves were made under, so that following the journal finds it.

    In the store, for all workers; and in a file beside the checkpoints, for when the store is lost.
    """

    def __init__(self, folder: Path, store: RedisStore) -> None:
        self._folder = folder
        self._store = store
        self._known: dict[str, Rules] = {}

    async def keep(self, rules: Rules) -> None:
        """Keep `rules`, and take note of all versions kept so far."""
        self._known[rules.version] = rules
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{rules.version}.json"
        if not path.exists():
            whole = path.with_suffix(".new")
            whole.write_text(rules.bundle, "utf-8")
            whole.replace(path)
        for file in sorted(self._folder.glob("*.json")):
            self._note(file.stem, file.read_text("utf-8"))
        # Workers that start together write this key over one another: whoever is missing writes again.
        while rules.version not in (kept := await self._kept()):
            await self._store.set_raw(_KEY, json.dumps({**kept, rules.version: rules.bundle}).encode())
            await asyncio.sleep(random.uniform(0.02, 0.2))  # noqa: S311
        for version, bundle in kept.items():
            self._note(version, bundle)

    async def _kept(self) -> dict[str, str]:
        return dict(json.loads(await self._store.get_raw(_KEY) or b"{}"))

    def find(self, version: str) -> Rules | None:
        """Return the rules of that version, None if they were not kept."""
        return self._known.get(version)

    def _note(self, version: str, bundle: str) -> None:
        if version not in self._known:
            self._known[version] = _rules_of(json.loads(bundle), f"rules {version}")
