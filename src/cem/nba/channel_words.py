"""Names of channels in sentences: English and Vietnamese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["channel_name"]

_CHANNELS: Final[Mapping[str, tuple[str, str]]] = {
    "call": ("phone", "điện thoại"),
    "sms": ("text message", "tin nhắn"),
    "email": ("e-mail", "email"),
    "app": ("the app", "ứng dụng"),
    "web": ("the web", "trang web"),
    "chat": ("chat", "chat"),
    "shop": ("the shop", "cửa hàng"),
    "social": ("social media", "mạng xã hội"),
    "post": ("letter", "thư"),
    "field": ("a visit", "gặp trực tiếp"),
    "other": ("another channel", "kênh khác"),
}


def channel_name(channel: str, language: str) -> str:
    """Return what people call the channel; one that has no name is said as it is."""
    return _CHANNELS.get(channel, (channel, channel))[language == "vi"]
