"""[IO] ``patch``, ``replace`` and ``set image``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from netemu.api.client import Object, PatchType
from netemu.api.errors import ApiError, NotFoundError
from netemu.api.kinds import CRON_JOB, POD, Kind
from netemu.cli.manifests import Document
from netemu.cli.resources import Query, Scope, Selection, UsageError
from netemu.cli.session import Session
from netemu.cli.verbs.apply import Report, WriteOptions
from netemu.cli.verbs.delete import named_queries
from netemu.cli.verbs.watching import wait_gone
from netemu.errors import NetemuError

PATCH_TYPES: dict[str, PatchType] = {
    "strategic": "application/strategic-merge-patch+json",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
}


def read_patch(text: str, file: str) -> Any:
    """Read a patch, JSON or YAML.

    Raises:
        UsageError: there is none, or it cannot be read.

    """
    import yaml

    if bool(text) == bool(file):
        raise UsageError("must specify --patch or --patch-file containing the contents of the patch")
    try:
        return yaml.safe_load(text or Path(file).read_text())
    except yaml.YAMLError as err:
        raise UsageError(f"unable to parse {text or file!r}: {err}") from err
    except OSError as err:
        raise UsageError(f"unable to read patch file: {err}") from err


async def patch(
    session: Session,
    selections: Sequence[Selection],
    scope: Scope,
    change: Any,
    patch_type: str,
    subresource: str,
    write: WriteOptions,
) -> None:
    """Change parts of objects.

    Raises:
        UsageError: there is no such type of patch.

    """
    if patch_type not in PATCH_TYPES:
        raise UsageError(f"--type must be one of [json merge strategic], not {patch_type!r}")
    report = Report(write)
    for query in await named_queries(session, selections, scope, everything=False):
        (before,) = await session.find(query)
        obj = before
        if write.dry_run != "client":
            obj = await session.patch(
                query,
                change,
                patch_type=PATCH_TYPES[patch_type],
                subresource=subresource,
                dry_run=write.dry_run == "server",
            )
        report.told(query.kind, query.name, obj, "patched" if obj != before else "patched (no change)")
    report.finish()


async def replace(
    session: Session, documents: Sequence[Document], write: WriteOptions, *, force: bool
) -> bool:
    """Put what files say in the place of what is there; false when one was refused."""
    report = Report(write)
    for document in documents:
        try:
            obj = document.obj
            if force:
                await _delete(session, document)
                obj = await session.create(document.kind, obj)
            elif write.dry_run != "client":
                obj = await session.replace(document.kind, obj, dry_run=write.dry_run == "server")
        except ApiError as err:
            report.refused(document, err)
        else:
            report.done(document, obj, "replaced")
    return report.finish()


async def set_images(
    session: Session,
    selections: Sequence[Selection],
    scope: Scope,
    images: dict[str, str],
    write: WriteOptions,
    *,
    everything: bool = False,
) -> None:
    """Give containers of workloads other images; ``*`` stands for all containers.

    Raises:
        NetemuError: an object has no such container, or none at all.

    """
    report = Report(write)
    for query in await named_queries(session, selections, scope, everything=everything):
        (obj,) = await session.find(query)
        change = plan_images(query.kind, obj, images)
        if change and write.dry_run != "client":
            kind: PatchType = "application/strategic-merge-patch+json"
            obj = await session.patch(query, change, patch_type=kind, dry_run=write.dry_run == "server")
        if change:
            report.told(query.kind, query.name, obj, "image updated")
    report.finish()


def plan_images(kind: Kind, obj: Object, images: dict[str, str]) -> Object:
    """Give the patch that sets images by the names of containers; empty when they are so already."""
    path = template_path(kind)
    spec: Any = obj
    for key in path:
        spec = spec.get(key) or {}
    if not spec.get("containers"):
        raise NetemuError(f"{kind.resource} have no containers to set images of")
    lists = {key: spec.get(key) or [] for key in ("containers", "initContainers")}
    known = {one["name"] for found in lists.values() for one in found}
    for name in images:
        if name != "*" and name not in known:
            raise NetemuError(f'unable to find container named "{name}"')
    changed: Any = {key: _changed(found, images) for key, found in lists.items() if _changed(found, images)}
    for key in reversed(path if changed else ()):
        changed = {key: changed}
    return dict(changed)


def template_path(kind: Kind) -> tuple[str, ...]:
    """Say where the spec of a workload's pods is."""
    if kind is POD:
        return ("spec",)
    pods = ("spec", "template", "spec")
    return ("spec", "jobTemplate", *pods) if kind is CRON_JOB else pods


def _changed(containers: Sequence[Object], images: dict[str, str]) -> list[Object]:
    wanted = [(one, images.get(one["name"], images.get("*", one["image"]))) for one in containers]
    return [{"name": one["name"], "image": image} for one, image in wanted if image != one["image"]]


async def _delete(session: Session, document: Document) -> None:
    query = Query(kind=document.kind, namespace=document.namespace, name=document.name)
    try:
        await session.delete(query, grace_period_s=0)
    except NotFoundError:
        return
    await wait_gone(session, [(query, "")], None)
