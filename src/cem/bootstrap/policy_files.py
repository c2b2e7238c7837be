"""Where a policy file is found: in the operator's folder, or among those that ship with the program."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from cem.settings import Settings, SettingsError

__all__ = ["policy_text", "text_of"]


def policy_text(settings: Settings, name: str) -> tuple[str, str]:
    """Return the policy file `name` and where it is from: the operator's folder if it has it, else the shipped one.

    Raises SettingsError with file and line when it cannot be read.
    """
    if settings.policies is not None:
        path = settings.policies / name
        if not settings.policies.is_dir():
            raise SettingsError(f"CEM_POLICIES: {settings.policies} is no folder")
        if path.exists():
            return text_of(path), str(path)
    return resources.files("cem.policies").joinpath(name).read_text("utf-8"), f"policies/{name}"


def text_of(path: Path) -> str:
    """Return the file's text. Raises SettingsError, which says what is wrong where."""
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError(
            f"{path}:{line}: byte 0x{error.object[error.start]:02x} is no UTF-8: save the file as UTF-8"
        ) from None
