"""What a loaded image means for a container of a pod. Pure.

Source: kubelet's and containerd's merging of both, as documented at
https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/ and
https://kubernetes.io/docs/tasks/configure-pod-container/security-context/.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec.structs import replace

from netemu.agent.environment import ConfigError
from netemu.agent.specs import Attempt
from netemu.api.views.core import Container
from netemu.image.errors import InvalidReferenceError
from netemu.image.index import Image, Images
from netemu.image.reference import parse_reference
from netemu.runtime.container import ContainerSpec, ImageFiles

Event = tuple[Literal["Normal", "Warning"], str, str]
"""Its type, reason and message."""

_REAL_TIME = "RTMIN+"
_MOST_REPORTED = 50  # a kubelet's --node-status-max-images


def image_argv(image: Image, attempt: Attempt) -> tuple[str, ...]:
    """Give the command line: only the pod's own words have variables in them."""
    container = attempt.container
    return image.process.argv(attempt.expanded(container.command), attempt.expanded(container.args))


def with_image(
    spec: ContainerSpec, image: Image, attempt: Attempt, obj: Mapping[str, Any], *, root: Path, scratch: Path
) -> ContainerSpec:
    """Give the spec of a container with what its image adds; ``obj`` is the pod's JSON.

    Raises:
        ConfigError: it must not run as root, and would, or might.

    """
    container, process = attempt.container, image.process
    contexts = (attempt.raw.get("securityContext") or {}, obj["spec"].get("securityContext") or {})
    _check_user(contexts, process.user, attempt)
    return replace(
        spec,
        env={**process.variables(), **spec.env},
        cwd=container.working_dir or process.working_dir or "/",
        image=ImageFiles(
            root=str(root),
            scratch=str(scratch),
            name=_resolved(container.image, image),
            id=image.image_id(container.image),
            user=_user(contexts, process.user),
            volumes=tuple(process.volumes or ()),
            stop_signal=parse_signal(process.stop_signal),
        ),
    )


def find_missing(
    obj: Mapping[str, Any], raw: Mapping[str, Any], images: Images
) -> tuple[Container, str] | None:
    """Find an image that a container mounts as a volume and that is not there: as of a container that would
    run it, and why; ``None`` if all are there.

    Source: kubelet's getImageVolumes: such an image is pulled, or not, as a container's own.
    """
    used = {mount["name"] for mount in raw.get("volumeMounts") or ()}
    for volume in obj["spec"].get("volumes") or ():
        source = volume.get("image")
        if source and volume["name"] in used and images.find(source["reference"]) is None:
            name, policy = source["reference"], source.get("pullPolicy", "")
            why = f'image "{name}" is not loaded: netemu pulls no images. Load it (netemu image load FILE)'
            return Container(name=raw["name"], image=name, image_pull_policy=policy), why
    return None


def pull_failure(container: Container, why: str) -> tuple[str, str, tuple[Event, ...]]:
    """Give the reason, the message and the events of an image that is not there, in a kubelet's words."""
    image = container.image
    try:
        parse_reference(image)
    except InvalidReferenceError:
        invalid = f'couldn\'t parse image name "{image}": invalid reference format'
        message = f'Failed to apply default image tag "{image}": {invalid}'
        return "InvalidImageName", message, (("Warning", "InspectFailed", message),)
    if container.image_pull_policy == "Never":
        message = f'Container image "{image}" is not present with pull policy of Never'
        return "ErrImageNeverPull", message, (("Warning", "ErrImageNeverPull", message),)
    told: tuple[Event, ...] = (
        ("Normal", "Pulling", f'Pulling image "{image}"'),
        ("Warning", "Failed", f'Failed to pull image "{image}": {why}'),
    )
    return "ErrImagePull", why, told


def node_images(images: Sequence[Image]) -> list[dict[str, Any]]:
    """Give ``status.images`` of a node: the largest, as kubelets report them."""
    largest = sorted(images, key=lambda image: (-image.size_bytes, image.id))
    return [
        {"names": [*image.digests, *sorted(image.names)], "sizeBytes": image.size_bytes}
        for image in largest[:_MOST_REPORTED]
    ]


def parse_signal(text: str) -> int:
    """Read a signal as an image has it (SIGQUIT, QUIT, 3, SIGRTMIN+3); 0 for none, or none we know."""
    name = text.upper().removeprefix("SIG")
    if name.isdecimal():
        return int(name)
    if name.startswith(_REAL_TIME) and name.removeprefix(_REAL_TIME).isdecimal():
        return signal.SIGRTMIN + int(name.removeprefix(_REAL_TIME))
    known = signal.Signals.__members__.get(f"SIG{name}")
    return int(known) if known is not None else 0


def _resolved(asked: str, image: Image) -> str:
    """Give the name that a status shows: the complete one if the image has it, or its first."""
    complete = asked if asked == image.id else str(parse_reference(asked))
    names = [complete] if complete in image.names else sorted(image.names)
    return names[0] if names else asked


def _user(contexts: tuple[Mapping[str, Any], ...], of_image: str) -> str:
    """Give who the processes are, as an image's configuration would say it."""
    uid, gid = _first(contexts, "runAsUser"), _first(contexts, "runAsGroup")
    name = of_image.partition(":")[0] or "0"
    if uid is None and gid is None:
        return of_image
    who = name if uid is None else str(uid)
    return who if gid is None else f"{who}:{gid}"


def _check_user(contexts: tuple[Mapping[str, Any], ...], of_image: str, attempt: Attempt) -> None:
    if not _first(contexts, "runAsNonRoot"):
        return
    meta = attempt.pod.metadata
    where = f'(pod: "{meta.name}_{meta.namespace}({meta.uid})", container: {attempt.container.name})'
    uid, name = _first(contexts, "runAsUser"), of_image.partition(":")[0]
    if uid == 0:
        raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
    if uid is not None:
        return
    if name in {"", "0"}:
        raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")
    if not name.isdecimal():
        raise ConfigError(
            f"container has runAsNonRoot and image has non-numeric user ({name}), "
            f"cannot verify user is non-root {where}"
        )


def _first(contexts: tuple[Mapping[str, Any], ...], key: str) -> Any:
    return next((context[key] for context in contexts if context.get(key) is not None), None)
