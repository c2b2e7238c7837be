"""What the doctor finds: one line a check, with what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from cem.cli.errors import DONE, FAILED, UNREACHABLE

__all__ = ["Finding", "Level", "exit_code", "ok", "verdict", "warn"]

Level = Literal["ok", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one check."""

    check: str
    level: Level
    message: str
    #: What to do; empty when nothing is wrong.
    remedy: str = ""
    #: True when the cause is a server that cannot be reached or refuses us.
    unreachable: bool = False


def ok(check: str, message: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(check=check, level="ok", message=message)


def warn(check: str, message: str, remedy: str) -> Finding:
    """Return a finding that the service runs, but less well or less safely."""
    return Finding(check=check, level="warn", message=message, remedy=remedy)


def verdict(findings: Sequence[Finding]) -> Level:
    """Return the worst level."""
    levels = {finding.level for finding in findings}
    return "fail" if "fail" in levels else "warn" if "warn" in levels else "ok"


def exit_code(findings: Sequence[Finding]) -> int:
    """Return the command's exit code: warnings are no failure; a server that is away explains the rest."""
    if any(finding.unreachable for finding in findings):
        return UNREACHABLE
    return FAILED if verdict(findings) == "fail" else DONE
