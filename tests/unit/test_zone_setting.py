"""CEM_TIMEZONE is a zone, or the process ends: else quiet hours would be those of UTC, in silence."""

from __future__ import annotations

import pytest

from cem.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Europe/Berln", "CEM_TIMEZONE: there is no such IANA zone; did you mean Europe/Berlin?"),
        ("Asia/Hanoi", "CEM_TIMEZONE: there is no such IANA zone: one is Asia/Ho_Chi_Minh"),
        ("+07:00", "CEM_TIMEZONE: there is no such IANA zone"),
        ("../etc/passwd", "CEM_TIMEZONE: there is no such IANA zone"),
    ],
)
def test_what_is_no_zone_is_refused(name: str, says: str) -> None:
    """With the one that is meant, if that is sure: Hanoi's neighbour in spelling is Yangon."""
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({"CEM_TIMEZONE": name})
    assert str(refused.value).startswith(says)


@pytest.mark.parametrize("name", ["UTC", "Asia/Ho_Chi_Minh", "Europe/Berlin"])
def test_zones_are_taken(name: str) -> None:
    """As they are."""
    assert Settings.from_env({"CEM_TIMEZONE": name}).timezone == name
