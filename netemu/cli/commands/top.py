"""``top pod`` and ``top node``."""

from __future__ import annotations

from typing import Annotated

import typer

from netemu.cli.commands.options import AllNamespaces, Fields, Labels
from netemu.cli.target import Target

Name = Annotated[str, typer.Argument(metavar="[NAME]")]
SortBy = Annotated[str, typer.Option("--sort-by", metavar="cpu|memory", help="The greatest first.")]
NoHeaders = Annotated[bool, typer.Option("--no-headers", help="No column headings.")]

top_app = typer.Typer(
    rich_markup_mode=None, help="Show what pods and nodes use right now.", no_args_is_help=True
)


@top_app.command("pod")
def top_pod(
    context: typer.Context,
    *,
    name: Name = "",
    all_namespaces: AllNamespaces = False,
    labels: Labels = "",
    fields: Fields = "",
    containers: Annotated[bool, typer.Option("--containers", help="A line for each container.")] = False,
    sum_: Annotated[bool, typer.Option("--sum", help="All of them added up, last.")] = False,
    sort_by: SortBy = "",
    no_headers: NoHeaders = False,
) -> None:
    """Show processor time and memory of pods; stand-ins are played, and use none of their own."""
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.top import TopRequest, top_pods

    target: Target = context.obj
    request = TopRequest(
        name=name,
        namespace="" if all_namespaces else target.namespace_or_default,
        labels=labels,
        fields=fields,
        containers=containers,
        sort_by=sort_by,
        headings=not no_headers,
        sum=sum_,
    )
    run_with_session(target, lambda session: top_pods(session, request))


@top_app.command("node")
def top_node(
    context: typer.Context,
    *,
    name: Name = "",
    labels: Labels = "",
    sort_by: SortBy = "",
    no_headers: NoHeaders = False,
) -> None:
    """Show processor time and memory of all that runs on nodes."""
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.top import TopRequest, top_nodes

    request = TopRequest(name=name, labels=labels, sort_by=sort_by, headings=not no_headers)
    run_with_session(context.obj, lambda session: top_nodes(session, request))


for word in ("pods", "po"):
    top_app.command(word, hidden=True)(top_pod)
for word in ("nodes", "no"):
    top_app.command(word, hidden=True)(top_node)
