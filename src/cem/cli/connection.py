"""Where a command finds the system: flags before CEM_* variables before a running `cem up` before the defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from cem.cli.errors import UNREACHABLE, Failure
from cem.cli.run_file import is_running, read_run_file
from cem.settings import Settings

__all__ = ["CONNECTION_VARIABLES", "nothing_runs", "resolve", "settings_from"]

#: Any of these set: the user means that system, and run.json is not looked at.
CONNECTION_VARIABLES: Final = ("CEM_KAFKA_BOOTSTRAP", "CEM_REDIS_URL", "CEM_API_URL")


def settings_from(ctx: click.Context, **overrides: object) -> Settings:
    """Return the settings of this invocation; `overrides` are the command's own flags (None = not given).

    Raises SettingsError, or Failure when run.json is left over from a `cem up` that has gone.
    """
    shared = ctx.find_object(dict) or {}
    given = {name: value for name, value in overrides.items() if value is not None}
    return resolve(os.environ, {**shared, **given})


def resolve(environ: Mapping[str, str], flags: Mapping[str, object]) -> Settings:
    """Return the settings by order of precedence: flags, environment, run.json, defaults."""
    settings = Settings.from_env(environ, **flags)
    names_system = any(environ.get(name) for name in CONNECTION_VARIABLES) or bool(
        {"kafka_bootstrap", "redis_url", "api_url"} & set(flags)
    )
    if names_system:
        return settings
    found = _from_run_file(settings.state_dir)
    if not found:
        return settings
    in_environment = {name for name in found if environ.get(f"CEM_{name.upper()}")}
    return Settings.from_env(
        environ, **{k: v for k, v in found.items() if k not in in_environment} | dict(flags)
    )


def nothing_runs(failure: Failure, environ: Mapping[str, str], flags: Mapping[str, object]) -> Failure | None:
    """Return what to say instead when nobody named a system and nobody listens at the default address; else None."""
    if failure.exit_code != UNREACHABLE or "nobody listens" not in failure.message:
        return None
    defaults = Settings.from_env({})
    api = f"{defaults.api_host}:{defaults.api_port}"
    if not any(
        a in failure.message for a in (defaults.kafka_bootstrap, urlsplit(defaults.redis_url).netloc, api)
    ):
        return None
    settings = Settings.from_env(environ, **flags)
    if (
        any(environ.get(name) for name in CONNECTION_VARIABLES)
        or read_run_file(settings.state_dir) is not None
    ):
        return None
    variables = "CEM_API_URL" if api in failure.message else "CEM_KAFKA_BOOTSTRAP and CEM_REDIS_URL"
    return Failure(
        f"no cem up runs in {settings.state_dir.absolute()}: start it (cem up), go to its directory, or set "
        f"{variables}",
        UNREACHABLE,
    )


def _from_run_file(state_dir: Path) -> dict[str, object]:
    content = read_run_file(state_dir)
    if content is None:
        return {}
    if not is_running(state_dir):
        raise Failure(
            f"the cem up of {state_dir} has ended without tidying up: start it again, "
            "or set CEM_KAFKA_BOOTSTRAP and CEM_REDIS_URL to point elsewhere",
            UNREACHABLE,
        )
    return {name: value for name, value in content.items() if name in Settings.model_fields}
