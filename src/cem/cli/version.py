"""Which build this is: the commit of the source checkout, or the one written into the wheel."""

from __future__ import annotations

import subprocess
from importlib.resources import files
from pathlib import Path

import cem

__all__ = ["commit", "version_line"]

#: Written by hatch_build.py into every wheel.
_COMMIT_FILE = "_commit.txt"


def commit() -> str:
    """Return the short hash of the commit that this is, or "unknown"."""
    package = Path(cem.__file__).resolve().parent
    checkout = package.parents[1]
    if (checkout / ".git").exists() and (checkout / "pyproject.toml").is_file():
        command = ["git", "-C", str(checkout), "rev-parse", "--short=12", "HEAD"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return "unknown"
        return done.stdout.strip() if done.returncode == 0 else "unknown"
    try:
        return files("cem").joinpath(_COMMIT_FILE).read_text().strip() or "unknown"
    except FileNotFoundError:
        return "unknown"


def version_line() -> str:
    """Return name, version and commit."""
    return f"cem {cem.__version__} (commit {commit()})"
