"""The ``netemu`` program: its words, and how every error ends.

Exit status: the command's own; 1 an error, 2 options that do not exist or fit, 130 Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from netemu.cli.target import CLUSTER_VARIABLE, DEFAULT_CLUSTER, Target, hoist_globals
from netemu.cli.words import OF_KUBECTL, PLACES, SECTIONS, command_words, is_of_kubectl, kubectl_arguments
from netemu.errors import NetemuError

EPILOG = (
    "-n and --cluster may stand anywhere before `--`, as for kubectl."
    f" kubectl itself does {', '.join(OF_KUBECTL)}, where it is installed."
)


class Sections(TyperGroup):
    """Lists the words part by part."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the words that are there, each with the first sentence of its help."""
        for section in SECTIONS:
            rows = [
                (word, command.get_short_help_str(limit=100))
                for word in section.words
                if (command := self.get_command(ctx, word)) is not None
            ]
            if rows:
                with formatter.section(section.title):
                    formatter.write_dl(rows)


def program(words: Iterable[str]) -> typer.Typer:
    """Make the program with some of its words."""
    app = typer.Typer(
        name="netemu",
        cls=Sections,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        add_completion=False,
        callback=netemu,
        epilog=EPILOG,
    )
    for word in words:
        module, _, name = PLACES[word].partition(":")
        command = getattr(import_module(f"netemu.cli.commands.{module}"), name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=word)
        else:
            app.command(word)(command)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, this process's own by default."""
    try:
        _run(sys.argv[1:] if arguments is None else arguments)
    except NetemuError as err:
        from netemu.cli.failures import render_failure

        print(render_failure(err), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone, as in `netemu get pods | head -1`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def _run(arguments: Sequence[str]) -> None:
    hoisted = hoist_globals(arguments)
    word, next_word = command_words(hoisted)
    if is_of_kubectl(word, next_word, arguments):
        from netemu.cli.verbs.passing import run_kubectl

        cluster, words = kubectl_arguments(arguments)
        run_kubectl(cluster or os.environ.get(CLUSTER_VARIABLE, "") or DEFAULT_CLUSTER, words)
    program(_needed(word, hoisted))(hoisted, prog_name="netemu")


def _needed(word: str, hoisted: Sequence[str]) -> Iterable[str]:
    """Name the one command that a line is about; all, for the help, or to say which was meant."""
    if word in PLACES:
        return [word]
    return () if "--version" in hoisted else PLACES


def _print_version(wanted: bool) -> None:
    if wanted:
        from netemu import __version__

        print(f"netemu {__version__}")
        raise typer.Exit


def netemu(
    context: typer.Context,
    namespace: Annotated[
        str, typer.Option("-n", "--namespace", help="The namespace of objects. [default: default]")
    ] = "",
    cluster: Annotated[
        str,
        typer.Option("--cluster", "--name", envvar=CLUSTER_VARIABLE, help="Which cluster. [default: netemu]"),
    ] = "",
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Kubernetes networking on real Linux, on one machine."""
    context.obj = Target(cluster=cluster or DEFAULT_CLUSTER, namespace=namespace, cluster_given=bool(cluster))
