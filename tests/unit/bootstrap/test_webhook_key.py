"""The file of the key that webhooks' secrets are made of, as a running sender sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cem.bootstrap.webhooks import KeyFile, make_key
from cem.settings import Settings, SettingsError


def test_the_key_is_the_one_that_the_file_has_now(tmp_path: Path) -> None:
    """Made by the first registration, replaced later; a file that is no key leaves the one of before in force."""
    settings = Settings.from_env({"CEM_STATE_DIR": str(tmp_path)})
    file = KeyFile(settings)
    assert file.key() is None
    made, is_new = make_key(settings)
    assert is_new
    assert file.key() == made
    settings.webhook_key.write_bytes(b"k" * 40 + b"\n")
    assert file.key() == b"k" * 40
    settings.webhook_key.write_bytes(b"short")
    assert file.key() == b"k" * 40
    settings.webhook_key.unlink()
    assert file.key() is None


def test_a_sender_does_not_start_with_a_file_that_is_no_key(tmp_path: Path) -> None:
    """The sentence names variable and file."""
    settings = Settings.from_env({"CEM_STATE_DIR": str(tmp_path)})
    settings.webhook_key.write_bytes(b"short")
    with pytest.raises(SettingsError, match="CEM_WEBHOOK_KEY_FILE"):
        KeyFile(settings)
