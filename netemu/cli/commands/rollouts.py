"""kubectl's words about rollouts: rollout status, history, undo, restart, pause, resume."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from netemu.cli.commands.options import Files, Labels, Recursive, Timeout, Words
from netemu.cli.target import Target

One = Annotated[list[str], typer.Argument(metavar="KIND NAME | KIND/NAME")]

rollout_app = typer.Typer(
    rich_markup_mode=None, help="Follow and steer the rollouts of workloads.", no_args_is_help=True
)


@rollout_app.callback()
def rollout() -> None:
    """Follow and steer the rollouts of workloads."""


@rollout_app.command("status")
def status(
    context: typer.Context,
    *,
    words: One,
    watch: Annotated[
        bool, typer.Option("-w", "--watch/--no-watch", help="Until it ends.", show_default=False)
    ] = True,
    timeout: Timeout = "0",
) -> None:
    """Tell how far a rollout is, until it ends."""
    from netemu.cli.conditions import parse_duration_s
    from netemu.cli.verbs.rollout import rollout_status

    timeout_s = parse_duration_s(timeout) or None
    _with_one(
        context.obj,
        words,
        lambda session, one, namespace: rollout_status(
            session, one, namespace, timeout_s=timeout_s, watch=watch
        ),
    )


@rollout_app.command("history")
def history(
    context: typer.Context,
    *,
    words: One,
    revision: Annotated[int, typer.Option("--revision", help="Show what this one is.")] = 0,
) -> None:
    """List the revisions of a workload, or show one."""
    from netemu.cli.verbs.rollout import history as show

    _with_one(context.obj, words, lambda session, one, namespace: show(session, one, namespace, revision))


@rollout_app.command("undo")
def undo(
    context: typer.Context,
    *,
    words: One,
    revision: Annotated[int, typer.Option("--to-revision", help="Default: the last but one.")] = 0,
) -> None:
    """Go back to an older revision."""
    from netemu.cli.verbs.rollout import undo as go_back

    _with_one(context.obj, words, lambda session, one, namespace: go_back(session, one, namespace, revision))


@rollout_app.command("restart")
def restart(
    context: typer.Context,
    *,
    words: Words = None,
    files: Files = None,
    recursive: Recursive = False,
    labels: Labels = "",
) -> None:
    """Replace all pods of a workload, one after the other."""
    from netemu.cli.verbs.rollout import restart as restart_all

    _with_all(context.obj, words, files, recursive, labels, restart_all)


@rollout_app.command("pause")
def pause(
    context: typer.Context,
    *,
    words: Words = None,
    files: Files = None,
    recursive: Recursive = False,
    labels: Labels = "",
) -> None:
    """Let a Deployment's changes wait."""
    from netemu.cli.verbs.rollout import set_paused

    _with_all(
        context.obj,
        words,
        files,
        recursive,
        labels,
        lambda session, selections, scope: set_paused(session, selections, scope, paused=True),
    )


@rollout_app.command("resume")
def resume(
    context: typer.Context,
    *,
    words: Words = None,
    files: Files = None,
    recursive: Recursive = False,
    labels: Labels = "",
) -> None:
    """Let a paused Deployment go on."""
    from netemu.cli.verbs.rollout import set_paused

    _with_all(
        context.obj,
        words,
        files,
        recursive,
        labels,
        lambda session, selections, scope: set_paused(session, selections, scope, paused=False),
    )


def _with_one(target: Target, words: list[str], verb: Callable[[Any, Any, str], Awaitable[None]]) -> None:
    from netemu.cli.resources import parse_one
    from netemu.cli.session import run_with_session

    selection = parse_one(words, default_kind="deployments")
    run_with_session(target, lambda session: verb(session, selection, target.namespace_or_default))


def _with_all(
    target: Target,
    words: list[str] | None,
    files: list[str] | None,
    recursive: bool,
    labels: str,
    verb: Callable[[Any, Any, Any], Awaitable[None]],
) -> None:
    from netemu.cli.commands.objects import scope_of, selections_of
    from netemu.cli.session import run_with_session

    selections = selections_of(target, words, files, recursive=recursive)
    scope = scope_of(target, all_namespaces=False, labels=labels)
    run_with_session(target, lambda session: verb(session, selections, scope))
