"""[IO] ``logs``: print what containers wrote."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from netemu.api.errors import NotFoundError
from netemu.api.kinds import POD
from netemu.cli.resources import Query, Selection
from netemu.cli.session import Session
from netemu.cli.verbs.pods import NoPodError, Object, container_of, pod_for

SELECTOR_TAIL_LINES = 10


@dataclass(frozen=True, kw_only=True)
class LogsRequest:
    """Which lines; ``tail`` -1 means all of them."""

    container: str = ""
    all_containers: bool = False
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    prefix: bool = False
    tail: int | None = None
    since_s: float | None = None


async def logs_of(session: Session, selection: Selection, namespace: str, request: LogsRequest) -> None:
    """Print the log of one pod."""
    try:
        pod = await pod_for(session, selection, namespace, tell=True)
    except NotFoundError as err:
        raise NoPodError(f'error from server (NotFound): {err.message} in namespace "{namespace}"') from err
    await _print_all(session, [pod], request)


async def logs_by_label(session: Session, label_selector: str, namespace: str, request: LogsRequest) -> None:
    """Print the last lines of every pod with these labels."""
    listing = await session.list(Query(kind=POD, namespace=namespace, label_selector=label_selector))
    if not listing.items:
        print(f"No resources found in {namespace} namespace.", file=sys.stderr)
    await _print_all(session, listing.items, request, tail=SELECTOR_TAIL_LINES)


async def _print_all(
    session: Session, pods: Sequence[Object], request: LogsRequest, *, tail: int | None = None
) -> None:
    streams = [(pod, name) for pod in pods for name in _containers(pod, request)]
    if not request.follow:
        for pod, name in streams:
            await _print_log(session, pod, name, request, tail)
        return
    async with asyncio.TaskGroup() as group:
        for pod, name in streams:
            group.create_task(_print_log(session, pod, name, request, tail))


def _containers(pod: Object, request: LogsRequest) -> list[str]:
    if request.all_containers:
        return [container["name"] for container in pod["spec"]["containers"]]
    return [container_of(pod, request.container)]


async def _print_log(
    session: Session, pod: Object, container: str, request: LogsRequest, tail: int | None
) -> None:
    meta = pod["metadata"]
    prefix = f"[pod/{meta['name']}/{container}] ".encode() if request.prefix else b""
    query = log_query(container, request, tail)
    pod_query = Query(kind=POD, namespace=meta["namespace"], name=meta["name"])
    rest = b""
    async for chunk in session.log(pod_query, query):
        if prefix:
            *lines, rest = (rest + chunk).split(b"\n")
            chunk = b"".join(prefix + line + b"\n" for line in lines)  # noqa: PLW2901
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
    if rest:
        sys.stdout.buffer.write(prefix + rest)
        sys.stdout.buffer.flush()


def log_query(container: str, request: LogsRequest, default_tail: int | None) -> dict[str, str]:
    """Render the query of the ``log`` subresource."""
    tail = default_tail if request.tail is None else request.tail
    query = {"container": container}
    for name, wanted in (
        ("follow", request.follow),
        ("previous", request.previous),
        ("timestamps", request.timestamps),
    ):
        if wanted:
            query[name] = "true"
    if tail is not None and tail >= 0:
        query["tailLines"] = str(tail)
    if request.since_s is not None:
        query["sinceSeconds"] = str(max(1, round(request.since_s)))
    return query
