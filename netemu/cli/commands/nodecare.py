"""kubectl's words about nodes: cordon, uncordon, drain, taint."""

from __future__ import annotations

from typing import Annotated

import typer

from netemu.cli.commands.options import Labels, Timeout

Nodes = Annotated[list[str] | None, typer.Argument(metavar="NODE...")]


def cordon(context: typer.Context, *, nodes: Nodes = None, labels: Labels = "") -> None:
    """Let the scheduler give nodes no more pods."""
    _cordon(context, nodes, labels, unschedulable=True)


def uncordon(context: typer.Context, *, nodes: Nodes = None, labels: Labels = "") -> None:
    """Let the scheduler give nodes pods again."""
    _cordon(context, nodes, labels, unschedulable=False)


def drain(
    context: typer.Context,
    *,
    nodes: Nodes = None,
    labels: Labels = "",
    ignore_daemonsets: Annotated[
        bool, typer.Option("--ignore-daemonsets", help="Leave the pods of DaemonSets.")
    ] = False,
    delete_emptydir_data: Annotated[
        bool, typer.Option("--delete-emptydir-data", help="Also pods whose emptyDirs end with them.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Also pods that nobody makes anew.")] = False,
    disable_eviction: Annotated[
        bool, typer.Option("--disable-eviction", help="Delete, and ask no disruption budget.")
    ] = False,
    pod_selector: Annotated[str, typer.Option("--pod-selector", metavar="LABELS")] = "",
    grace_period: Annotated[int, typer.Option("--grace-period", metavar="SECONDS")] = -1,
    timeout: Timeout = "0",
) -> None:
    """Cordon nodes and evict their pods, as for maintenance."""
    from netemu.cli.conditions import parse_duration_s
    from netemu.cli.draining import DrainOptions
    from netemu.cli.session import Session, run_with_session
    from netemu.cli.verbs import nodecare

    options = DrainOptions(
        ignore_daemonsets=ignore_daemonsets,
        delete_emptydir_data=delete_emptydir_data,
        force=force,
        disable_eviction=disable_eviction,
        pod_selector=pod_selector,
        grace_period_s=None if grace_period < 0 else grace_period,
        timeout_s=parse_duration_s(timeout) or None,
    )

    async def do(session: Session) -> None:
        await nodecare.drain(session, await nodecare.nodes_of(session, nodes or (), labels), options)

    run_with_session(context.obj, do)


def taint(
    context: typer.Context,
    *,
    words: Annotated[list[str], typer.Argument(metavar="nodes [NODE...] KEY=VALUE:EFFECT... | KEY-...")],
    labels: Labels = "",
    everything: Annotated[bool, typer.Option("--all", help="All nodes.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also change taints that are there.")
    ] = False,
) -> None:
    """Set or remove taints: `taint node node-1 a=b:NoSchedule old-`."""
    from netemu.api.kinds import NODE
    from netemu.cli.resources import UsageError, find_kinds
    from netemu.cli.session import Session, run_with_session
    from netemu.cli.taints import parse_taint
    from netemu.cli.verbs import nodecare

    kind, *rest = words[0].split("/") + words[1:]
    if find_kinds(kind) != (NODE,):
        raise UsageError(f"invalid resource type {kind}, only node(s) is supported")
    names = [word for word in rest if not _is_taint(word)]
    changes = [parse_taint(word) for word in rest if _is_taint(word)]
    if not changes:
        raise UsageError("at least one taint update is required")

    async def do(session: Session) -> None:
        nodes = await nodecare.nodes_of(session, names, labels, everything=everything)
        await nodecare.taint(session, nodes, changes, overwrite=overwrite)

    run_with_session(context.obj, do)


def _is_taint(word: str) -> bool:
    return ":" in word or "=" in word or word.endswith("-")


def _cordon(context: typer.Context, nodes: list[str] | None, labels: str, *, unschedulable: bool) -> None:
    from netemu.cli.session import Session, run_with_session
    from netemu.cli.verbs import nodecare

    names = [name.removeprefix("node/") for name in nodes or ()]

    async def do(session: Session) -> None:
        found = await nodecare.nodes_of(session, names, labels)
        await nodecare.cordon(session, found, unschedulable=unschedulable)

    run_with_session(context.obj, do)
