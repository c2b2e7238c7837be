from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cem.domain.events import BillIssued, ProfileChanged, SmsRated
from cem.domain.events.envelope import Received, decode
from cem.importing.document import MapError
from cem.importing.table import Fault, Row
from cem.importing.translation import HASHED_FIELDS, RejectedRow, Translated, Translator
from cem.streams.producer import Outgoing
from tests.builders.importing import NOW_MS, SMS_MAP, ListTable, a_map, a_translator, one_row

FULL_MAP = """
    event: sms.rated
    fields:
      line: {column: sender}
      recipient: {column: recipient}
      charge_minor: {column: charge, decimals: 2, default: 0}
      destination: {column: class, values: {prem: premium, "*": onnet}}
      in_allowance: {constant: true}
    time: {column: t, format: unix}
    key: {column: sender, null: ["0.0"], strip_suffix: ".0"}
    id: [t, sender]
    where: {column: type, equals: [sms]}
"""
FULL_ROW = {
    "sender": "42",
    "recipient": "7",
    "charge": "0.12",
    "class": "prem",
    "t": "1082040961",
    "type": "sms",
}


class RecordOf:
    """The record that a translated row becomes, as a worker reads it."""

    def __init__(self, row: Translated) -> None:
        self.topic, self.key, self.value, self.headers = row.topic, row.key, row.value, row.headers
        self.partition, self.offset, self.timestamp = 0, 0, NOW_MS


def translated(text: str, cells: dict[str, str]) -> Translated | RejectedRow | None:
    table = one_row(cells)
    (row,) = table
    return a_translator(a_map(text), table).translate(row)


def event_of(text: str, cells: dict[str, str]) -> Translated:
    result = translated(text, cells)
    assert isinstance(result, Translated), result
    return result


def reject_of(text: str, cells: dict[str, str]) -> RejectedRow:
    result = translated(text, cells)
    assert isinstance(result, RejectedRow), result
    return result


def test_a_row_becomes_an_event_with_an_identity() -> None:
    """Fields, key, time and id come from the row; source and sequence from the file and the row's number."""
    row = event_of(FULL_MAP, FULL_ROW)
    received = decode(RecordOf(row))
    assert isinstance(received, Received)
    assert received.event == SmsRated(
        line="42", recipient="7", charge_minor=12, destination="premium", in_allowance=True
    )
    assert (received.customer_id, received.time_ms) == ("42", 1_082_040_961_000)
    assert (received.source, received.id, received.sequence) == (
        "import:0123456789abcdef",
        "1082040961/42",
        1,
    )
    assert row.topic == "cem.sms-usage"


def test_without_id_columns_the_row_number_is_the_id() -> None:
    """The default identity is file and row number."""
    assert event_of(SMS_MAP, {"sender": "1", "recipient": "2", "t": "1082040961"}).id == "1"


def test_structured_form_stands_alone() -> None:
    """As a JSON line an event names its topic, so that nothing else is needed to send it."""
    whole = msgspec.json.decode(event_of(FULL_MAP, FULL_ROW).structured("import:x"))
    assert whole["type"] == "sms.rated"
    assert (whole["topic"], whole["subject"], whole["sequence"]) == ("cem.sms-usage", "42", "1")
    assert whole["data"]["charge_minor"] == 12


def test_where_leaves_rows_out() -> None:
    """What the filter does not name is neither an event nor a reject."""
    assert translated(FULL_MAP, FULL_ROW | {"type": "mms"}) is None


@pytest.mark.parametrize(
    ("change", "reason", "column", "field"),
    [
        ({"sender": "0.0"}, "unidentified", "sender", "key"),
        ({"sender": " "}, "missing_field", "sender", "line"),
        ({"charge": "much"}, "invalid_field", "charge", "charge_minor"),
        ({"charge": "-1"}, "invalid_field", "charge", "charge_minor"),
        ({"t": ""}, "missing_time", "t", "time"),
        ({"t": "soon"}, "bad_time", "t", "time"),
        ({"t": "4000000000"}, "bad_time", "t", "time"),
        ({"t": "86400"}, "bad_time", "t", "time"),
        ({"sender": "x" * 40}, "invalid_field", "sender", "line"),
        ({"sender": "a.b"}, "bad_key", "sender", "key"),
    ],
)
def test_a_row_that_does_not_fit_says_why(
    change: dict[str, str], reason: str, column: str, field: str
) -> None:
    """A reject names row, line, reason, column and field, with a sentence, and carries the row as it came."""
    reject = reject_of(FULL_MAP, FULL_ROW | change)
    assert (reject.reason, reject.column, reject.field) == (reason, column, field)
    assert (reject.row, reject.line) == (1, 2)
    assert reject.detail
    assert reject.raw == FULL_ROW | change


def test_a_row_that_could_not_be_read_is_a_reject() -> None:
    """What the reader found wrong (width, size, bytes) is rejected with the reader's reason and all its cells."""
    table = ListTable(["sender", "recipient", "t"], [])
    translator = a_translator(a_map(SMS_MAP), table)
    result = translator.translate(Row(3, 9, ["1", "2", "3", "4"], Fault("wrong_columns", "has 4 cells")))
    assert isinstance(result, RejectedRow)
    assert (result.row, result.line, result.reason) == (3, 9, "wrong_columns")
    assert result.raw == {"sender": "1", "recipient": "2", "t": "3", "": "4"}


