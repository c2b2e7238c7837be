"""End points by file: what is misspelt there is refused with its line, and never taken for something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from cem.domain.events.enums import AlertTier, Severity
from cem.settings import SettingsError
from cem.webhooks.file import read_file

GOOD = "- id: crm\n  url: https://crm.example/x\n"


def records(tmp_path: Path, text: str | bytes) -> list[object]:
    """Return what the file gives, as tuples."""
    path = tmp_path / "webhooks.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return [(r.webhook_id, r.types, r.severity, r.tier) for r in read_file(path, (), "check")]


def test_an_entry_becomes_a_record(tmp_path: Path) -> None:
    """With what it leaves out; a file without entries is none."""
    more = "- id: paging\n  url: https://p.example/\n  types: [sms_rise]\n  severity: error\n  tier: alert\n"
    assert records(tmp_path, GOOD + more) == [
        ("crm", (), Severity.INFO, None),
        ("paging", ("sms_rise",), Severity.ERROR, AlertTier.ALERT),
    ]
    assert records(tmp_path, "# nothing yet\n") == []


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("  ulr: x\n", r"webhooks\.yaml:3: there is no field 'ulr' here; did you mean 'url'\?"),
        ("  severity: warnin\n", r"webhooks\.yaml:3: .*warnin"),
        ("  tier: alrt\n", r"webhooks\.yaml:3: .*alrt"),
        ("  types: [sms_rize]\n", r"end point 'crm': no alert is of type 'sms_rize'; did you mean 'sms_rise'\?"),
        (GOOD, r"end point 'crm' stands there twice"),
        ("  url: [\n", r"webhooks\.yaml:4: not YAML"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused(tmp_path: Path, more: str, says: str) -> None:
    """A severity that there is not would have been taken for another one."""
    with pytest.raises(SettingsError, match=says):
        records(tmp_path, GOOD + more)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """In another encoding, or not there."""
    with pytest.raises(SettingsError, match=r"CEM_WEBHOOKS_FILE: .*webhooks\.yaml"):
        records(tmp_path, b"\xff")
    with pytest.raises(SettingsError, match="CEM_WEBHOOKS_FILE: "):
        read_file(tmp_path / "none.yaml", (), None)
