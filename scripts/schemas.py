"""Write `schemas/` from the event classes, or check it.

    python scripts/schemas.py                 write; refuses a change that breaks somebody
    python scripts/schemas.py --check         fail if the files are not what the classes say, or a change breaks
    python scripts/schemas.py --check --base REV      compare with the schemas of a git revision (default: HEAD)

Whoever reads or writes the old must not be hurt. A break that is wanted has a line in schemas/ALLOWED_BREAKS.md that
names type and path in back-quotes, and why.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from cem.domain.compatibility import Difference, compare
from cem.domain.schemas import INDEX, Schema, all_files, render

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "schemas"
ALLOWED = "ALLOWED_BREAKS.md"


def on_disk(folder: Path) -> dict[str, str]:
    """Return the text of every schema file in `folder`."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.json"))}


def at_revision(revision: str) -> dict[str, str] | None:
    """Return the text of every schema file of a git revision, or None where there is no such revision."""
    try:
        listed = git("ls-tree", "--name-only", f"{revision}:schemas")
        names = [name for name in listed.splitlines() if name.endswith(".json")]
        return {name: git("show", f"{revision}:schemas/{name}") for name in names}
    except (OSError, subprocess.CalledProcessError):
        return None


def git(*arguments: str) -> str:
    """Return what git says. Raises CalledProcessError."""
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=True)
    return done.stdout.decode("utf-8")


def differences(old: dict[str, str], new: dict[str, Schema]) -> dict[str, list[Difference]]:
    """Return the differences of each event type that has some."""
    found: dict[str, list[Difference]] = {}
    for name in sorted({*old, *new} - {INDEX}):
        before = json.loads(old[name]) if name in old else None
        there = compare(before, new.get(name))
        if there:
            found[name.removesuffix(".json")] = there
    return found


def unallowed(found: dict[str, list[Difference]], allowed: str) -> list[str]:
    """Return a sentence for each breaking difference that no line of `allowed` names."""
    lines = allowed.splitlines()
    return [
        f"{event_type} {difference.path}: {difference.what} - breaks {difference.breaks} of the old"
        for event_type, there in found.items()
        for difference in there
        if difference.breaking
        and not any(f"`{event_type}`" in line and f"`{difference.path}`" in line for line in lines)
    ]


def main(arguments: list[str]) -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(description="Write schemas/ from the event classes, or check it.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if something is stale or breaks"
    )
    parser.add_argument("--base", default="HEAD", help="git revision to compare with when checking")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the files are")
    options = parser.parse_args(arguments)

    folder: Path = options.folder
    new = all_files()
    there = on_disk(folder)
    listed = folder / ALLOWED
    allowed = listed.read_text(encoding="utf-8") if listed.exists() else ""
    bases = [there]
    if options.check and folder == FOLDER:
        base = at_revision(options.base)
        bases += [base] if base is not None else []
    broken = list(
        dict.fromkeys(line for base in bases for line in unallowed(differences(base, new), allowed))
    )
    for line in broken:
        print(line, file=sys.stderr)
    if broken:
        print(f"Name what is meant to break in schemas/{ALLOWED}, with the reason.", file=sys.stderr)
        return 1
    stale = sorted(name for name in {*there, *new} if name not in new or there.get(name) != render(new[name]))
    if options.check:
        for name in stale:
            print(f"schemas/{name} is not what the classes say: run make schemas", file=sys.stderr)
        return 1 if stale else 0
    folder.mkdir(exist_ok=True)
    for name in stale:
        if name in new:
            (folder / name).write_text(render(new[name]), encoding="utf-8")
        else:
            (folder / name).unlink()
    print(f"{len(new)} files, {len(stale)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
