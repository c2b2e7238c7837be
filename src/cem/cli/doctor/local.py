"""The machine and the installation that the doctor runs on."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

from cem.cli.doctor.finding import Finding, ok, warn
from cem.cli.version import version_line

__all__ = ["FLOORS", "at_least", "check_disk", "check_versions", "installed"]

#: Below these, faults come back that the code relies on being mended (docs/dependencies.md).
FLOORS: Final[dict[str, str]] = {
    "faust-streaming": "0.15.3",
    "aiokafka": "0.14.0",
    "redis": "8.1.0",
    "msgspec": "0.22.0",
    "starlette": "1.3.1",
    "confluent-kafka": "2.16.1",
}
_LOW_DISK_BYTES: Final = 1_000_000_000


def at_least(version: str, floor: str) -> bool:
    """Tell whether `version` is `floor` or newer, by their numbers."""
    return _numbers(version) >= _numbers(floor)


def installed() -> dict[str, str]:
    """Return the versions of the libraries that have a floor; missing ones are left out."""
    found = {}
    for name in FLOORS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def check_versions(versions: Mapping[str, str]) -> list[Finding]:
    """Compare the installed libraries with their floors. Pure but for the line that names this build."""
    old = [f"{name} {versions.get(name, 'missing')} < {floor}" for name, floor in FLOORS.items()]
    old = [
        line
        for line, (name, floor) in zip(old, FLOORS.items(), strict=True)
        if not _fits(versions, name, floor)
    ]
    python = ".".join(str(part) for part in sys.version_info[:3])
    if old:
        return [
            warn("version", f"too old: {', '.join(old)}", "install what requirements.lock says (make setup)")
        ]
    return [ok("version", f"{version_line()}, Python {python}, libraries at or above their floors")]


def check_disk(state_dir: Path) -> list[Finding]:
    """Look at the room that the state directory has left; nothing to say when there is none."""
    if not state_dir.is_dir():
        return []
    free = shutil.disk_usage(state_dir).free
    message = f"{free / 1e9:,.1f} GB free for {state_dir}"
    if free < _LOW_DISK_BYTES:
        return [warn("disk", message, "make room: Redis refuses writes when its disk is full")]
    return [ok("disk", message)]


def _fits(versions: Mapping[str, str], name: str, floor: str) -> bool:
    return name in versions and at_least(versions[name], floor)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
