"""Which images an archive holds: OCI layouts, and what ``docker save`` writes.

Sources: https://github.com/opencontainers/image-spec/blob/main/image-layout.md and
https://github.com/moby/docker-image-spec (manifest.json). Docker writes both into one archive since
version 25: the layout is read, and its names are added to.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from netemu.image.config import Config, parse_config
from netemu.image.errors import ImageError
from netemu.image.reference import is_digest, parse_reference
from netemu.image.sources import Source

T = TypeVar("T")

_MOST_DOCUMENT_BYTES = 16 * 1024 * 1024
_DEEPEST_INDEX = 4
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


class Layer(Struct, frozen=True):
    """One layer: its file, the digest of that file if known, and of its plain bytes."""

    path: str
    digest: str
    diff_id: str


class Saved(Struct, frozen=True, kw_only=True):
    """One image of an archive. ``digest`` is its manifest's, empty if the archive has none."""

    names: tuple[str, ...]
    id: str
    digest: str
    config: Config
    layers: tuple[Layer, ...]


class _Platform(Struct, frozen=True):
    architecture: str = ""
    os: str = ""


class _Descriptor(Struct, frozen=True, rename="camel"):
    digest: str
    media_type: str = ""
    platform: _Platform | None = None
    annotations: dict[str, str] | None = None


class _Document(Struct, frozen=True, rename="camel"):
    """An index or a manifest."""

    manifests: tuple[_Descriptor, ...] | None = None
    config: _Descriptor | None = None
    layers: tuple[_Descriptor, ...] | None = None


class _DockerImage(Struct, frozen=True, rename="pascal"):
    config: str
    layers: tuple[str, ...]
    repo_tags: tuple[str, ...] | None = None


def find_images(source: Source, *, name: str = "", architecture: str = "") -> list[Saved]:
    """Find the images of an archive that run on this machine.

    ``name`` is for an archive whose one image has none.

    Raises:
        ImageError, InvalidReferenceError: it has no images, is not whole, or names are missing.

    """
    wanted = architecture or machine_architecture()
    if source.has("index.json"):
        found = _of_layout(source, wanted)
    elif source.has("manifest.json"):
        found = [_of_docker(source, each) for each in _docker_images(source)]
    else:
        raise ImageError(
            f"{source.name} is no image: it has neither index.json nor manifest.json",
            hint="docker save NAME -o FILE, or an OCI layout (skopeo, buildah)",
        )
    for image in found:
        if image.config.architecture not in {"", wanted}:
            raise ImageError(
                f"{source.name} is for {image.config.os}/{image.config.architecture}: "
                f"this machine runs linux/{wanted}"
            )
    return [_named(each, name, source.name) for each in _merged(found, source)]


def machine_architecture() -> str:
    """Give this machine's architecture in Go's words."""
    machine = os.uname().machine
    return _ARCHITECTURES.get(machine, machine)


def _named(image: Saved, name: str, source: str) -> Saved:
    texts = (name,) if name else image.names
    if not texts:
        raise ImageError(
            f"{source} does not say what its image is called", hint="netemu image load FILE --tag NAME"
        )
    return msgspec.structs.replace(image, names=tuple(str(parse_reference(text)) for text in texts))


def _merged(found: list[Saved], source: Source) -> list[Saved]:
    """Give each image once, with all its names."""
    names: dict[str, dict[str, None]] = {}
    for image in found:
        names.setdefault(image.id, {}).update(dict.fromkeys(image.names))
    if source.has("index.json") and source.has("manifest.json"):
        for each in _docker_images(source):
            tags = dict.fromkeys(each.repo_tags or ())
            names.get(_digest_in(each.config), {}).update(tags)
    images = {image.id: image for image in found}
    return [msgspec.structs.replace(image, names=tuple(names[id])) for id, image in images.items()]


def _of_layout(source: Source, architecture: str) -> list[Saved]:
    index = _read_json(source, "index.json", _Document)
    found = []
    for descriptor in index.manifests or ():
        names = _names_of(descriptor)
        found += [
            msgspec.structs.replace(image, names=names)
            for image in _of_descriptor(source, descriptor, architecture, _DEEPEST_INDEX)
        ]
    if not found:
        raise ImageError(f"{source.name} has no image for linux/{architecture}")
    return found


