"""One form of each identifier, however it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cem.domain.events import INBOX_KINDS
from cem.normal_form import is_region, normal_name, normal_value

CASES = [
    ("line", "+84 90-123 45 67", "", "+84901234567"),
    ("line", "0084 901234567", "", "+84901234567"),
    ("line", "0901234567", "VN", "+84901234567"),
    ("line", "0901234567", "", "0901234567"),
    ("line", "+841681234567", "", "+84381234567"),
    ("line", "0199 1234567", "VN", "+84591234567"),
    ("line", "01881234567", "VN", "+84581234567"),
    ("line", "0170 1234567", "DE", "+491701234567"),
    ("line", "L-0017", "VN", "L-0017"),
    ("line", "19", "VN", "19"),
    ("email", " Anna . Nguyen@Example.COM ", "", "anna.nguyen@example.com"),
    ("handle", "@Anna", "", "anna"),
    ("handle", "@", "", "@"),
    ("account", " A-17 ", "", "A-17"),
    ("card", "x\u0301", "", "x\u0301"),
]


@pytest.mark.parametrize(("kind", "value", "region", "form"), CASES)
def test_the_form_of_each_kind(kind: str, value: str, region: str, form: str) -> None:
    """E.164 where a number can be one, with today's Vietnamese prefixes; mail and handles without case."""
    assert normal_value(kind, value, region) == form


@given(
    st.sampled_from(INBOX_KINDS),
    st.one_of(
        st.text(min_size=1), st.from_regex(r"\A\+?[0-9 ().-]{1,18}\Z"), st.from_regex(r"\A0?1[0-9]{9}\Z")
    ),
    st.sampled_from(["", "VN", "DE", "US"]),
)
def test_the_form_of_a_form_is_itself(kind: str, value: str, region: str) -> None:
    """So a record passed on to the identifier in normal form is never passed on again."""
    once = normal_name(f"{kind}:{value}", region)
    assert normal_name(once, region) == once


def test_a_region_is_one_that_has_telephone_numbers() -> None:
    """None at all is allowed: numbers without a country code then stay as they are."""
    assert is_region("")
    assert is_region("VN")
    assert not is_region("XX")
