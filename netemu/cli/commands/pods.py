"""kubectl's words that reach into pods: exec and logs."""

from __future__ import annotations

from typing import Annotated

import typer

from netemu.cli.commands.options import Container, Labels
from netemu.cli.target import Target


def exec_(
    context: typer.Context,
    *,
    words: Annotated[list[str], typer.Argument(metavar="POD|KIND/NAME -- COMMAND [ARG...]")],
    stdin: Annotated[bool, typer.Option("-i", "--stdin", help="Pass standard input on.")] = False,
    tty: Annotated[bool, typer.Option("-t", "--tty", help="Give the command a terminal.")] = False,
    container: Container = "",
) -> None:
    """Run a command in a container; its exit status becomes this command's."""
    from netemu.cli.resources import UsageError, parse_one
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.execute import ExecRequest, execute

    pod, *argv = words
    if not argv:
        raise UsageError(
            "you must specify at least one command for the container",
            hint="netemu exec POD -- COMMAND [ARG...]",
        )
    target: Target = context.obj
    request = ExecRequest(
        selection=parse_one([pod]),
        namespace=target.namespace_or_default,
        container=container,
        argv=tuple(argv),
        stdin=stdin,
        tty=tty,
    )
    status = run_with_session(target, lambda session: execute(session, request))
    if status:
        raise typer.Exit(status)


def logs(
    context: typer.Context,
    *,
    word: Annotated[str, typer.Argument(metavar="POD|KIND/NAME")] = "",
    container: Container = "",
    all_containers: Annotated[bool, typer.Option("--all-containers", help="Of every container.")] = False,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Then print what comes.")] = False,
    previous: Annotated[bool, typer.Option("-p", "--previous", help="Of the run before this one.")] = False,
    timestamps: Annotated[bool, typer.Option("--timestamps", help="The time before each line.")] = False,
    prefix: Annotated[bool, typer.Option("--prefix", help="Pod and container before each line.")] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", metavar="LINES", help="The last lines; -1: all.")
    ] = None,
    since: Annotated[str, typer.Option("--since", metavar="DURATION", help="Only newer than: 5s, 2m.")] = "",
    labels: Labels = "",
) -> None:
    """Print what a container wrote to its standard output and error."""
    from netemu.cli.conditions import parse_duration_s
    from netemu.cli.resources import UsageError, parse_one
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.logs import LogsRequest, logs_by_label, logs_of

    if tail is not None and tail < -1:
        raise UsageError("--tail must be greater than or equal to -1")
    target: Target = context.obj
    request = LogsRequest(
        container=container,
        all_containers=all_containers,
        follow=follow,
        previous=previous,
        timestamps=timestamps,
        prefix=prefix,
        tail=tail,
        since_s=parse_duration_s(since) if since else None,
    )
    namespace = target.namespace_or_default
    if bool(word) == bool(labels):
        raise UsageError("expected 'logs POD', 'logs KIND/NAME' or 'logs -l LABELS'")
    if labels:
        run_with_session(target, lambda session: logs_by_label(session, labels, namespace, request))
    else:
        selection = parse_one([word])
        run_with_session(target, lambda session: logs_of(session, selection, namespace, request))