def _of_descriptor(source: Source, descriptor: _Descriptor, architecture: str, depth: int) -> Iterator[Saved]:
    """Give the image behind a descriptor; of an index the first that this machine runs."""
    if not _fits(descriptor, architecture):
        return
    document = _read_json(source, _blob(descriptor.digest), _Document, descriptor.digest)
    if document.manifests is not None or descriptor.media_type in _INDEXES:
        if depth == 0:
            raise ImageError(f"{source.name}: indexes are nested too deeply")
        for inner in document.manifests or ():
            chosen = list(_of_descriptor(source, inner, architecture, depth - 1))
            if chosen:
                yield from chosen
                return
    elif document.config is not None:
        yield _of_manifest(source, descriptor.digest, document.config.digest, document.layers or ())


def _fits(descriptor: _Descriptor, architecture: str) -> bool:
    platform = descriptor.platform
    if platform is None or not platform.architecture:
        return True
    return platform.os in {"", "linux"} and platform.architecture == architecture


def _of_manifest(source: Source, digest: str, config_digest: str, layers: tuple[_Descriptor, ...]) -> Saved:
    config = parse_config(_read(source, _blob(config_digest), config_digest), source.name)
    diff_ids = _checked_diff_ids(config, len(layers), source.name)
    return Saved(
        names=(),
        id=config_digest,
        digest=digest,
        config=config,
        layers=tuple(
            Layer(_blob(layer.digest), layer.digest, diff_id)
            for layer, diff_id in zip(layers, diff_ids, strict=True)
        ),
    )


def _of_docker(source: Source, image: _DockerImage) -> Saved:
    data = _read(source, image.config)
    config = parse_config(data, source.name)
    diff_ids = _checked_diff_ids(config, len(image.layers), source.name)
    return Saved(
        names=image.repo_tags or (),
        id=f"sha256:{hashlib.sha256(data).hexdigest()}",
        digest="",
        config=config,
        layers=tuple(Layer(path, "", diff_id) for path, diff_id in zip(image.layers, diff_ids, strict=True)),
    )


def _checked_diff_ids(config: Config, layers: int, source: str) -> tuple[str, ...]:
    diff_ids = config.rootfs.diff_ids
    if len(diff_ids) != layers or not all(map(is_digest, diff_ids)):
        raise ImageError(f"{source}: the image has {layers} layers, its configuration {len(diff_ids)}")
    return diff_ids


def _names_of(descriptor: _Descriptor) -> tuple[str, ...]:
    """Give the name that a layout's index has for an image; a bare tag is none."""
    annotations = descriptor.annotations or {}
    names = (annotations.get(key, "") for key in _NAMES)
    return tuple(dict.fromkeys(name for name in names if "/" in name or ":" in name))


def _docker_images(source: Source) -> tuple[_DockerImage, ...]:
    return _read_json(source, "manifest.json", tuple[_DockerImage, ...])


def _digest_in(path: str) -> str:
    """Give the digest that is a blob's path (blobs/sha256/…)."""
    algorithm, _, digest = path.removeprefix("blobs/").partition("/")
    return f"{algorithm}:{digest}"


def _blob(digest: str) -> str:
    if not is_digest(digest):
        raise ImageError(f"{digest!r} is no digest")
    return f"blobs/{digest.replace(':', '/', 1)}"


def _read_json(source: Source, path: str, type: type[T], digest: str = "") -> T:
    data: Any = _read(source, path, digest)
    try:
        return msgspec.json.decode(data, type=type)
    except (msgspec.MsgspecError, UnicodeDecodeError) as err:
        raise ImageError(f"{source.name}: {path}: {err}") from err


def _read(source: Source, path: str, digest: str = "") -> bytes:
    with source.open(path) as file:
        data = file.read(_MOST_DOCUMENT_BYTES)
    if digest and Hash(digest).of(data) != digest:
        raise ImageError(f"{source.name} is damaged: {path} is not what its digest says")
    return data


class Hash(Struct, frozen=True):
    """The algorithm of a digest."""

    digest: str

    @property
    def algorithm(self) -> Literal["sha256", "sha384", "sha512"]:
        """Its name; ImageError if it is none that images are made with."""
        match self.digest.partition(":")[0]:
            case "sha256" | "sha384" | "sha512" as algorithm:
                return algorithm
            case other:
                raise ImageError(f"digests of the algorithm {other!r} cannot be checked")

    def of(self, data: bytes) -> str:
        """Give the digest of some bytes."""
        return f"{self.algorithm}:{hashlib.new(self.algorithm, data).hexdigest()}"
