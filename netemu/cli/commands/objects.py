"""kubectl's words for any kind of object: get, describe, apply, delete, wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from netemu.cli.commands.options import (
    AllNamespaces,
    DryRun,
    Fields,
    Files,
    IgnoreNotFound,
    Labels,
    Output,
    Recursive,
    Timeout,
    Words,
)
from netemu.cli.target import Target

if TYPE_CHECKING:
    from netemu.cli.resources import Scope, Selection


def get(
    context: typer.Context,
    *,
    words: Words = None,
    files: Files = None,
    recursive: Recursive = False,
    output: Output = "",
    all_namespaces: AllNamespaces = False,
    labels: Labels = "",
    fields: Fields = "",
    watch: Annotated[
        bool, typer.Option("-w", "--watch/--no-watch", help="Then show every change.", show_default=False)
    ] = False,
    watch_only: Annotated[bool, typer.Option("--watch-only", help="Only show changes.")] = False,
    show_labels: Annotated[bool, typer.Option("--show-labels", help="Labels as the last column.")] = False,
    label_columns: Annotated[
        list[str] | None, typer.Option("-L", "--label-columns", metavar="LABEL", help="A label as a column.")
    ] = None,
    no_headers: Annotated[bool, typer.Option("--no-headers", help="No column headings.")] = False,
    ignore_not_found: IgnoreNotFound = False,
    show_managed_fields: Annotated[
        bool, typer.Option("--show-managed-fields", help="Who set which field, with -o yaml or json.")
    ] = False,
    sort_by: Annotated[
        str, typer.Option("--sort-by", metavar="PATH", help="In this order: .metadata.creationTimestamp.")
    ] = "",
    raw: Annotated[str, typer.Option("--raw", metavar="PATH", help="Print what the API has there.")] = "",
) -> None:
    """Show objects: `get pods`, `get deploy,svc -A`, `get pod/web -o yaml`."""
    from netemu.cli.output import CUSTOM_COLUMNS, check_format
    from netemu.cli.session import run_with_session
    from netemu.cli.tables import TableOptions
    from netemu.cli.verbs.get import GetRequest, show_raw
    from netemu.cli.verbs.get import get as get_objects

    if raw:
        run_with_session(context.obj, lambda session: show_raw(session, raw))
        return
    output = output.removeprefix("=")  # -o=name is -o name
    if not output.startswith(CUSTOM_COLUMNS):
        check_format(output)
    target: Target = context.obj
    request = GetRequest(
        selections=selections_of(target, words, files, recursive=recursive),
        scope=scope_of(target, all_namespaces=all_namespaces, labels=labels, fields=fields),
        output=output,
        watch=watch or watch_only,
        watch_only=watch_only,
        ignore_not_found=ignore_not_found,
        show_managed_fields=show_managed_fields,
        sort_by=sort_by,
        table=TableOptions(
            wide=output == "wide",
            namespace=all_namespaces,
            show_labels=show_labels,
            label_columns=tuple(label for word in label_columns or () for label in word.split(",")),
            headings=not no_headers,
        ),
    )
    if not run_with_session(target, lambda session: get_objects(session, request)):
        raise typer.Exit(1)


def describe(
    context: typer.Context,
    *,
    words: Words = None,
    files: Files = None,
    recursive: Recursive = False,
    all_namespaces: AllNamespaces = False,
    labels: Labels = "",
) -> None:
    """Show everything about objects, and their events."""
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.describe import describe as describe_objects

    target: Target = context.obj
    selections = selections_of(target, words, files, recursive=recursive)
    scope = scope_of(target, all_namespaces=all_namespaces, labels=labels)
    run_with_session(target, lambda session: describe_objects(session, selections, scope))


def apply(
    context: typer.Context,
    *,
    files: Files = None,
    recursive: Recursive = False,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Create the objects that files describe, or change them to be so.

    A mistake in any document (its YAML, an unknown kind or field) changes nothing at all.
    """
    from netemu.cli.discovered import custom_kinds
    from netemu.cli.manifests import read_documents
    from netemu.cli.output import check_format
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.apply import WriteOptions
    from netemu.cli.verbs.apply import apply as apply_documents

    check_format(output)
    target: Target = context.obj
    documents = read_documents(files or (), target, recursive=recursive, more=custom_kinds(target))
    options = WriteOptions(dry_run=dry_run, output=output)
    if not run_with_session(target, lambda session: apply_documents(session, documents, options)):
        raise typer.Exit(1)


