"""The command line's frame: listing, version, help topics, exit codes."""

from __future__ import annotations

import errno
import importlib.machinery
import subprocess
import sys
import types
from collections.abc import Callable

import click
import pytest
from aiokafka.errors import KafkaConnectionError
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as RedisAway

import cem
import cem.bootstrap
from cem.cli import COMMANDS, cli, main
from cem.cli.errors import EXIT_CODES, Failure, explain
from cem.settings import Settings, SettingsError


def run(*args: str) -> int:
    """Run the command line and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Put a command called `help` into the command line that does what the test says."""

    def install(body: Callable[[], object]) -> None:
        module = types.ModuleType("cem.cli.help")
        module.__spec__ = importlib.machinery.ModuleSpec(module.__name__, None)
        module.command = click.Command("help", callback=body)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "cem.cli.help", module)

    return install


def test_version_names_name_version_and_commit(capsys: pytest.CaptureFixture[str]) -> None:
    """`cem --version` is enough to say which build one has."""
    assert run("--version") == 0
    words = capsys.readouterr().out.split()
    assert words[:2] == ["cem", cem.__version__]
    assert words[2] == "(commit" and words[3].endswith(")")


def test_every_listed_command_can_be_imported_and_has_help() -> None:
    """What `cem --help` lists is there."""
    context = click.Context(cli, info_name="cem")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        assert command.get_help(click.Context(command, info_name=name, parent=context))


def test_listing_imports_no_command() -> None:
    """`cem --help` answers at once, however heavy the commands are."""
    code = "import sys, cem.cli\ntry: cem.cli.main(['--help'])\nfinally: print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cem.cli.help" not in done.stdout
    assert "faust" not in done.stdout


def test_a_brake_waits_for_nothing_that_it_does_not_use() -> None:
    """What `cem brake on` imports is what it takes to write a record: not the worker, the API, or the decision."""
    code = (
        "import sys, cem.cli.brake\n"
        "assert cem.cli.brake._scope('bill_shock', None) == 'type:bill_shock'\n"
        "from cem.bootstrap import open_parts\n"
        "from cem.bootstrap.objects import set_object\n"
        "print(*sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"faust", "fastapi", "river", "cem.nba", "cem.bootstrap.worker"} & set(done.stdout.split())


def test_all_that_the_wiring_offers_is_there() -> None:
    """Imported when it is asked for, but there; and nothing else is."""
    assert all(getattr(cem.bootstrap, name) is not None for name in cem.bootstrap.__all__)
    with pytest.raises(AttributeError):
        cem.bootstrap.run_nothing  # noqa: B018


def test_help_on_exit_codes_names_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    """The codes are documented where the user is."""
    assert run("help", "exit-codes") == 0
    out = capsys.readouterr().out
    assert all(f"{code} " in out and meaning in out for code, meaning in EXIT_CODES.items())


def test_help_on_environment_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    """No setting is undocumented."""
    assert run("help", "environment") == 0
    out = capsys.readouterr().out
    assert all(f"CEM_{name.upper()}" in out for name in Settings.model_fields)


def test_help_on_a_command_is_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    """`cem help X` and `cem X --help` say the same."""
    assert run("help", "help") == 0
    out = capsys.readouterr().out
    assert out.startswith("Usage: cem help")
    assert run("help", "nonsense") == 2


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of the finger costs one look."""
    assert run("hlep") == 2
    assert "Did you mean 'help'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError("CEM_X: no"), 2),
        (click.UsageError("no"), 2),
        (Failure("no", 4), 4),
        (KafkaConnectionError("no"), 4),
        (AuthenticationError("no"), 4),
        (RedisAway("no"), 4),
        (FileNotFoundError(errno.ENOENT, "No such file", "x.csv"), 1),
        (RuntimeError("odd"), 1),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_every_error_ends_in_one_sentence_and_its_code(
    failing: Callable[[Callable[[], object]], None],
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
) -> None:
    """No stack trace reaches the terminal, and nothing standard output."""

    def body() -> None:
        raise error

    failing(body)
    assert run("help") == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err and printed.err.strip()


def test_a_command_may_return_its_exit_code(failing: Callable[[Callable[[], object]], None]) -> None:
    """Done with rejects is no error: the command says 3."""
    failing(lambda: 3)
    assert run("help") == 3


def test_a_bug_shows_its_place_when_asked(
    failing: Callable[[Callable[[], object]], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CEM_DEBUG=1 is for whoever mends it."""
    monkeypatch.setenv("CEM_DEBUG", "1")

    def body() -> None:
        raise RuntimeError("odd")

    failing(body)
    assert run("help") == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_bug_of_ours_is_not_explained_away() -> None:
    """Only what a user can do something about is put into words."""
    assert explain(ValueError("x")) is None


def test_commands_are_summed_up_in_a_line() -> None:
    """The list stays a list."""
    assert all(len(summary) <= 75 and summary.endswith(".") for _, summary in COMMANDS.values())
