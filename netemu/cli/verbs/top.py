"""[IO] ``top``: what nodes and pods use right now."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from netemu.api.kinds import NODE, Kind
from netemu.api.measured import NODE_METRICS, POD_METRICS
from netemu.cli.resources import Query
from netemu.cli.session import Session
from netemu.cli.tables import Row, render_rows
from netemu.cli.usage import in_order, node_lines, node_row, pod_lines, pod_row, total
from netemu.errors import NetemuError

POD_HEADS = ("NAME", "CPU(cores)", "MEMORY(bytes)")
NODE_HEADS = ("NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)")


@dataclass(frozen=True, kw_only=True)
class TopRequest:
    """What to show; no ``name`` means all that the selectors choose."""

    name: str = ""
    namespace: str = ""
    labels: str = ""
    fields: str = ""
    containers: bool = False
    sort_by: str = ""
    headings: bool = True
    sum: bool = False


async def top_pods(session: Session, request: TopRequest) -> None:
    """Print what pods use."""
    metrics = await session.find(_query(POD_METRICS, request))
    everywhere = not request.namespace
    lines = in_order(
        pod_lines(metrics, containers=request.containers, namespaces=everywhere), request.sort_by
    )
    if not lines:
        where = f" in {request.namespace} namespace." if request.namespace else ""
        print(f"No resources found{where}", file=sys.stderr)
        return
    heads = ("NAMESPACE",) * everywhere + (("POD",) * request.containers) + POD_HEADS
    rows = [pod_row(line) for line in lines]
    if request.sum:
        rows.append(pod_row(total(lines)))
    _print(heads, rows, request)


async def top_nodes(session: Session, request: TopRequest) -> None:
    """Print what nodes use, and which part that is of what they offer.

    Raises:
        NetemuError: nothing is known of any of them.

    """
    lines = in_order(node_lines(await session.find(_query(NODE_METRICS, request))), request.sort_by)
    nodes = (await session.list(Query(kind=NODE))).items
    offered = {node["metadata"]["name"]: node.get("status", {}).get("allocatable") or {} for node in nodes}
    if not lines:
        raise NetemuError("metrics not available yet")
    _print(NODE_HEADS, [node_row(line, offered.get(line.names[0], {})) for line in lines], request)


def _query(kind: Kind, request: TopRequest) -> Query:
    return Query(
        kind=kind,
        namespace=request.namespace,
        name=request.name,
        label_selector=request.labels,
        field_selector=request.fields,
    )


def _print(heads: Row, rows: list[Row], request: TopRequest) -> None:
    print("\n".join(render_rows([heads, *rows] if request.headings else rows)))
