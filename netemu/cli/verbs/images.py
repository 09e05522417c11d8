"""[IO] Images of a cluster: loaded into its state directory, listed, removed when no pod needs them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from netemu.api.kinds import POD
from netemu.cli.resources import Query, UsageError
from netemu.cli.tables import render_rows
from netemu.cli.target import Target
from netemu.errors import PermissionDeniedError
from netemu.image.errors import ImageInUseError, InvalidReferenceError
from netemu.image.index import Image, Images
from netemu.image.reference import parse_reference

_SHORT_ID = 13
_UNITS = ("B", "kB", "MB", "GB", "TB")
_GROUPS = ("containers", "initContainers", "ephemeralContainers")
_ENDED = ("Succeeded", "Failed")


def load_images(cluster: str, file: str, tag: str) -> None:
    """Load the images of an archive and say what they are called."""
    from netemu.image.store import ImageStore

    store = ImageStore(_directory(cluster))
    try:
        images = store.load_stream(sys.stdin.buffer, tag) if file == "-" else store.load(Path(file), tag)
    except PermissionError as err:
        raise _not_ours(cluster) from err
    for image in images:
        for name in sorted(image.names):
            print(f"Loaded image: {name}")


def list_images(cluster: str, output: str) -> None:
    """Print the images of a cluster."""
    if output not in {"", "json"}:
        raise UsageError(f"unknown output format {output!r}", hint="-o json")
    try:
        images = Images(_directory(cluster)).images()
    except PermissionError as err:
        raise _not_ours(cluster) from err
    if output == "json":
        print(json.dumps({"images": [image_document(image) for image in images]}, indent=2))
        return
    rows = [("IMAGE", "TAG", "IMAGE ID", "SIZE"), *sorted(row for each in images for row in image_rows(each))]
    print("\n".join(render_rows(rows)))


def remove_images(target: Target, names: Sequence[str]) -> None:
    """Remove images, unless a pod runs from one."""
    from netemu.cli.session import run_with_session
    from netemu.image.store import ImageStore

    store = ImageStore(_directory(target.cluster))
    pods = run_with_session(target, lambda session: session.find(Query(kind=POD)))
    for name in names:
        users = list(users_of(store.get(name), pods))
        if users:
            more = f" and {len(users) - 1} others" if len(users) > 1 else ""
            raise ImageInUseError(
                f"image {name} is in use by pod {users[0]}{more}", hint="Delete what needs it first."
            )
        print("\n".join(store.remove(name)))


def users_of(image: Image, pods: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Give the pods, as namespace/name, that run from an image or are about to."""
    for pod in pods:
        status = pod.get("status") or {}
        if status.get("phase") not in _ENDED and any(_is_image(image, each) for each in _images_of(pod)):
            yield f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def image_rows(image: Image) -> list[tuple[str, ...]]:
    """Give a row for each name of an image, as ``crictl images`` has them."""
    names = [parse_reference(name) for name in image.names]
    labels = [(each.repository, each.tag or "<none>") for each in names] or [("<none>", "<none>")]
    id = image.id.partition(":")[2][:_SHORT_ID]
    return [(*label, id, human_size(image.size_bytes)) for label in labels]


def image_document(image: Image) -> dict[str, Any]:
    """Give an image as ``crictl images -o json`` has it."""
    return {
        "id": image.id,
        "repoTags": sorted(name for name in image.names if "@" not in name),
        "repoDigests": image.digests,
        "size": str(image.size_bytes),
    }


def human_size(size_bytes: int) -> str:
    """Write a size with three digits, in powers of a thousand."""
    size, unit = float(size_bytes), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.3g}{_UNITS[unit]}"


def _images_of(pod: Mapping[str, Any]) -> Iterator[str]:
    for group in _GROUPS:
        for container in pod["spec"].get(group) or ():
            yield container.get("image") or ""
    for volume in pod["spec"].get("volumes") or ():
        yield (volume.get("image") or {}).get("reference") or ""
    status = pod.get("status") or {}
    for group in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for each in status.get(group) or ():
            yield each.get("imageID") or ""


def _is_image(image: Image, name: str) -> bool:
    if name == image.id or name in image.digests:
        return True
    try:
        return str(parse_reference(name)) in image.names
    except InvalidReferenceError:
        return False


def _directory(cluster: str) -> Path:
    """Give where a cluster's images are; NoClusterError without the cluster."""
    from netemu.cluster.places import paths_for, world_of

    paths = paths_for(cluster)
    try:
        world_of(cluster, paths)
    except PermissionError as err:
        raise _not_ours(cluster) from err
    return paths.images


def _not_ours(cluster: str) -> PermissionDeniedError:
    return PermissionDeniedError(
        f"the files of cluster {cluster!r} belong to another user", hint="sudo netemu image …"
    )
