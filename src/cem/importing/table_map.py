"""The map of a labelled table: which column is the label, which are features. Pure: text in, `TableMap` or error out."""

from __future__ import annotations

from typing import Final

import msgspec

from cem.importing.document import MapError, Node, nearest, read_document
from cem.importing.event_map import Condition, parse_condition, parse_csv
from cem.importing.table import CsvOptions
from cem.importing.times import TimeSpec, parse_time_spec
from cem.importing.values import TEXT_OPTIONS, ValueSpec, parse_value

__all__ = ["FeatureColumns", "TableMap", "chosen_columns", "read_table_map"]

_BASIC: Final = ("label", "features", "time", "holdout", "where", "csv")
#: What an offer is beside its features; for propensity.
_OFFER: Final = ("action", "channel", "group", "probability")


class FeatureColumns(msgspec.Struct, frozen=True):
    """Which columns are features: those named, or all but those named."""

    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    place: str = ""


class TableMap(msgspec.Struct, frozen=True):
    """A map that is right in itself; whether the file has its columns is found out with the file."""

    label: ValueSpec
    #: Texts of the label that mean yes; None: the label is a number on `scale`.
    positive: tuple[str, ...] | None = None
    scale: tuple[float, float] | None = None
    features: FeatureColumns = FeatureColumns()
    #: "text", "action", "channel", "group", "probability" to where it stands.
    extras: dict[str, ValueSpec] = {}
    time: TimeSpec | None = None
    #: Rows that are never learnt.
    holdout: Condition | None = None
    #: Rows that count at all.
    where: Condition | None = None
    csv: CsvOptions = CsvOptions()


def read_table_map(document: str, name: str, *, model: str) -> TableMap:
    """Return the map for `model` ("churn", "propensity", "satisfaction"); `name` stands for the file. Raises MapError.

    Without `features`, a satisfaction map that has a `text` has no features beside it.
    """
    root = read_document(document, name)
    extras = {"propensity": _OFFER, "satisfaction": ("text", "channel", "language")}.get(model, ())
    entries = root.mapping((*_BASIC, *extras), called="entry")
    label = root.required("label")
    positive: tuple[str, ...] | None = None
    scale: tuple[float, float] | None = None
    if model == "satisfaction":
        scale = _scale(label.mapping((*TEXT_OPTIONS, "scale")).get("scale"))
    else:
        positive = _positive(label)
    plain = {key: each for key, each in label.mapping().items() if key not in ("scale", "positive")}
    features = _features(entries["features"]) if "features" in entries else FeatureColumns()
    if "features" not in entries and "text" in entries:
        features = FeatureColumns(include=())
    return TableMap(
        label=parse_value(Node(dict(plain), label.place, label.path), options=TEXT_OPTIONS),
        positive=positive,
        scale=scale,
        features=features,
        extras={key: parse_value(entries[key], options=TEXT_OPTIONS) for key in extras if key in entries},
        time=parse_time_spec(entries["time"]) if "time" in entries else None,
        holdout=parse_condition(entries["holdout"]) if "holdout" in entries else None,
        where=parse_condition(entries["where"]) if "where" in entries else None,
        csv=parse_csv(entries["csv"]) if "csv" in entries else CsvOptions(),
    )


def chosen_columns(rule: TableMap, columns: tuple[str, ...], file: str) -> list[tuple[str, int]]:
    """Return name and position of each column that is a feature. Raises MapError for a name that the file lacks."""
    chosen = rule.features
    for name in (*(chosen.include or ()), *chosen.exclude):
        if name not in columns:
            raise MapError(
                f"{chosen.place}: features: {file} has no column {name!r}.{nearest(name, columns)}"
            )
    if chosen.include is not None:
        return [(name, columns.index(name)) for name in dict.fromkeys(chosen.include)]
    used = {*rule.label.columns, *chosen.exclude}
    used.update(*(spec.columns for spec in rule.extras.values()))
    used.update(rule.time.columns if rule.time is not None else ())
    used.update((rule.holdout.column,) if rule.holdout is not None else ())
    return [(name, at) for at, name in enumerate(columns) if name not in used]


def _features(node: Node) -> FeatureColumns:
    entries = node.mapping(("include", "exclude"))
    if len(entries) != 1:
        raise node.error("takes 'include' or 'exclude', with a list of columns")
    if "include" in entries:
        return FeatureColumns(include=entries["include"].texts(), place=node.place)
    return FeatureColumns(exclude=entries["exclude"].texts(), place=node.place)


def _positive(label: Node) -> tuple[str, ...]:
    entries = label.mapping((*TEXT_OPTIONS, "positive"))
    if "positive" not in entries:
        raise label.error('lacks \'positive\': the texts that mean yes, such as positive: ["1", "Yes"]')
    return entries["positive"].texts()


def _scale(node: Node | None) -> tuple[float, float]:
    if node is None:
        return (1.0, 5.0)
    if not isinstance(node.value, list) or len(node.value) != 2:
        raise node.error("takes the lowest and the highest answer, such as [1, 5]")
    low, high = (each.integer(-1000, 1000) for each in node.value)
    if low >= high:
        raise node.error("the lowest answer comes first")
    return float(low), float(high)
