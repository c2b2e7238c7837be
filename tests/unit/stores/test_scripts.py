"""The Lua scripts as the package ships them."""

from __future__ import annotations

import hashlib

from cem.stores.scripts import SAVE_IF_CURRENT, Script


def test_scripts_are_in_the_package() -> None:
    """The script is found beside its module, and named as Redis names it."""
    assert b"unpack" in SAVE_IF_CURRENT.text
    assert SAVE_IF_CURRENT.sha1.decode() == hashlib.sha1(SAVE_IF_CURRENT.text).hexdigest()
    assert Script.packaged("save_if_current") == SAVE_IF_CURRENT


def test_nothing_that_could_fail_follows_the_first_write() -> None:
    """Every check and every early answer stands before the first write, which is one that Redis may refuse."""
    code = [line for line in SAVE_IF_CURRENT.text.decode().splitlines() if not line.lstrip().startswith("--")]
    writes = [
        i
        for i, line in enumerate(code)
        if any(f'call("{c}"' in line for c in ("HSET", "SET", "MSET", "DEL", "SADD", "SREM", "ZADD", "ZREM"))
    ]
    assert 'call("HSET"' in code[writes[0]]
    after = "\n".join(code[writes[0] :])
    assert "broken(" not in after
    assert after.count("return") == 1
