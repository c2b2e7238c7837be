from __future__ import annotations

from pathlib import Path

import pytest

from cem.domain.events import SmsRated
from cem.importing.document import MapError
from cem.importing.event_map import read_import_map
from tests.builders.importing import a_map

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "maps"

#: As the documentation shows it.
DOCUMENTED = """
    event: sms.rated
    fields:
      line: {column: sender}
      recipient: {column: recipient}
      charge_minor: {column: charge, decimals: 2, default: 0}
      destination: {column: class, values: {prem: premium, "*": onnet}}
    time: {column: t, format: unix}
    key: {column: sender, null: ["0.0"], strip_suffix: ".0"}
    id: [t, sender]
    where: {column: type, equals: [sms]}
"""


def test_a_map_says_what_it_says() -> None:
    """Every entry of a map is understood as documented."""
    rule = a_map(DOCUMENTED)
    assert rule.event is SmsRated
    assert [field.name for field in rule.fields] == ["line", "recipient", "charge_minor", "destination"]
    assert rule.fields[2].value.decimals == 2
    assert rule.fields[3].value.values == {"prem": "premium", "*": "onnet"}
    assert rule.key is not None
    assert rule.key.value is not None
    assert rule.key.value.nulls == ("0.0",)
    assert rule.id == ("t", "sender")
    assert rule.where is not None
    assert rule.where.equals == frozenset(["sms"])


def test_the_fingerprint_is_of_what_the_map_means() -> None:
    """Comments, order and layout do not change an import's identity; a value does."""
    plain = a_map(
        "event: sms.rated\nfields: {line: {column: a}}\ntime: {column: t, format: unix}\nkey: {column: a}"
    )
    same = a_map(
        "key:\n  column: a   # whose\ntime: {format: unix, column: t}\nfields:\n  line: {column: a}\nevent: sms.rated"
    )
    other = a_map(
        "event: sms.rated\nfields: {line: {column: b}}\ntime: {column: t, format: unix}\nkey: {column: a}"
    )
    assert plain.fingerprint == same.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("event: sms.rated", "event: sms.rate", r"map\.yaml:2: event: 'sms.rate' is not known. Did you mean 'sms.rated'"),
        ("event: sms.rated", "event: control.price.set", "is not known"),
        ("event: sms.rated", "evnt: sms.rated", r"unknown entry 'evnt'\. Did you mean 'event'"),
        ("line: {column: sender}", "lin: {column: sender}", r"map\.yaml:4: fields.lin: sms.rated has no field 'lin'. Did you mean 'line'"),
        ("line: {column: sender}", "segments: 1", "sms.rated needs the field 'line'"),
        ("line: {column: sender}", "line: {colum: sender}", "Did you mean 'column'"),
        ("line: {column: sender}", "line.x: {column: sender}", "'line' has no fields of its own"),
        ("where: {column", "were: {column", "Did you mean 'where'"),
        ("key: {column: sender,", "key: {identifier: phone, column: sender,", "'phone' is not known"),
        ("key: {column: sender,", "key: {null_as: drop, column: sender,", "'drop' is not known"),
        ("key: {column: sender,", "key: {null_as: row, identifier: line, column: sender,", "strangers"),
        ("where: {column: type,", "where: {colum: type,", "Did you mean 'column'"),
        ("time: {column: t, format: unix}", "", "lacks 'time'"),
        ("id: [t, sender]", "csv: {delimiter: ';;'}", "takes one character"),
        ("id: [t, sender]", "csv: {header: false}", "must name the columns"),
        ("id: [t, sender]", "csv: {delimeter: ';'}", "Did you mean 'delimiter'"),
    ],
)  # fmt: skip
def test_a_slip_is_refused_with_line_and_nearest_name(before: str, after: str, said: str) -> None:
    """Unknown types, fields, entries and options never pass silently."""
    assert before in DOCUMENTED
    with pytest.raises(MapError, match=said) as caught:
        a_map(DOCUMENTED.replace(before, after))
    assert "map.yaml:" in str(caught.value)


def test_a_map_without_key_is_refused() -> None:
    """Whose event it is must be said, unless the data say it themselves."""
    with pytest.raises(MapError, match="lacks 'key'"):
        a_map("event: sms.rated\nfields: {line: {column: a}}\ntime: {column: t, format: unix}")
    links = """
        event: identifier.linked
        fields: {kind: line, value: {column: msisdn}, customer_id: {column: account}}
        time: {column: since, format: iso}
    """
    assert a_map(links).key is None
    with pytest.raises(MapError, match="leave 'key' out"):
        a_map(links + "    key: {column: account}")


def test_lists_and_mappings_by_dotted_names() -> None:
    """An item's fields and a mapping's entries are named with a dot; a slip there has its nearest name too."""
    bill = """
        event: bill.issued
        fields:
          bill_id: {column: id}
          total_minor: {column: total, decimals: 2}
          items.cause: {constant: sms}
          items.amount_minor: {column: sms_cost, decimals: 2}
        time: {column: d, format: iso}
        key: {column: account}
    """
    assert [field.type.within for field in a_map(bill).fields] == ["field", "field", "item", "item"]
    with pytest.raises(MapError, match=r"'items' has no field 'amount'. Did you mean 'amount_minor'"):
        a_map(bill.replace("items.amount_minor", "items.amount"))
    with pytest.raises(MapError, match=r"name them, as in 'items.cause'"):
        a_map(bill.replace("items.cause: {constant: sms}", "items: {constant: sms}"))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_are_maps(path: Path) -> None:
    """Every map that is shipped as an example can be read."""
    assert read_import_map(path.read_text("utf-8"), path.name).fields