def test_strangers_are_one_a_row() -> None:
    """With null_as: row a row without a customer is a customer of its own, the same at every run."""
    text = SMS_MAP.replace("key: {column: sender}", "key: {column: who, null_as: row}")
    cells = {"sender": "1", "recipient": "2", "t": "1082040961", "who": ""}
    assert event_of(text, cells).key == b"row-0123456789ab-1"
    assert event_of(text, cells | {"who": "ann"}).key == b"ann"
    assert event_of(
        SMS_MAP.replace("{column: sender}\n    ", "{null_as: row}\n    ", 2).replace(
            "line: {null_as: row}", "line: {column: sender}"
        ),
        cells,
    ).key


def test_identifiers_go_to_the_inbox() -> None:
    """An event that knows a line but not the customer is keyed by the line, on the inbox."""
    text = SMS_MAP.replace("key: {column: sender}", "key: {identifier: line, column: sender}")
    row = event_of(text, {"sender": "+4917012", "recipient": "2", "t": "1082040961"})
    assert (row.topic, row.key) == ("cem.inbox", b"line:+4917012")
    assert isinstance(decode(RecordOf(row)), Received)


def test_links_are_keyed_by_what_they_say() -> None:
    """identifier.linked has its key in its own fields."""
    text = """
        event: identifier.linked
        fields: {kind: line, value: {column: msisdn}, customer_id: {column: account}}
        time: {column: since, format: iso}
    """
    row = event_of(text, {"msisdn": "+4917012", "account": "A1", "since": "2026-01-01"})
    assert (row.topic, row.key) == ("cem.inbox", b"line:+4917012")


def test_one_row_can_fill_a_list_and_a_mapping() -> None:
    """Dotted names make one item of a list and entries of a mapping; a row that says nothing of it has none."""
    text = """
        event: profile.changed
        fields:
          plan: {column: plan}
          lines.line: {column: msisdn}
          lines.role: {constant: payer}
          segments.tenure: {column: tenure}
        time: {column: d, format: iso}
        key: {column: account}
    """
    cells = {"plan": "M", "msisdn": "+491", "tenure": "12", "d": "2026-01-01", "account": "A1"}
    event = event_of(text, cells).event
    assert isinstance(event, ProfileChanged)
    assert event.lines is not None
    assert [(line.line, str(line.role)) for line in event.lines] == [("+491", "payer")]
    assert event.segments == {"tenure": "12"}
    bare = event_of(text, cells | {"msisdn": "", "tenure": ""}).event
    assert isinstance(bare, ProfileChanged)
    assert bare.lines is None
    assert bare.segments is None


def test_an_item_that_does_not_fit_is_a_reject() -> None:
    """What is wrong within an item is found too."""
    text = """
        event: bill.issued
        fields:
          bill_id: {column: id}
          total_minor: {column: total, decimals: 2}
          items.cause: {constant: sms}
          items.amount_minor: {column: sms_cost, decimals: 2}
        time: {column: d, format: iso}
        key: {column: account}
    """
    cells = {"id": "B1", "total": "10", "sms_cost": "2.50", "d": "2026-01-01", "account": "A1"}
    event = event_of(text, cells).event
    assert isinstance(event, BillIssued)
    assert [(str(item.cause), item.amount_minor) for item in event.items] == [("sms", 250)]
    assert reject_of(text, cells | {"sms_cost": "x"}).column == "sms_cost"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "{column: charge, decimals: 2, default: 0}",
            "{column: charge, default: none}",
            "'none' is no number",
        ),
        ("in_allowance: {constant: true}", "in_allowance: {constant: perhaps}", "neither yes nor no"),
        (
            "in_allowance: {constant: true}",
            "in_allowance: {column: type, values: {a: b}}",
            "neither yes nor no",
        ),
        ("line: {column: sender}", "line: {column: sender, decimals: 2}", "decimals are for amounts"),
        ("id: [t, sender]", "id: [t, sendr]", "Did you mean 'sender'"),
        ("where: {column: type,", "where: {column: typ,", "Did you mean 'type'"),
    ],
)
def test_what_map_and_file_disagree_on_is_told_before_the_first_row(
    before: str, after: str, said: str
) -> None:
    """Constants, defaults and translations that the field cannot take, and missing columns, refuse the map."""
    with pytest.raises(MapError, match=said):
        a_translator(a_map(FULL_MAP.replace(before, after)), one_row(FULL_ROW))


@given(st.lists(st.text(max_size=60), min_size=6, max_size=6))
def test_any_row_is_an_event_a_reject_or_nothing(cells: list[str]) -> None:
    """Whatever the cells hold, the answer is a value; an event is one that the workers' decoder takes."""
    table = ListTable(list(FULL_ROW), [cells])
    (row,) = table
    result = a_translator(a_map(FULL_MAP.replace("where:", "#")), table).translate(row)
    assert result is not None
    if isinstance(result, Translated):
        assert isinstance(decode(RecordOf(result)), Received)
        assert Outgoing(result.topic, result.key, result.headers, result.value)


def test_hashed_fields_exist() -> None:
    """The fields that are hashed are fields of events that can be imported."""
    from cem.importing.event_fields import IMPORTABLE

    for event, field in HASHED_FIELDS:
        assert field in IMPORTABLE[event].__struct_fields__


def test_the_same_row_gives_the_same_record() -> None:
    """Translating twice, by two translators, gives the same bytes: so a repeat is noticed as one."""
    table = one_row(FULL_ROW)
    (row,) = table
    first: Translator = a_translator(a_map(FULL_MAP), table)
    second = a_translator(a_map(FULL_MAP), table)
    assert first.translate(row) == second.translate(row)
