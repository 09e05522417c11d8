"""``events``."""

from __future__ import annotations

from typing import Annotated

import typer

from netemu.cli.commands.options import AllNamespaces
from netemu.cli.target import Target


def events(
    context: typer.Context,
    *,
    about: Annotated[str, typer.Option("--for", metavar="KIND/NAME", help="About one object.")] = "",
    types: Annotated[str, typer.Option("--types", metavar="Normal,Warning")] = "",
    all_namespaces: AllNamespaces = False,
    watch: Annotated[
        bool, typer.Option("-w", "--watch/--no-watch", help="Then what comes.", show_default=False)
    ] = False,
    no_headers: Annotated[bool, typer.Option("--no-headers", help="No column headings.")] = False,
) -> None:
    """Show what happened, the latest last."""
    from netemu.cli.discovered import custom_kinds
    from netemu.cli.resources import parse_selections
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.events import EventsRequest, show_events

    target: Target = context.obj
    request = EventsRequest(
        namespace="" if all_namespaces else target.namespace_or_default,
        about=parse_selections([about], more=custom_kinds(target))[0] if about else None,
        types=tuple(filter(None, types.lower().split(","))),
        watch=watch,
        headings=not no_headers,
    )
    run_with_session(target, lambda session: show_events(session, request))
