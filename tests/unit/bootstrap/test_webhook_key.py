"""The file of the key that webhooks' secrets are made of, as a running sender sees it."""

from __future__ import annotations

import secrets
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


def test_a_key_that_is_killed_while_it_is_made_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file without a key in it would have to be found and removed by hand before any webhook could be signed."""
    settings = Settings.from_env({"CEM_STATE_DIR": str(tmp_path)})

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.fdopen", killed)
        with pytest.raises(KeyboardInterrupt):
            make_key(settings)
    assert make_key(settings)[1]


def test_of_two_that_make_a_key_at_once_both_have_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The secret that the second one shows must be the one that signs."""
    settings = Settings.from_env({"CEM_STATE_DIR": str(tmp_path)})
    usual = secrets.token_urlsafe

    def other_first(size: int) -> str:
        monkeypatch.setattr("secrets.token_urlsafe", usual)
        make_key(settings)
        return usual(size)

    monkeypatch.setattr("secrets.token_urlsafe", other_first)
    made, is_new = make_key(settings)
    assert not is_new
    assert made == KeyFile(settings).key()
