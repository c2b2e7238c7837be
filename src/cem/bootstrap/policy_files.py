"""Where a policy file is found: in the operator's folder, or among those that ship with the program."""

from __future__ import annotations

from importlib import resources

from cem.settings import Settings, SettingsError

__all__ = ["policy_text"]


def policy_text(settings: Settings, name: str) -> tuple[str, str]:
    """Return the policy file `name` and where it is from: the operator's folder if it has it, else the shipped one."""
    if settings.policies is not None:
        path = settings.policies / name
        if not settings.policies.is_dir():
            raise SettingsError(f"CEM_POLICIES: {settings.policies} is no folder")
        if path.exists():
            return path.read_text("utf-8"), str(path)
    return resources.files("cem.policies").joinpath(name).read_text("utf-8"), f"policies/{name}"
