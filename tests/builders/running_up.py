"""A `cem up` as a child process, read line by line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["RunningUp", "gone"]

ROOT = Path(__file__).resolve().parents[2]


def gone(pid: int) -> bool:
    """Tell whether the process is gone, or a zombie that its new parent has not collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


class RunningUp:
    """The process of `command` on `state_dir`, with no CEM_ variables but `environ`."""

    def __init__(
        self, command: Sequence[str], state_dir: Path, environ: dict[str, str] | None = None
    ) -> None:
        self.state_dir = state_dir
        self.lines: list[str] = []
        clean = {k: v for k, v in os.environ.items() if not k.startswith("CEM_")}
        self.process = subprocess.Popen(
            [*command, "--state-dir", str(state_dir)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=clean | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))} | (environ or {}),
        )
        self._grown = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._grown:
                self.lines.append(line.rstrip("\n"))
                self._grown.notify_all()
        with self._grown:
            self.lines.append("<end>")
            self._grown.notify_all()

    def until(self, pattern: str, *, after: int = 0) -> int:
        """Wait for a line that matches and return how many lines there were then."""
        seen = after
        while True:
            with self._grown:
                self._grown.wait_for(lambda seen=seen: len(self.lines) > seen, timeout=120)  # type: ignore[misc]
                fresh = self.lines[seen:]
            assert fresh, f"silent for two minutes; wanted {pattern!r} after {self.lines}"
            for line in fresh:
                seen += 1
                if re.search(pattern, line):
                    return seen
                assert line != "<end>", f"ended without {pattern!r}: {self.lines}"

    def ended(self) -> int:
        """Wait for the process and return its exit code."""
        code = self.process.wait(timeout=120)
        self._reader.join(timeout=10)
        return code

    def close(self) -> None:
        """Kill what still runs."""
        self.process.kill()
        self.process.wait()
        self._reader.join(timeout=10)
        if self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def run_file(self) -> dict[str, Any]:
        """What run.json says."""
        content: dict[str, Any] = json.loads((self.state_dir / "run.json").read_text())
        return content

    def environ_of(self, name: str) -> list[str]:
        """Wait until a process of the fake service has started; return its arguments and CEM_ variables."""
        file = self.state_dir / f"{name}.env"
        while not (file.exists() and file.read_text()):
            time.sleep(0.01)
        return file.read_text().splitlines()
