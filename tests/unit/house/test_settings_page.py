"""Each setting is documented as it is."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from cem.settings import Settings
from tests.builders.source_code import ROOT

PAGE = (ROOT / "docs" / "settings.md").read_text()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_setting_stands_on_the_page_with_its_description(name: str) -> None:
    """An operator finds every variable on one page, with the words of its field."""
    description = Settings.model_fields[name].description
    assert description
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| `CEM_{name.upper()}` |")]
    assert len(rows) == 1
    assert rows[0].endswith(f"| {description} |")


def test_the_page_names_no_setting_that_is_gone() -> None:
    """A variable on the page that nothing reads would mislead."""
    variables = set(re.findall(r"^\| `CEM_(\w+)`", PAGE, re.MULTILINE))
    assert variables == {name.upper() for name in Settings.model_fields}


def test_the_page_is_what_the_script_writes() -> None:
    """The page is generated; `scripts/settings_doc.py --check` passes."""
    script = ROOT / "scripts" / "settings_doc.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
