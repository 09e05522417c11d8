"""[IO] ``cordon``, ``uncordon``, ``drain`` and ``taint``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from netemu.api.client import Object
from netemu.api.errors import NotFoundError, TooManyRequestsError
from netemu.api.kinds import NODE, POD
from netemu.apiclient.http import path_of
from netemu.cli.draining import DrainOptions, plan_drain
from netemu.cli.resources import Query, UsageError
from netemu.cli.session import Session
from netemu.cli.taints import TaintChange, plan_taints
from netemu.cli.verbs.watching import wait_gone
from netemu.errors import NetemuError

RETRY_S = 5.0


async def nodes_of(
    session: Session, names: Sequence[str], labels: str, *, everything: bool = False
) -> list[Object]:
    """Read the nodes that a command means.

    Raises:
        UsageError: it means none.
        NotFoundError: one of them is not there.

    """
    if not names and not labels and not everything:
        raise UsageError("one or more node names, or --selector, are required")
    if names:
        return [obj for name in names for obj in await session.find(Query(kind=NODE, name=name))]
    return (await session.list(Query(kind=NODE, label_selector=labels))).items


async def cordon(session: Session, nodes: Sequence[Object], *, unschedulable: bool) -> None:
    """Let the scheduler leave nodes out, or take them again."""
    word = "cordoned" if unschedulable else "uncordoned"
    for node in nodes:
        name = node["metadata"]["name"]
        if bool(node.get("spec", {}).get("unschedulable")) is unschedulable:
            print(f"node/{name} already {word}", flush=True)
            continue
        change = {"spec": {"unschedulable": True if unschedulable else None}}
        await session.patch(Query(kind=NODE, name=name), change)
        print(f"node/{name} {word}", flush=True)


async def taint(
    session: Session, nodes: Sequence[Object], changes: Sequence[TaintChange], *, overwrite: bool
) -> None:
    """Change the taints of nodes.

    Raises:
        NetemuError: a taint is there already, or is not there to be removed.

    """
    for node in nodes:
        name = node["metadata"]["name"]
        taints, verb = plan_taints(node, changes, overwrite=overwrite)
        await session.patch(Query(kind=NODE, name=name), {"spec": {"taints": taints or None}})
        print(f"node/{name} {verb}", flush=True)


async def drain(session: Session, nodes: Sequence[Object], options: DrainOptions) -> None:
    """Cordon nodes, evict their pods and wait until these are gone.

    Raises:
        NetemuError: pods are there that a user must allow to go.
        WaitTimeoutError: not all are gone in time.

    """
    await cordon(session, nodes, unschedulable=True)
    for node in nodes:
        await _drain_one(session, node["metadata"]["name"], options)
        print(f"node/{node['metadata']['name']} drained", flush=True)


async def _drain_one(session: Session, node: str, options: DrainOptions) -> None:
    on_node = Query(kind=POD, field_selector=f"spec.nodeName={node}", label_selector=options.pod_selector)
    planned = plan_drain((await session.list(on_node)).items, options)
    if planned.obstacles:
        raise NetemuError(f'unable to drain node "{node}": ' + ", ".join(planned.obstacles))
    for warning in planned.warnings:
        print(f"Warning: {warning}", file=sys.stderr)
    async with asyncio.timeout(options.timeout_s), asyncio.TaskGroup() as group:
        for pod in planned.pods:
            group.create_task(_remove(session, pod, options))


async def _remove(session: Session, pod: Object, options: DrainOptions) -> None:
    """Evict one pod as soon as its budget allows, and see it gone."""
    meta = pod["metadata"]
    query = Query(kind=POD, namespace=meta["namespace"], name=meta["name"])
    word = "deleting" if options.disable_eviction else "evicting"
    print(f"{word} pod {query.namespace}/{query.name}", file=sys.stderr, flush=True)
    try:
        if options.disable_eviction:
            await session.delete(query, grace_period_s=options.grace_period_s)
        else:
            await _evict(session, query, options.grace_period_s)
    except NotFoundError:
        pass  # somebody else was faster: all the better
    await wait_gone(session, [(query, meta["uid"])], None)
    print(f"pod/{query.name} {'deleted' if options.disable_eviction else 'evicted'}", flush=True)


async def _evict(session: Session, pod: Query, grace_period_s: int | None) -> None:
    eviction: Object = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod.name, "namespace": pod.namespace},
    }
    if grace_period_s is not None:
        eviction["deleteOptions"] = {"gracePeriodSeconds": grace_period_s}
    while True:
        try:
            await session.send("POST", path_of(POD, pod.namespace, pod.name, "eviction"), body=eviction)
        except TooManyRequestsError as err:
            print(
                f'error when evicting pods/"{pod.name}" -n "{pod.namespace}"'
                f" (will retry after {RETRY_S:.0f}s): {err.message}",
                file=sys.stderr,
                flush=True,
            )
            await asyncio.sleep(RETRY_S)
        else:
            return
