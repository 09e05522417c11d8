"""What the API says of itself and of its users: version, cluster-info, api-resources, auth."""

from __future__ import annotations

from typing import Annotated

import typer

from netemu.cli.commands.options import AllNamespaces
from netemu.cli.target import Target

Output = Annotated[str, typer.Option("-o", "--output", metavar="FORMAT")]
As = Annotated[str, typer.Option("--as", metavar="USER", help="As who: system:serviceaccount:NS:NAME.")]
AsGroup = Annotated[str, typer.Option("--as-group", metavar="GROUP", help="And of which group.")]

auth_app = typer.Typer(rich_markup_mode=None, help="Ask what someone may do.", no_args_is_help=True)


def version(
    context: typer.Context,
    *,
    output: Output = "",
    client: Annotated[bool, typer.Option("--client", help="Of this program only.")] = False,
) -> None:
    """Print the versions of netemu and of the API."""
    from netemu import __version__

    if client:
        print(f"Client Version: netemu {__version__}")
        return
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.server import show_version

    run_with_session(context.obj, lambda session: show_version(session, output))


def cluster_info(context: typer.Context) -> None:
    """Print where the API and the cluster's own Services are."""
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.server import show_cluster
    from netemu.cluster.places import paths_for

    target: Target = context.obj
    port = paths_for(target.cluster).state / "api-port"
    run_with_session(target, lambda session: show_cluster(session, port))


def api_resources(
    context: typer.Context,
    *,
    output: Output = "",
    namespaced: Annotated[
        bool | None, typer.Option("--namespaced/--no-namespaced", help="Only such that are, or are not.")
    ] = None,
    api_group: Annotated[str | None, typer.Option("--api-group", metavar="GROUP")] = None,
    verbs: Annotated[str, typer.Option("--verbs", metavar="VERB,...")] = "",
    categories: Annotated[str, typer.Option("--categories", metavar="NAME,...")] = "",
    no_headers: Annotated[bool, typer.Option("--no-headers", help="No column headings.")] = False,
) -> None:
    """List the kinds of objects that the API serves."""
    from netemu.cli.resourcelist import Wanted
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.server import show_resources

    wanted = Wanted(
        namespaced,
        api_group,
        frozenset(filter(None, verbs.split(","))),
        frozenset(filter(None, categories.split(","))),
    )
    run_with_session(
        context.obj, lambda session: show_resources(session, wanted, output, headings=not no_headers)
    )


def api_versions(context: typer.Context) -> None:
    """List the groups and versions that the API serves."""
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.server import show_versions

    run_with_session(context.obj, show_versions)


@auth_app.command("can-i")
def can_i(
    context: typer.Context,
    *,
    words: Annotated[list[str] | None, typer.Argument(metavar="VERB KIND[/NAME] [NAME] | VERB /PATH")] = None,
    subresource: Annotated[str, typer.Option("--subresource", metavar="log|exec|...")] = "",
    all_namespaces: AllNamespaces = False,
    list_: Annotated[bool, typer.Option("--list", help="All that may be done.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only as an exit status.")] = False,
    as_: As = "",
    as_group: AsGroup = "",
) -> None:
    """Tell whether something may be done: `auth can-i list pods --as jane`."""
    import contextlib
    import io

    from netemu.cli.resources import UsageError
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs import server

    target: Target = context.obj
    namespace = "" if all_namespaces else target.namespace_or_default
    asked = {"as": as_, "groups": as_group, "subresource": subresource, "namespace": namespace}
    if list_:
        run_with_session(target, lambda session: server.list_permissions(session, namespace, asked))
        return
    if words is None or not 2 <= len(words) <= 3:
        raise UsageError("you must specify two arguments: verb resource or verb resource/resourceName")
    verb, what, name = (*words, "")[:3]
    with contextlib.redirect_stdout(io.StringIO()) if quiet else contextlib.nullcontext():
        allowed = run_with_session(target, lambda session: server.can_i(session, verb, what, name, asked))
    if not allowed:
        raise typer.Exit(1)


@auth_app.command("whoami")
def whoami(context: typer.Context, *, as_: As = "", as_group: AsGroup = "") -> None:
    """Tell whom the API takes you for."""
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs import server

    asked = {"as": as_, "groups": as_group}
    run_with_session(context.obj, lambda session: server.who_am_i(session, asked))