def delete(
    context: typer.Context,
    *,
    words: Words = None,
    files: Files = None,
    recursive: Recursive = False,
    labels: Labels = "",
    fields: Fields = "",
    everything: Annotated[bool, typer.Option("--all", help="All objects of the kind.")] = False,
    all_namespaces: AllNamespaces = False,
    grace_period: Annotated[
        int, typer.Option("--grace-period", metavar="SECONDS", help="Time to end; -1: the object's own.")
    ] = -1,
    force: Annotated[bool, typer.Option("--force", help="Do not wait for the objects to end.")] = False,
    now: Annotated[bool, typer.Option("--now", help="The same as --grace-period=1.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Return when the objects are gone.")] = True,
    timeout: Timeout = "0",
    ignore_not_found: IgnoreNotFound = False,
    output: Output = "",
) -> None:
    """Delete objects by file, by name, by label or all of a kind."""
    from netemu.cli.conditions import parse_duration_s
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.delete import DeleteOptions
    from netemu.cli.verbs.delete import delete as delete_objects

    target: Target = context.obj
    selections = selections_of(target, words, files, recursive=recursive)
    scope = scope_of(target, all_namespaces=all_namespaces, labels=labels, fields=fields)
    options = DeleteOptions(
        everything=everything,
        grace_period_s=_grace_period_s(grace_period, force=force, now=now),
        force=force,
        wait=wait and not force,
        timeout_s=parse_duration_s(timeout) or None,
        ignore_not_found=ignore_not_found or everything or bool(labels),
        output=output,
    )
    if not run_with_session(target, lambda session: delete_objects(session, selections, scope, options)):
        raise typer.Exit(1)


def wait(
    context: typer.Context,
    *,
    words: Words = None,
    files: Files = None,
    recursive: Recursive = False,
    awaited: Annotated[
        str, typer.Option("--for", metavar="WHAT", help="condition=X[=V], jsonpath='{…}'=V, create, delete")
    ] = "",
    timeout: Timeout = "30s",
    labels: Labels = "",
    everything: Annotated[bool, typer.Option("--all", help="All objects of the kind.")] = False,
    all_namespaces: AllNamespaces = False,
) -> None:
    """Wait until objects have a condition or a value, or are gone."""
    from netemu.cli.conditions import parse_awaited, parse_duration_s
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.wait import wait as wait_for

    target: Target = context.obj
    selections = selections_of(target, words, files, recursive=recursive)
    scope = scope_of(target, all_namespaces=all_namespaces, labels=labels)
    what, timeout_s = parse_awaited(awaited), parse_duration_s(timeout)
    run_with_session(
        target,
        lambda session: wait_for(session, selections, scope, what, timeout_s, everything=everything),
    )


def selections_of(
    target: Target, words: Sequence[str] | None, files: Sequence[str] | None, *, recursive: bool
) -> tuple[Selection, ...]:
    """Read which objects a command means: those of files, or those its words name."""
    from netemu.cli.discovered import custom_kinds
    from netemu.cli.resources import Selection, parse_selections

    if not files:
        return parse_selections(words or (), more=custom_kinds(target))
    from netemu.cli.manifests import read_documents

    return tuple(
        Selection(kind=document.kind, names=(document.name,), namespace=document.namespace)
        for document in read_documents(files, target, recursive=recursive, more=custom_kinds(target))
    )


def scope_of(target: Target, *, all_namespaces: bool, labels: str = "", fields: str = "") -> Scope:
    """Read where a command looks."""
    from netemu.cli.resources import Scope

    return Scope(
        namespace="" if all_namespaces else target.namespace_or_default,
        label_selector=labels,
        field_selector=fields,
    )


def _grace_period_s(grace_period_s: int, *, force: bool, now: bool) -> int | None:
    if now:
        return 1
    if grace_period_s < 0:
        return 0 if force else None
    return grace_period_s
