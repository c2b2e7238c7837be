"""A policy file that cannot be read is refused with its line, and does not end who looks for changed rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from cem.bootstrap.policy_files import policy_text
from cem.settings import Settings, SettingsError


def test_a_file_in_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    """As an editor of another age saves it."""
    (tmp_path / "segments.yaml").write_bytes("segments:\n  fan:\n    title: Fidèles\n".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"segments\.yaml:3: byte 0xe8 is no UTF-8"):
        policy_text(Settings(policies=tmp_path), "segments.yaml")


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    """So is whatever else cannot be opened."""
    (tmp_path / "segments.yaml").mkdir()
    with pytest.raises(SettingsError, match=r"segments\.yaml: Is a directory"):
        policy_text(Settings(policies=tmp_path), "segments.yaml")
