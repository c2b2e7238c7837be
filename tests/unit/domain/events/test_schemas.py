"""The published schemas say what the classes do."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from cem.domain.events import EVENT_TYPES, TOPIC_OF
from cem.domain.events.registry import ONLY_KEPT
from cem.domain.schemas import INDEX, all_files, index, render, schema_of
from tests.builders.events_in_bounds import events_of
from tests.builders.examples import EXAMPLES, example_of

ROOT = Path(__file__).resolve().parents[4]
FOLDER = ROOT / "schemas"


def validator(event_type: str) -> Draft202012Validator:
    """Return a validator of one type's data, formats included."""
    return Draft202012Validator(schema_of(event_type), format_checker=FormatChecker())


def load_tool() -> Callable[[list[str]], int]:
    """Return the tool that `make schemas` and `make check` run."""
    spec = importlib.util.spec_from_file_location("schemas_tool", ROOT / "scripts" / "schemas.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    main: Callable[[list[str]], int] = module.main
    return main


tool = load_tool()


def test_the_published_files_are_current() -> None:
    """What is in schemas/ is what the classes say: else run `make schemas`."""
    made = {name: render(document) for name, document in all_files().items()}
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")} == made


def test_the_index_names_every_type_its_topic_and_its_file() -> None:
    """Whoever looks for a type begins there."""
    listed = {entry["type"]: entry for entry in index()["types"]}
    assert {name: entry["topic"] for name, entry in listed.items()} == TOPIC_OF
    assert sorted(all_files()) == sorted([INDEX, *(entry["schema"] for entry in listed.values())])


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_each_schema_is_one(event_type: str) -> None:
    """Draft 2020-12, each reference found, each field described."""
    schema = schema_of(event_type)
    Draft202012Validator.check_schema(schema)
    assert [
        name for name, part in schema["properties"].items() if "Used for: " not in part["description"]
    ] == []


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_each_example_fits_class_and_schema(event_type: str) -> None:
    """Written by hand or by us, a plausible event is valid by both."""
    validator(event_type).validate(EXAMPLES[event_type])
    validator(event_type).validate(msgspec.json.decode(msgspec.json.encode(example_of(event_type))))


@pytest.mark.parametrize("event_type", EVENT_TYPES)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_we_write_fits_the_schema(event_type: str, data: st.DataObject) -> None:
    """A consumer that validates never refuses a record of ours."""
    written = msgspec.json.encode(data.draw(events_of(event_type)))
    validator(event_type).validate(json.loads(written))


def test_an_unknown_value_of_an_enumeration_fits_the_schema() -> None:
    """A producer may be newer than the schema, as it may be newer than the reader."""
    validator("sms.rated").validate({"line": "1", "destination": "satellite"})


@pytest.mark.parametrize(
    ("event_type", "data"),
    [
        ("sms.rated", {}),
        ("sms.rated", {"line": "8 4"}),
        ("sms.rated", {"line": "1", "charge_minor": -1}),
        ("sms.rated", {"line": "1", "recipient": "+84901"}),
        ("survey.answered", {}),
        ("service.degraded", {"kind": "data"}),
        ("bill.issued", {"bill_id": "b", "total_minor": 0.5}),
    ],
)
def test_what_we_refuse_the_schema_refuses(event_type: str, data: dict[str, object]) -> None:
    """A producer that validates hears of a mistake before we do."""
    with pytest.raises(ValidationError):
        validator(event_type).validate(data)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(data, EVENT_TYPES[event_type])


def test_the_tool_finds_nothing_to_complain_of(capsys: pytest.CaptureFixture[str]) -> None:
    """`make check` passes on the schemas as they are."""
    assert tool(["--check"]) == 0
    assert capsys.readouterr().err == ""


def test_the_tool_says_what_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A compatible change that was not written asks for `make schemas`, which then mends it."""
    folder = ["--folder", str(tmp_path)]
    assert tool(folder) == 0
    document = json.loads((tmp_path / "sms.rated.json").read_text())
    document["description"] = "Other words."
    (tmp_path / "sms.rated.json").write_text(json.dumps(document))
    (tmp_path / "call.turn.json").unlink()

    assert tool(["--check", *folder]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "schemas/call.turn.json is not what the classes say: run make schemas",
        "schemas/sms.rated.json is not what the classes say: run make schemas",
    ]
    assert tool(folder) == 0
    assert tool(["--check", *folder]) == 0


def test_the_tool_refuses_a_break_until_it_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither checking nor writing lets a break pass; a line that names it does."""
    folder = ["--folder", str(tmp_path)]
    tool(folder)
    document = json.loads((tmp_path / "sms.rated.json").read_text())
    document["properties"]["cell"] = {"type": "string"}
    old = json.dumps(document)
    (tmp_path / "sms.rated.json").write_text(old)

    for arguments in (["--check"], []):
        assert tool([*arguments, *folder]) == 1
        assert capsys.readouterr().err.splitlines()[0] == (
            "sms.rated $.cell: the field is gone - breaks readers and writers of the old"
        )
    assert (tmp_path / "sms.rated.json").read_text() == old

    (tmp_path / "ALLOWED_BREAKS.md").write_text("- `sms.rated` `$.cell`: nobody ever wrote it\n")
    assert tool(folder) == 0
    assert (tmp_path / "sms.rated.json").read_text() == render(schema_of("sms.rated"))


def test_the_tool_does_without_history(capsys: pytest.CaptureFixture[str]) -> None:
    """Where git has no such revision, or is not there, the files alone are compared."""
    assert tool(["--check", "--base", "no-such-revision"]) == 0
    assert capsys.readouterr().err == ""


def test_the_page_says_of_each_type_that_nothing_uses_that_nothing_does() -> None:
    """A type on which no code outside the events acts is one that is only kept, and no other is."""
    events = ROOT / "src" / "cem" / "domain" / "events"
    files = [path for path in (ROOT / "src" / "cem").rglob("*.py") if not path.is_relative_to(events)]
    words = {word for path in files for word in re.findall(r"\w+", path.read_text("utf-8"))}
    assert {name for name, cls in EVENT_TYPES.items() if cls.__name__ not in words} == ONLY_KEPT
