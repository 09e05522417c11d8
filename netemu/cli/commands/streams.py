"""kubectl's words that join this machine's files, ports and terminal to pods."""

from __future__ import annotations

from typing import Annotated

import typer

from netemu.cli.commands.options import Container
from netemu.cli.target import Target


def attach(
    context: typer.Context,
    *,
    word: Annotated[str, typer.Argument(metavar="POD|KIND/NAME")],
    stdin: Annotated[bool, typer.Option("-i", "--stdin", help="Pass standard input on.")] = False,
    tty: Annotated[bool, typer.Option("-t", "--tty", help="Its terminal is this one.")] = False,
    container: Container = "",
) -> None:
    """Watch a container that runs, and speak to it."""
    from netemu.cli.resources import parse_one
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.attaching import AttachRequest, attach_to

    target: Target = context.obj
    request = AttachRequest(
        selection=parse_one([word]),
        namespace=target.namespace_or_default,
        container=container,
        stdin=stdin,
        tty=tty,
    )
    status = run_with_session(target, lambda session: attach_to(session, request))
    if status:
        raise typer.Exit(status)


def port_forward(
    context: typer.Context,
    *,
    word: Annotated[str, typer.Argument(metavar="POD|KIND/NAME")],
    ports: Annotated[list[str], typer.Argument(metavar="[LOCAL:]REMOTE...")],
    address: Annotated[str, typer.Option("--address", help="Where to listen.")] = "127.0.0.1",
) -> None:
    """Let local ports lead into a pod, until Ctrl-C."""
    from netemu.cli.ports import parse_forwards
    from netemu.cli.resources import parse_one
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.forwarding import forward_ports

    target: Target = context.obj
    selection, forwards = parse_one([word]), parse_forwards(ports)
    run_with_session(
        target,
        lambda session: forward_ports(session, selection, target.namespace_or_default, forwards, address),
    )


def cp(
    context: typer.Context,
    *,
    source: Annotated[str, typer.Argument(metavar="SOURCE")],
    destination: Annotated[str, typer.Argument(metavar="DESTINATION")],
    container: Container = "",
) -> None:
    """Copy files and directories: `cp FILE [NAMESPACE/]POD:PATH`, or the other way."""
    from netemu.cli.files import parse_copy
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.copying import copy_files

    target: Target = context.obj
    request = parse_copy(source, destination, target.namespace_or_default, container)
    run_with_session(target, lambda session: copy_files(session, request))
