"""`cem webhooks recover` refuses a time in which nothing can have been said."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from cem.cli import cli
from cem.cli.errors import USAGE


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        (["--since", "2999-01-01T00:00:00Z"], "is still to come"),
        (["--since", "2026-03-02T00:00:00Z", "--until", "2026-03-01T00:00:00Z"], "is not after"),
        (["--until", "2026-03-01T00:00:00Z"], "needs --since"),
    ],
)
def test_no_such_time(times: list[str], sentence: str) -> None:
    """Before anything is promised, or asked of a server."""
    done = CliRunner().invoke(cli, ["webhooks", "recover", "crm", *times])
    assert sentence in done.output
    assert done.exit_code == USAGE
