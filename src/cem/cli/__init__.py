"""The command `cem`. Each command is a file of its own, imported only when it is used."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import click

from cem.cli.errors import DONE, FAILED, INTERRUPTED, UNREACHABLE, Failure, explain
from cem.cli.version import version_line

__all__ = ["COMMANDS", "cli", "main"]

#: Name to (module of this package that has `command`, one line for the list).
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "up": ("up", "Run the whole service on this machine, with simulated customers."),
    "worker": ("worker", "Fold the stream: one of any number of workers."),
    "api": ("api", "Serve the HTTP API."),
    "learner": ("learner", "Let the models learn from the stream."),
    "simulate": ("simulate", "Simulate a telecom operator's customers."),
    "import": ("import_", "Send the rows of a file as events."),
    "pilot": ("pilot", "Live through an operator's history and report what would have been."),
    "evaluate": ("evaluate", "Say how good a model is on a file."),
    "models": ("models", "Show how good the models are; pin them, take them back."),
    "learn": ("learn", "Let a model learn the rows of a file."),
    "nba": ("nba", "Ask what to do for a customer now, and why."),
    "alerts": ("alerts", "Show what is wrong, newest first."),
    "ledger": ("ledger", "Show what telling of alerts has avoided."),
    "brake": ("brake", "Stop all messages to customers, or let them go on."),
    "webhooks": ("webhooks", "Send alerts to consumers' end points."),
    "segments": ("segments", "Show customers by segment: how many, worth what, how satisfied."),
    "voice": ("voice", "Show why customers get in touch, what fails, how satisfied they are."),
    "state": ("state", "Show what is known of a customer; digest all states."),
    "lag": ("lag", "Show how far readers are behind, in records and seconds."),
    "dead-letters": ("dead_letters", "List, show and resend records that could not be used."),
    "replay": ("replay", "Rebuild the states from the log's journal and compare; replay a decision."),
    "topics": ("topics", "Create, list and check the Kafka topics."),
    "size": ("size", "Say how many workers, partitions, Redis nodes and brokers are needed."),
    "doctor": ("doctor", "Check Kafka, Redis, topics, clock and lag, and say what to do."),
    "help": ("help", "Help on a command or a topic: environment, exit-codes."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for; listing them imports nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands that are there, in the table's order."""
        return [name for name, (module, _) in COMMANDS.items() if _exists(module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, importing its module; None when there is none of that name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None or not _exists(entry[0]):
            return None
        command = importlib.import_module(f"cem.cli.{entry[0]}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` begins with. Raises UsageError naming the nearest one."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"No such command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; where nobody runs the system that it looked for, say so instead of what did not answer."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            failure = explain(error)
            if failure is None or failure.exit_code != UNREACHABLE:
                raise
            from cem.cli.connection import nothing_runs

            instead = nothing_runs(failure, os.environ, ctx.find_object(dict) or {})
            if instead is None:
                raise
            raise instead from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _exists(module: str) -> bool:
    return importlib.util.find_spec(f"cem.cli.{module}") is not None


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(version_line())
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        # Every flag has a CEM_* twin.
        "auto_envvar_prefix": "CEM",
        "show_default": True,
    },
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print name, version and commit.",
)
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where cem up keeps run.json and the embedded store.  [default: .cem]",
)
@click.pass_context
def cli(ctx: click.Context, state_dir: Path | None) -> None:
    """Watch what happens to each customer as it happens, and tell people what to do about it.

    Start with `cem up`; then try `cem alerts`, `cem lag` and `cem doctor` in a second terminal.
    """
    ctx.obj = {} if state_dir is None else {"state_dir": state_dir}


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code. A command's int return value is its exit code."""
    sys.exit(_run(args))


def _run(args: Sequence[str] | None) -> int:
    try:
        result = cli.main(args=args, prog_name="cem", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        return _interrupted()
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        # The reader has had enough (`cem lag | head`); silence Python's own complaint at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Exception as error:
        return _unexpected(error)
    return result if isinstance(result, int) else DONE


def _interrupted() -> int:
    click.echo("cem: interrupted", err=True)
    return INTERRUPTED


def _unexpected(error: Exception) -> int:
    if os.environ.get("CEM_DEBUG"):
        traceback.print_exception(error)
    failure = explain(error)
    if failure is None:
        said = str(error).strip()
        what = type(error).__name__ + (f": {said}" if said else "")
        failure = Failure(f"unexpected {what} (CEM_DEBUG=1 shows where)", FAILED)
    failure.show()
    return failure.exit_code
