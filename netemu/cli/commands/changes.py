"""kubectl's words that change objects: label, annotate, patch, replace, set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from netemu.cli.commands.objects import scope_of, selections_of
from netemu.cli.commands.options import DryRun, Files, Labels, Output, Recursive, Words
from netemu.cli.target import Target

if TYPE_CHECKING:
    from netemu.cli.marks import Field

Marked = Annotated[
    list[str] | None, typer.Argument(metavar="KIND NAME... | KIND/NAME... KEY=VALUE... | KEY-...")
]
Everything = Annotated[bool, typer.Option("--all", help="All objects of the kind.")]
AllNamespaces = Annotated[bool, typer.Option("-A", "--all-namespaces", help="In every namespace.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Also change values that are there.")]
Listed = Annotated[bool, typer.Option("--list", help="Print them.")]

set_app = typer.Typer(rich_markup_mode=None, help="Change a part of workloads.", no_args_is_help=True)


def label(
    context: typer.Context,
    *,
    words: Marked = None,
    files: Files = None,
    recursive: Recursive = False,
    labels: Labels = "",
    everything: Everything = False,
    all_namespaces: AllNamespaces = False,
    overwrite: Overwrite = False,
    listed: Listed = False,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Set or remove labels: `label pod web tier=front old-`."""
    scope = {"labels": labels, "all_namespaces": all_namespaces}
    how = {"overwrite": overwrite, "everything": everything, "listed": listed}
    _mark(context.obj, "labels", (words, files, recursive), scope, how, (dry_run, output))


def annotate(
    context: typer.Context,
    *,
    words: Marked = None,
    files: Files = None,
    recursive: Recursive = False,
    labels: Labels = "",
    everything: Everything = False,
    all_namespaces: AllNamespaces = False,
    overwrite: Overwrite = False,
    listed: Listed = False,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Set or remove annotations: `annotate service web example.com/owner=me`."""
    scope = {"labels": labels, "all_namespaces": all_namespaces}
    how = {"overwrite": overwrite, "everything": everything, "listed": listed}
    _mark(context.obj, "annotations", (words, files, recursive), scope, how, (dry_run, output))


def patch(
    context: typer.Context,
    *,
    words: Words = None,
    files: Files = None,
    recursive: Recursive = False,
    text: Annotated[str, typer.Option("-p", "--patch", help="The patch, in JSON or YAML.")] = "",
    patch_file: Annotated[str, typer.Option("--patch-file", metavar="FILE", help="A file with it.")] = "",
    type_: Annotated[str, typer.Option("--type", metavar="strategic|merge|json")] = "strategic",
    subresource: Annotated[str, typer.Option("--subresource", metavar="status|scale|resize")] = "",
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Change parts of objects: `patch deploy web -p '{"spec": {"replicas": 3}}'`."""
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.apply import write_options
    from netemu.cli.verbs.patching import patch as patch_objects
    from netemu.cli.verbs.patching import read_patch

    target: Target = context.obj
    selections = selections_of(target, words, files, recursive=recursive)
    scope, write = scope_of(target, all_namespaces=False), write_options(dry_run, output)
    change = read_patch(text, patch_file)
    run_with_session(
        target,
        lambda session: patch_objects(session, selections, scope, change, type_, subresource, write),
    )


def replace(
    context: typer.Context,
    *,
    files: Files = None,
    recursive: Recursive = False,
    force: Annotated[bool, typer.Option("--force", help="Delete what is there, and create anew.")] = False,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Put what files say in the place of what is there."""
    from netemu.cli.discovered import custom_kinds
    from netemu.cli.manifests import read_documents
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.apply import write_options
    from netemu.cli.verbs.patching import replace as replace_objects

    target: Target = context.obj
    documents = read_documents(files or (), target, recursive=recursive, more=custom_kinds(target))
    write = write_options(dry_run, output)
    if not run_with_session(target, lambda session: replace_objects(session, documents, write, force=force)):
        raise typer.Exit(1)


@set_app.callback()
def set_() -> None:
    """Change a part of workloads."""


@set_app.command("image")
def set_image(
    context: typer.Context,
    *,
    words: Annotated[list[str], typer.Argument(metavar="KIND NAME | KIND/NAME CONTAINER=IMAGE...")],
    labels: Labels = "",
    everything: Everything = False,
    dry_run: DryRun = "",
    output: Output = "",
) -> None:
    """Give containers of a workload other images: `set image deploy/web nginx=nginx:2`."""
    from netemu.cli.marks import split_words
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.apply import write_options
    from netemu.cli.verbs.patching import set_images

    target: Target = context.obj
    named, images = split_words(words, "labels")
    selections = selections_of(target, named, None, recursive=False)
    scope, write = scope_of(target, all_namespaces=False, labels=labels), write_options(dry_run, output)
    run_with_session(
        target,
        lambda session: set_images(
            session, selections, scope, dict(images.given), write, everything=everything
        ),
    )


def _mark(
    target: Target,
    field: Field,
    named: tuple[list[str] | None, list[str] | None, bool],
    where: dict[str, object],
    how: dict[str, bool],
    write: tuple[str, str],
) -> None:
    from netemu.cli.marks import split_words
    from netemu.cli.session import run_with_session
    from netemu.cli.verbs.apply import write_options
    from netemu.cli.verbs.marks import MarkOptions, mark

    words, files, recursive = named
    objects, marks = split_words(words or (), field)
    selections = selections_of(target, objects, files, recursive=recursive)
    scope = scope_of(target, all_namespaces=bool(where["all_namespaces"]), labels=str(where["labels"]))
    options = MarkOptions(write=write_options(*write), **how)
    run_with_session(target, lambda session: mark(session, selections, scope, marks, options))
