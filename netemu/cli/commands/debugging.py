"""``debug``."""

from __future__ import annotations

from typing import Annotated

import typer

from netemu.cli.commands.options import Container
from netemu.cli.target import Target


def debug(
    context: typer.Context,
    *,
    words: Annotated[list[str], typer.Argument(metavar="POD [-- COMMAND [ARG...]]")],
    image: Annotated[str, typer.Option("--image", help="What to run.")] = "",
    stdin: Annotated[bool, typer.Option("-i", "--stdin", help="Pass standard input on.")] = False,
    tty: Annotated[bool, typer.Option("-t", "--tty", help="Give it a terminal.")] = False,
    attach: Annotated[
        bool | None, typer.Option("--attach/--no-attach", help="Join it; so with -i.", show_default=False)
    ] = None,
    container: Container = "",
    target_name: Annotated[
        str, typer.Option("--target", metavar="CONTAINER", help="Whose processes it sees.")
    ] = "",
    env: Annotated[list[str] | None, typer.Option("--env", metavar="K=V")] = None,
    profile: Annotated[str, typer.Option("--profile", metavar="general")] = "general",
) -> None:
    """Add a container to a running pod: `debug -it web --image busybox --target nginx -- sh`."""
    from netemu.cli.generate import parse_pairs
    from netemu.cli.resources import UsageError, parse_one
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.debugging import DebugRequest
    from netemu.cli.verbs.debugging import debug as debug_pod

    pod, *argv = words
    if not image:
        raise UsageError("--image is required when adding a container to a pod")
    if pod.startswith(("node/", "nodes/")) or profile not in ("general", "legacy"):
        raise UsageError(
            "netemu debugs pods, with the profile general",
            hint="netemu kubectl debug … has the rest; netemu node exec NODE -- COMMAND enters nodes.",
        )
    target: Target = context.obj
    request = DebugRequest(
        selection=parse_one([pod]),
        namespace=target.namespace_or_default,
        image=image,
        name=container,
        target=target_name,
        argv=tuple(argv),
        env=tuple(parse_pairs(env or ()).items()),
        stdin=stdin,
        tty=tty,
        attach=stdin if attach is None else attach,
    )
    status = run_with_session(target, lambda session: debug_pod(session, request))
    if status:
        raise typer.Exit(status)
