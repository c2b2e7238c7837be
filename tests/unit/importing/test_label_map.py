"""Maps of labelled texts, the rows that they read, and the order in which those are learnt."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cem.importing.arrangement import Order, arranged, parse_order
from cem.importing.document import MapError
from cem.importing.label_map import read_text_map
from cem.importing.labelled_texts import TextRow, read_texts

MAP = """
text: {columns: [subject, body]}
label: {column: verdict, values: {good: positive, "?": null}}
channel: {constant: email}
fields: {queue: {column: queue}}
time: {column: day, format: "%Y-%m-%d"}
holdout: {column: part, equals: [test]}
where: {column: kind, equals: [message]}
"""
FILE = """subject,body,verdict,queue,day,part,kind
Hi,all well,good,2,2024-01-02,,message
,no subject,bad,,2024-01-01,test,message
a,b,?,2,2024-01-03,,message
a,b,,2,2024-01-03,,message
a,b,good,2,soon,,message
a,b,good,2,2024-01-03,,note
too,few
"""


def read(tmp_path: Path, text: str = MAP) -> list[TextRow]:
    (tmp_path / "texts.csv").write_text(FILE)
    return list(read_texts(tmp_path / "texts.csv", read_text_map(text, "map.yaml")))


def test_rows_become_labelled_texts(tmp_path: Path) -> None:
    """Columns are joined, labels translated, rows held out or left out; what cannot be used says why."""
    found = read(tmp_path)
    assert found[0] == TextRow(
        1, "Hi all well", "positive", "email", {"queue": "2"}, 1_704_153_600_000, False
    )
    assert found[1] == TextRow(2, "no subject", "bad", "email", {}, 1_704_067_200_000, True)
    assert [row.fault for row in found[2:]] == ["no_label", "no_label", "bad_time", "wrong_columns"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("text: {column: body}", "lacks 'label'"),
        ("label: {column: verdict}", "lacks 'text'"),
        ("text: {column: body}\nlabl: {column: a}", "Did you mean 'label'?"),
        ("text: {colum: body}\nlabel: {column: a}", "Did you mean 'column'?"),
        ("text: {column: body}\nlabel: verdict", "label: takes a mapping"),
        ("text: {column: bodi}\nlabel: {column: verdict}", "Did you mean 'body'?"),
    ],
)
def test_a_wrong_map_is_refused_with_the_nearest_name(tmp_path: Path, text: str, sentence: str) -> None:
    """Entries, options and columns that are not known are named, with what is near."""
    with pytest.raises(MapError) as refused:
        read(tmp_path, text)
    assert sentence in str(refused.value)


def test_rows_without_labels_are_read_when_none_are_asked_for() -> None:
    """A file of foreign texts needs a text only."""
    assert read_text_map("text: {column: a}", "m", labelled=False).label is None


def test_the_order_of_learning() -> None:
    """As the file has them, by time with the timeless last, or shuffled by a seed; never one twice or missing."""
    rows = [TextRow(at, time_ms=time) for at, time in enumerate((5, None, 3, 9, 1))]

    def numbers(order: Order) -> list[int]:
        return [row.row for row in arranged(rows, order)[0]]

    assert numbers(Order()) == [0, 1, 2, 3, 4]
    assert numbers(Order(by_time=True)) == [4, 2, 0, 3, 1]
    assert numbers(Order(seed=7)) == numbers(Order(seed=7)) != numbers(Order(seed=8))
    assert sorted(numbers(Order(seed=7))) == [0, 1, 2, 3, 4]


def test_what_is_held_out() -> None:
    """The rows that the map says; with a share, the last of the order instead."""
    rows = [TextRow(at, held_out=at == 0) for at in range(10)]
    learnt, held_out = arranged(rows, Order())
    assert ([row.row for row in held_out], len(learnt)) == ([0], 9)
    learnt, held_out = arranged(rows, Order(), 0.2)
    assert [row.row for row in held_out] == [8, 9]
    shuffled, held_out = arranged(rows, Order(seed=3), 0.3)
    assert len(shuffled) == 7
    assert sorted(row.row for row in [*shuffled, *held_out]) == list(range(10))


def test_orders_are_named() -> None:
    """file, time and shuffle:SEED; anything else is refused with what there is."""
    assert parse_order("file") == Order()
    assert parse_order("time") == Order(by_time=True)
    assert msgspec.structs.asdict(parse_order("shuffle:42"))["seed"] == 42
    for text in ("", "shuffle", "shuffle:", "shuffle:x", "random"):
        with pytest.raises(ValueError, match="shuffle:SEED"):
            parse_order(text)
