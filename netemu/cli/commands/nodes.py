"""netemu's own words for the places of a cluster: node, cni, proxy."""

from __future__ import annotations

from typing import Annotated

import typer

node_app = typer.Typer(
    rich_markup_mode=None,
    help="Look at nodes, stop and start them, run programs in them.",
    no_args_is_help=True,
)
cni_app = typer.Typer(rich_markup_mode=None, help="Give the nodes a CNI configuration.", no_args_is_help=True)

proxy_app = typer.Typer(
    rich_markup_mode=None,
    help="Look at what the nodes do for Services; else kubectl's.",
    no_args_is_help=True,
)


@proxy_app.callback()
def proxy() -> None:
    """Look at what the nodes do for Services (`proxy rules`); kubectl does the rest of `proxy`."""


@proxy_app.command("rules")
def proxy_rules(
    context: typer.Context,
    *,
    service: Annotated[str, typer.Argument(metavar="SERVICE")],
    node: Annotated[str, typer.Option("--node", help="On which node. [default: the first]")] = "",
    output: Annotated[str, typer.Option("-o", "--output", metavar="json", help="For programs.")] = "",
) -> None:
    """Show a Service's rules and elements on a node, each with what it does."""
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.proxyrules import show_rules

    run_with_session(context.obj, lambda session: show_rules(session, context.obj, service, node, output))


@node_app.command("ls")
def node_ls(
    context: typer.Context,
    *,
    output: Annotated[str, typer.Option("-o", "--output", metavar="json", help="For programs.")] = "",
) -> None:
    """List the nodes, and the other places of the cluster's network."""
    from netemu.cli.verbs.clusters import list_nodes

    list_nodes(context.obj.cluster, output)


@node_app.command("exec")
def node_exec(
    context: typer.Context,
    *,
    words: Annotated[list[str], typer.Argument(metavar="NODE|outside|fabric -- COMMAND [ARG...]")],
) -> None:
    """Run a program in a node's network, mount and uts namespaces."""
    from netemu.cli.resources import UsageError
    from netemu.cli.verbs.clusters import exec_in_place

    place, *argv = words
    if not argv:
        raise UsageError("a command is missing", hint="netemu node exec NODE -- COMMAND [ARG...]")
    exec_in_place(context.obj.cluster, place, argv)


@node_app.command("router")
def node_router(
    context: typer.Context,
    *,
    words: Annotated[list[str] | None, typer.Argument(metavar="[NODE|outside] [-- COMMAND...]")] = None,
) -> None:
    """Ask a place's BGP router, as vtysh does; ``outside -- show bgp summary`` if nothing is said."""
    from netemu.cli.verbs.clusters import ask_router

    place, *command = words or ["outside"]
    ask_router(context.obj.cluster, place, " ".join(command) or "show bgp summary")


@node_app.command("stop")
def node_stop(context: typer.Context, *, node: Annotated[str, typer.Argument(metavar="NODE")]) -> None:
    """Cut a node off as if its power failed; it stays so, also after ``up``, until it is started."""
    from netemu.cli.verbs.clusters import stop_node

    stop_node(context.obj.cluster, node)


@node_app.command("start")
def node_start(context: typer.Context, *, node: Annotated[str, typer.Argument(metavar="NODE")]) -> None:
    """Bring a stopped node back, with the addresses that it had."""
    from netemu.cli.verbs.clusters import start_node

    start_node(context.obj.cluster, node)


@cni_app.callback()
def cni() -> None:
    """Give the nodes a CNI configuration."""


@cni_app.command("install")
def cni_install(
    context: typer.Context,
    *,
    file: Annotated[str, typer.Argument(metavar="[FILE]")] = "",
) -> None:
    """Write a CNI configuration list into every node's /etc/cni/net.d; netemu's own by default."""
    from netemu.cli.verbs.clusters import install_cni

    install_cni(context.obj.cluster, file)
