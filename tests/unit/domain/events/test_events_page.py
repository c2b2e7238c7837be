"""docs/events.md tells of every type, field and reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cem.domain.events import EVENT_TYPES, REJECT_CODES

ROOT = Path(__file__).resolve().parents[4]
PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")


def test_the_page_is_current() -> None:
    """What the page says is what the classes say: else run `make schemas`."""
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "events_doc.py"), "--check"], check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_each_type_stands_under_its_topic_with_its_fields(event_type: str) -> None:
    """A producer finds the type where he looks for the topic."""
    cls = EVENT_TYPES[event_type]
    section = PAGE.split(f": `{cls.TOPIC}`\n")[1].split("\n### ")[0]
    row = next(line for line in section.splitlines() if line.startswith(f"| [`{event_type}`]"))
    assert [name for name in cls.__struct_fields__ if f"`{name}`" not in row] == []
    assert (ROOT / "docs" / row.split("](")[1].split(")")[0]).exists()


@pytest.mark.parametrize("code", REJECT_CODES)
def test_each_reason_is_explained(code: str) -> None:
    """An operator who sees a code in the dead letters finds it here."""
    assert f"| `{code}` | " in PAGE
