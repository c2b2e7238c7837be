from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cem.importing.document import MAX_BYTES, MapError, nearest, read_document


def test_plain_scalars_stay_texts() -> None:
    """Numbers, truths and dates are what they look like; only an unquoted null is nothing."""
    root = read_document('a: 1\nb: Yes\nc: 2024-01-01\nd: null\ne: "null"\nf: 007\ng:\n', "m.yaml").mapping()
    assert [root[key].value for key in "abcdefg"] == ["1", "Yes", "2024-01-01", None, "null", "007", None]


def test_truths_and_numbers_are_asked_for() -> None:
    """Who needs a number or a truth gets one, or a complaint with file and line."""
    root = read_document("on: Yes\noff: 'false'\nn: 12\nbad: maybe\n", "m.yaml").mapping()
    assert root["on"].truth() is True
    assert root["off"].truth() is False
    assert root["n"].integer(0, 12) == 12
    with pytest.raises(MapError, match=r"m\.yaml:4: bad: takes true or false, not 'maybe'"):
        root["bad"].truth()
    with pytest.raises(MapError, match="whole number from 0 to 6"):
        root["n"].integer(0, 6)


def test_an_unknown_name_gets_the_nearest() -> None:
    """A slip in an option's name is answered with the name that was meant, and its line."""
    root = read_document("time:\n  format: unix\n  colum: t\n", "m.yaml").mapping()
    with pytest.raises(
        MapError, match=r"m\.yaml:3: unknown option 'colum' of time\. Did you mean 'column'\?"
    ):
        root["time"].mapping(("column", "columns", "format"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1, 2\n", r"m\.yaml:2: no YAML"),
        ("a: 1\na: 2\n", r"m\.yaml:2: a: stands here twice"),
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("", "empty"),
        ("? [1]\n: 2\n", "a name must be a text"),
        ("a: !!python/object/apply:os.system [ls]\n", None),
        ("[" * 50 + "]" * 50, "nested too deeply"),
        ("x" * (MAX_BYTES + 1), "too many for a map"),
    ],
)
def test_what_is_no_map_is_refused(text: str, said: str | None) -> None:
    """Broken, doubled, aliased or endless documents are refused with a sentence; tags run nothing."""
    if said is None:
        assert read_document(text, "m.yaml").mapping()["a"].texts() == ("ls",)
        return
    with pytest.raises(MapError, match=said):
        read_document(text, "m.yaml")


@given(st.text(max_size=200))
def test_any_text_gives_a_tree_or_a_complaint(text: str) -> None:
    """Whatever a file holds, nothing but MapError comes out."""
    try:
        read_document(text, "m.yaml")
    except MapError as error:
        assert "m.yaml" in str(error)


def test_few_names_are_listed_when_none_is_near() -> None:
    """Without a near name a short list of what is known helps; a long one does not."""
    assert nearest("zzz", ["alpha", "beta"]) == " Known: alpha, beta"
    assert nearest("zzz", [f"name{i}" for i in range(50)]) == ""
    assert nearest("CUSTOMERID", ["customerID", "tenure"]) == " Did you mean 'customerID'?"
