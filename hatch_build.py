"""Writes the commit into the wheel, so that `cem --version` can name it where there is no checkout."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CommitHook(BuildHookInterface[Any]):
    """Adds cem/_commit.txt to every wheel but an editable one, whose checkout says it itself."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the file to the build."""
        if version == "editable":
            return
        command = ["git", "-C", self.root, "rev-parse", "--short=12", "HEAD"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
        except OSError:
            return
        if done.returncode == 0:
            folder = Path(tempfile.mkdtemp())
            (folder / "_commit.txt").write_text(done.stdout)
            build_data["force_include"][str(folder / "_commit.txt")] = "cem/_commit.txt"
