"""The injector of abuse and the population without any: seeded, and as they say they are."""

from __future__ import annotations

import json
from pathlib import Path

from bench.usage.events import DAY_S, Scene, write_scene
from bench.usage.inject import inject, quiet_hour
from bench.usage.population import population
from bench.usage.young import rows_of, young

_REAL = population(3, lines=60, days=56)


def _scene(seed: int, per_tercile: int = 2) -> Scene:
    return inject(_REAL, seed, name="scene", per_tercile=per_tercile, benign=2)


def test_the_same_seed_gives_the_same_scene() -> None:
    """Rows and labels repeat with the seed, and differ with another."""
    assert _scene(1).rows == _scene(1).rows
    assert _scene(1).labels == _scene(1).labels
    assert _scene(1).rows != _scene(2).rows


def test_a_line_has_one_abuse_at_most_and_some_history_before() -> None:
    """Every kind is there, each on a line of its own, at least 13 days after the line's first message."""
    abuse = [label for label in _scene(1).labels if label.label == "abuse"]
    assert {label.kind for label in abuse} == {"rise_sudden", "rise_gradual", "burst", "premium", "night"}
    assert len({label.line for label in abuse}) == len(abuse)
    assert all(label.about["history_days"] >= 13 for label in abuse)


def test_without_abuse_only_what_is_benign_is_injected() -> None:
    """Holiday and exam days are everybody's."""
    labels = _scene(1, per_tercile=0).labels
    assert {label.label for label in labels} == {"benign"}
    assert {label.kind for label in labels if label.line == "*"} == {"holiday", "exam"}


def test_some_messages_are_late_and_rows_are_in_order_of_arrival() -> None:
    """About 3 % arrive up to 6 hours late."""
    rows = _scene(1).rows
    late = [arrival - message.t for arrival, message in rows if arrival > message.t]
    assert 0.02 < len(late) / len(rows) < 0.04
    assert max(late) <= DAY_S / 4
    assert [arrival for arrival, _ in rows] == sorted(arrival for arrival, _ in rows)


def test_nights_move_into_the_quiet_hours() -> None:
    """The messages of a night episode lie in the population's six quietest hours, at least fifteen of them."""
    quiet = quiet_hour(t for t, _, _ in _REAL)
    for label in _scene(1).labels:
        if label.kind == "night":
            inside = [t for t in label.times if (t // 3600 - quiet) % 24 < 6]
            assert len(inside) >= 15
            assert len(inside) > 0.8 * len(label.times)


def test_rises_of_new_lines_begin_in_their_second_to_ninth_day() -> None:
    """About so many messages a day, on five days, on lines of their own; what is told of them is counted once a line."""
    scene = young(_REAL, 1, 100, name="young", lines=6)
    first = {line: min(t for t, sender, _ in _REAL if sender == line) for _, line, _ in _REAL}
    assert len({label.line for label in scene.labels}) == len(scene.labels) == 6
    for label in scene.labels:
        assert 0 < label.start - first[label.line] < 10 * DAY_S
        assert 200 < len(label.times) < 900
        assert label.end - label.start < 6 * DAY_S
    one, other = scene.labels[0], next(line for line in first if all(x.line != line for x in scene.labels))
    told = [
        (one.start + 3 * DAY_S, one.line, "sms_rise", "alert"),
        (one.start + 4 * DAY_S, one.line, "sms_velocity", "alert"),
        (one.start - 1, scene.labels[1].line, "sms_rise", "alert"),
        (first[other] + 5 * DAY_S, other, "sms_rise", "alert"),
        (first[other] + 15 * DAY_S, other, "sms_rise", "alert"),
    ]
    values = [row.value for row in rows_of(100, [(scene, told)])]
    assert values == [round(1 / 6, 3), 4, 1]


def test_a_scene_is_written_for_the_command(tmp_path: Path) -> None:
    """The events have a header, the labels begin with the parameters, which have no label of their own."""
    events, labels = write_scene(_scene(1), tmp_path)
    assert events.read_text().startswith("arrival,event_time,msg_id,line,recipient,charge,dest_class\n")
    first, *others = [json.loads(line) for line in labels.read_text().splitlines()]
    assert "label" not in first
    assert all(row["label"] in ("abuse", "benign") for row in others)
