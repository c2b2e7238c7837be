"""Amounts of minor units as people read them."""

from __future__ import annotations

from typing import Final

__all__ = ["decimals_of", "money"]

#: Digits after the decimal point, by ISO 4217, where they are not two.
_DECIMALS: Final = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV"), 0
    ),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
_SIGNS: Final = {"EUR": "€", "GBP": "£", "USD": "$", "VND": "₫", "JPY": "¥"}
#: Languages that write 1.234,50 and put the sign behind the amount.
_COMMA: Final = frozenset({"vi", "de", "es", "fr", "it", "nl", "pt", "da", "cs", "pl"})
_NBSP: Final = "\u00a0"


def decimals_of(currency: str) -> int:
    """Return how many of an amount's digits stand behind the decimal point."""
    return _DECIMALS.get(currency, 2)


def money(minor: int, currency: str, language: str) -> str:
    """Return `minor` units of `currency` as `language` writes them: €12.40, 12,40 €, 120.000 ₫."""
    decimals = decimals_of(currency)
    whole, rest = divmod(abs(minor), 10**decimals)
    comma = language in _COMMA
    text = f"{whole:,}".replace(",", ".") if comma else f"{whole:,}"
    if decimals:
        text += f"{',' if comma else '.'}{rest:0{decimals}}"
    sign = _SIGNS.get(currency)
    minus = "-" if minor < 0 else ""
    if comma:
        return f"{minus}{text}{_NBSP}{sign or currency}"
    return f"{minus}{sign}{text}" if sign else f"{minus}{text}{_NBSP}{currency}"
