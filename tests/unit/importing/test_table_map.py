"""Maps of labelled tables, and the rows that they make of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from cem.importing.document import MapError
from cem.importing.labelled_tables import TableRow, read_labelled_table
from cem.importing.table_map import read_table_map

_CHURN = """
label: {column: left, positive: ["Yes", "1"]}
features: {exclude: [id]}
"""


def _rows(tmp_path: Path, text: str, rule: str, model: str = "churn") -> list[TableRow]:
    file = tmp_path / "customers.csv"
    file.write_text(text)
    return list(read_labelled_table(file, read_table_map(rule, "map.yaml", model=model)))


def test_numbers_are_numbers_and_texts_are_texts(tmp_path: Path) -> None:
    """All columns but label and excluded ones are features; blanks are not there; "nan" is a text."""
    rows = _rows(tmp_path, "id,plan,spent,calls,left\n1,S,12.5,,Yes\n2,,nan,3,no\n", _CHURN)
    assert [(row.features, row.label) for row in rows] == [
        ({"plan": "S", "spent": 12.5}, 1.0),
        ({"spent": "nan", "calls": 3.0}, 0.0),
    ]


def test_a_row_without_a_label_is_a_fault(tmp_path: Path) -> None:
    """It cannot be learnt, and it is said why."""
    rows = _rows(tmp_path, "id,plan,left\n1,S,\n2,S,1\n", _CHURN)
    assert [row.fault for row in rows] == ["bad_label", ""]


def test_features_may_be_named(tmp_path: Path) -> None:
    """With `include` nothing else is a feature."""
    rule = 'label: {column: left, positive: ["1"]}\nfeatures: {include: [plan]}\n'
    assert _rows(tmp_path, "id,plan,left\n1,S,1\n", rule)[0].features == {"plan": "S"}


def test_time_and_holdout_are_no_features(tmp_path: Path) -> None:
    """The columns that say when, and what is held out, are not learnt from."""
    rule = """
label: {column: left, positive: ["1"]}
time: {column: at, format: unix}
holdout: {column: part, equals: [test]}
"""
    rows = _rows(tmp_path, "at,part,plan,left\n5,test,S,1\n6,train,L,0\nx,train,L,0\n", rule)
    assert [row.features for row in rows] == [{"plan": "S"}, {"plan": "L"}, {}]
    assert [(row.time_ms, row.held_out, row.fault) for row in rows] == [
        (5000, True, ""),
        (6000, False, ""),
        (None, False, "bad_time"),
    ]


def test_an_offer_has_its_own_columns(tmp_path: Path) -> None:
    """Action, channel, group and probability are said beside the features."""
    rule = """
label: {column: yes, positive: ["1"]}
action: {column: what}
channel: {constant: call}
probability: {column: p}
"""
    row = _rows(tmp_path, "what,p,age,yes\nbundle,0.25,44,1\n", rule, "propensity")[0]
    assert row.features == {"age": 44.0}
    assert row.extras == {"action": "bundle", "channel": "call", "probability": "0.25"}


def test_answers_lie_on_their_scale(tmp_path: Path) -> None:
    """A number beyond the scale is a fault; with a text and without `features` only the text is looked at."""
    rule = "label: {column: stars, scale: [1, 5]}\ntext: {column: review}\n"
    rows = _rows(tmp_path, "review,stars,other\nfine,4,x\nfine,6,x\nfine,many,x\n", rule, "satisfaction")
    assert [row.fault for row in rows] == ["", "bad_label", "bad_label"]
    assert (rows[0].label, rows[0].extras, rows[0].features) == (4.0, {"text": "fine"}, {})


def test_a_scale_bounds_an_answer() -> None:
    """The map says from where to where; 1 to 5 by default."""
    plain = "label: {column: stars"
    assert read_table_map(plain + "}", "m", model="satisfaction").scale == (1, 5)
    assert read_table_map(plain + ", scale: [0, 10]}", "m", model="satisfaction").scale == (0, 10)
    for scale in ("[5, 1]", "[1]", "3"):
        with pytest.raises(MapError):
            read_table_map(f"{plain}, scale: {scale}}}", "m", model="satisfaction")


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("label: {column: left}\n", "positive"),
        ('label: {colum: left, positive: ["1"]}\n', "column"),
        ('label: {column: left, positive: ["1"]}\nfeature: {exclude: [id]}\n', "features"),
        ('label: {column: lefd, positive: ["1"]}\n', "left"),
        ('label: {column: left, positive: ["1"]}\nfeatures: {exclude: [plam]}\n', "plan"),
        ('label: {column: left, positive: ["1"]}\nfeatures: {exclude: [id], include: [plan]}\n', "include"),
        ('label: {column: left, positive: ["1"]}\naction: {column: plan}\n', "action"),
    ],
)
def test_a_wrong_map_is_refused_with_the_nearest_name(tmp_path: Path, rule: str, says: str) -> None:
    """Unknown entries, columns and options are named, with what may have been meant."""
    with pytest.raises(MapError, match=says):
        _rows(tmp_path, "id,plan,left\n1,S,1\n", rule)
