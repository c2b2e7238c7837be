"""One form of each identifier, so that every system's way of writing it finds the same state.

    line      E.164 (+84901234567) where it can be one; an operator's own short name of a line stays as it is
    email     lower case, without space
    handle    lower case, without space at its ends and without a leading @
    others    without space at their ends

The form of a form is the form itself. It depends on the arguments and the metadata of `phonenumbers` alone.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from unicodedata import normalize

__all__ = ["is_region", "normal_line", "normal_name", "normal_value"]

_DIALLED: Final = re.compile(r"\+?[0-9 ()./-]+").fullmatch
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
#: Viet Nam's mobile numbers of eleven digits became ones of ten on 15 September 2018: prefix to prefix, behind +84.
_VIETNAM: Final = {
    **{f"16{digit}": f"3{digit}" for digit in "23456789"},
    "120": "70",
    "121": "79",
    "122": "77",
    "126": "76",
    "128": "78",
    "123": "83",
    "124": "84",
    "125": "85",
    "127": "81",
    "129": "82",
    "186": "56",
    "188": "58",
    "199": "59",
}
_OLD_VIETNAMESE: Final = re.compile(r"\+84(1\d\d)(\d{7})").fullmatch
#: Longest value of an identifier in a record's key.
_MAX_CHARS: Final = 254


def is_region(region: str) -> bool:
    """Return whether this is a region whose national numbers can be read (ISO 3166-1 alpha-2), or "" for none."""
    import phonenumbers

    return not region or region in phonenumbers.SUPPORTED_REGIONS


def normal_name(name: str, region: str) -> str:
    """Return the normal form of `kind:value`."""
    kind, _, value = name.partition(":")
    return f"{kind}:{normal_value(kind, value, region)}"


def normal_value(kind: str, value: str, region: str) -> str:
    """Return the normal form of an identifier's value; `value` itself where no form of it could be a key.

    region: where a number without a country code belongs (ISO 3166-1 alpha-2; "" = such numbers stay as they are).
    """
    if kind == "line":
        return normal_line(value, region)
    text = normalize("NFC", value).strip()
    if kind == "email":
        text = normalize("NFC", "".join(text.split()).lower())
    elif kind == "handle":
        text = normalize("NFC", text.lower()).lstrip("@").strip()
    return text if 0 < len(text) <= _MAX_CHARS and text.isprintable() else value


@lru_cache(maxsize=8192)
def normal_line(value: str, region: str) -> str:
    """Return the line in E.164, or unchanged if it is no telephone number."""
    text = value.strip()
    if _DIALLED(text) is None:
        return text or value
    if _E164(text) is None:
        text = _e164(text, region) or text
    old = _OLD_VIETNAMESE(text)
    if old is not None and old[1] in _VIETNAM:
        return f"+84{_VIETNAM[old[1]]}{old[2]}"
    return text


def _e164(text: str, region: str) -> str | None:
    # Its metadata take 50 ms to load: whoever has every line in E.164 already does without.
    import phonenumbers

    # Two zeros are dialled for the plus in most of the world; where they are not, a region says so.
    if text.startswith("00") and not region:
        text = "+" + text[2:]
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return None
    # Possible, not valid: an operator has numbers of a new range before the metadata know it.
    if not phonenumbers.is_possible_number(number):
        return None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return written if _E164(written) else None
