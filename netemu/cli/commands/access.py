"""``create``'s words for access: accounts, roles, bindings, tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from netemu.cli.commands.options import DryRun, Output
from netemu.cli.commands.workloads import Name, create_app, write_one
from netemu.cli.target import Target

Verbs = Annotated[list[str] | None, typer.Option("--verb", metavar="VERB,...")]
Resources = Annotated[list[str] | None, typer.Option("--resource", metavar="KIND[/SUBRESOURCE],...")]
Names = Annotated[list[str] | None, typer.Option("--resource-name", metavar="NAME,...")]
ClusterRole = Annotated[str, typer.Option("--clusterrole", metavar="NAME")]
Users = Annotated[list[str] | None, typer.Option("--user", metavar="NAME,...")]
Groups = Annotated[list[str] | None, typer.Option("--group", metavar="NAME,...")]
Accounts = Annotated[list[str] | None, typer.Option("--serviceaccount", metavar="NAMESPACE:NAME,...")]


@create_app.command("serviceaccount")
def serviceaccount(context: typer.Context, *, name: Name, dry_run: DryRun = "", output: Output = "") -> None:
    """Create a ServiceAccount."""
    from netemu.api.kinds import SERVICE_ACCOUNT
    from netemu.cli import creation

    obj = creation.service_account(name, _namespace(context))
    write_one(context, SERVICE_ACCOUNT, obj, dry_run, output)


@create_app.command("role")
def role(
    context: typer.Context,
    *,
    name: Name,
    verbs: Verbs = None,
    resources: Resources = None,
    names: Names = None,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create a Role: `create role reader --verb get,list --resource pods`."""
    from netemu.api.kinds import ROLE
    from netemu.cli import creation

    obj = creation.role(
        name, _namespace(context), verbs=_split(verbs), resources=_split(resources), names=_split(names)
    )
    write_one(context, ROLE, obj, dry_run, output)


@create_app.command("clusterrole")
def clusterrole(
    context: typer.Context,
    *,
    name: Name,
    verbs: Verbs = None,
    resources: Resources = None,
    names: Names = None,
    urls: Annotated[list[str] | None, typer.Option("--non-resource-url", metavar="/PATH,...")] = None,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create a ClusterRole."""
    from netemu.api.kinds import CLUSTER_ROLE
    from netemu.cli import creation

    obj = creation.role(
        name,
        "",
        verbs=_split(verbs),
        resources=_split(resources),
        names=_split(names),
        urls=_split(urls),
    )
    write_one(context, CLUSTER_ROLE, obj, dry_run, output)


@create_app.command("rolebinding")
def rolebinding(
    context: typer.Context,
    *,
    name: Name,
    role_name: Annotated[str, typer.Option("--role", metavar="NAME")] = "",
    cluster_role: ClusterRole = "",
    users: Users = None,
    groups: Groups = None,
    accounts: Accounts = None,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create a RoleBinding: `create rolebinding b --role reader --user jane`."""
    from netemu.api.kinds import ROLE_BINDING
    from netemu.cli import creation

    obj = creation.role_binding(
        name,
        _namespace(context),
        role_name=role_name,
        cluster_role=cluster_role,
        users=_split(users),
        groups=_split(groups),
        accounts=_split(accounts),
    )
    write_one(context, ROLE_BINDING, obj, dry_run, output)


@create_app.command("clusterrolebinding")
def clusterrolebinding(
    context: typer.Context,
    *,
    name: Name,
    cluster_role: ClusterRole = "",
    users: Users = None,
    groups: Groups = None,
    accounts: Accounts = None,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create a ClusterRoleBinding."""
    from netemu.api.kinds import CLUSTER_ROLE_BINDING
    from netemu.cli import creation

    obj = creation.role_binding(
        name,
        "",
        cluster_role=cluster_role,
        users=_split(users),
        groups=_split(groups),
        accounts=_split(accounts),
    )
    write_one(context, CLUSTER_ROLE_BINDING, obj, dry_run, output)


@create_app.command("token")
def token(
    context: typer.Context,
    *,
    name: Name,
    audiences: Annotated[list[str] | None, typer.Option("--audience")] = None,
    duration: Annotated[str, typer.Option("--duration", metavar="DURATION", help="10m or more.")] = "",
) -> None:
    """Print a token of a ServiceAccount."""
    from netemu.cli.conditions import parse_duration_s
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.tokens import show_token

    namespace = _namespace(context)
    seconds = round(parse_duration_s(duration)) if duration else None
    wanted = _split(audiences)
    run_with_session(context.obj, lambda session: show_token(session, namespace, name, wanted, seconds))


create_app.command("sa", hidden=True)(serviceaccount)


def _namespace(context: typer.Context) -> str:
    target: Target = context.obj
    return target.namespace_or_default


def _split(words: list[str] | None) -> list[str]:
    return [part for word in words or () for part in word.split(",") if part]
