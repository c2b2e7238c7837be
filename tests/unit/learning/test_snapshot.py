"""A model's bytes: data, checked, the same for the same model."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from cem.learning.snapshot import Snapshot, SnapshotError, digest, read_snapshot, write_snapshot


def a_snapshot(**changes: object) -> Snapshot:
    fields: dict[str, object] = {
        "model": "sentiment",
        "recipe": "hashed",
        "layout": 1,
        "version": 41,
        "state": {"counts": {"": [1, 2, 3]}, "scale": 0.5},
        "arrays": {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "ids": np.array([3, 1], np.uint32)},
    }
    return Snapshot(**(fields | changes))  # type: ignore[arg-type]


def read(data: bytes) -> Snapshot:
    return read_snapshot(data, model="sentiment", layouts=(1,))


def resealed(data: bytes) -> bytes:
    return data[:-4] + zlib.crc32(data[:-4]).to_bytes(4, "little")


def test_what_was_written_is_read() -> None:
    """State and arrays come back with their types, shapes and order; the arrays can be learnt into."""
    found = read(write_snapshot(a_snapshot()))
    assert found.version == 41
    assert found.state == {"counts": {"": [1, 2, 3]}, "scale": 0.5}
    assert list(found.arrays) == ["w", "ids"]
    assert found.arrays["w"].dtype == np.float32
    assert found.arrays["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    found.arrays["w"][0, 0] = 7.0


def test_equal_models_give_equal_bytes() -> None:
    """Bytes depend on the values alone: neither on the byte order of an array nor on how it lies in memory."""
    turned = np.asfortranarray(np.arange(6, dtype=">f4").reshape(2, 3))
    other = a_snapshot(arrays={"w": turned, "ids": np.array([3, 1], np.uint32)})
    assert digest(write_snapshot(other)) == digest(write_snapshot(a_snapshot()))
    assert digest(write_snapshot(a_snapshot(version=42))) != digest(write_snapshot(a_snapshot()))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_model_with_what_is_no_number_is_not_written(value: float) -> None:
    """NaN and infinity stop at the snapshot, in arrays and in the state."""
    with pytest.raises(SnapshotError, match="no finite number"):
        write_snapshot(a_snapshot(arrays={"w": np.array([1.0, value])}))
    with pytest.raises(SnapshotError, match=r"state\.a\[1\]"):
        write_snapshot(a_snapshot(state={"a": [0.0, value]}))


def test_damage_is_found() -> None:
    """Any changed or missing byte is found out before anything is used."""
    data = write_snapshot(a_snapshot())
    for at in (12, len(data) // 2, len(data) - 1):
        damaged = bytearray(data)
        damaged[at] ^= 1
        with pytest.raises(SnapshotError, match="damaged"):
            read(bytes(damaged))
    for end in (0, 3, 9, 20, len(data) - 1):
        with pytest.raises(SnapshotError):
            read(data[:end])


def test_another_format_layout_or_model_is_refused_with_a_sentence() -> None:
    """Whoever gets the wrong snapshot is told what it is."""
    data = write_snapshot(a_snapshot())
    with pytest.raises(SnapshotError, match=r"newer version of cem: format 2, not 1"):
        read(data[:4] + b"\x02\x00" + data[6:])
    with pytest.raises(SnapshotError, match="too old: format 0"):
        read(data[:4] + b"\x00\x00" + data[6:])
    with pytest.raises(SnapshotError, match="has layout 1; this version of cem reads 2"):
        read_snapshot(data, model="sentiment", layouts=(2,))
    with pytest.raises(SnapshotError, match="a snapshot of 'sentiment', not of 'churn'"):
        read_snapshot(data, model="churn", layouts=(1,))
    with pytest.raises(SnapshotError, match=f"by the recipe '{a_snapshot().recipe}', not 'another'"):
        read_snapshot(data, model="sentiment", layouts=(1,), recipe="another")
    with pytest.raises(SnapshotError, match="no snapshot of a model"):
        read(b"PK\x03\x04 and so on")


def test_a_header_that_lies_about_its_arrays_is_refused() -> None:
    """Shapes larger than the data, and types that are not kept, are refused though the checksum fits."""
    data = write_snapshot(a_snapshot())
    with pytest.raises(SnapshotError, match="type or shape"):
        read(resealed(data.replace(b"<f4", b"|O4")))
    shape = data.index(b"<f4") + 4
    assert data[shape] == 2  # rows of the first array
    with pytest.raises(SnapshotError, match="cut off"):
        read(resealed(data[:shape] + b"\x7f" + data[shape + 1 :]))
    with pytest.raises(SnapshotError, match="longer than its header"):
        read(resealed(data[:shape] + b"\x01" + data[shape + 1 :]))
    with pytest.raises(SnapshotError, match="which is not kept"):
        write_snapshot(a_snapshot(arrays={"w": np.array(["text"])}))
