"""[IO] The images of one cluster, as everyone reads them: an index, and root file systems.

Only ``ImageStore`` writes: the index is replaced at once, so that whoever reads it at any time finds
whole images. ``roots/<hex>`` is never changed once it is there.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from netemu.image.config import Config, Process
from netemu.image.errors import ImageNotFoundError, InvalidReferenceError
from netemu.image.reference import parse_reference

_SHORTEST_ID = 4


class Image(Struct, frozen=True, kw_only=True):
    """A loaded image.

    ``names`` are complete references, each with the digest of the manifest it was loaded with
    (empty for an archive that had none).
    """

    id: str
    config: Config
    size_bytes: int
    names: dict[str, str]

    @property
    def process(self) -> Process:
        """How its containers run unless the pod says otherwise."""
        return self.config.process

    @property
    def digests(self) -> list[str]:
        """Its names by digest, as ``containerStatuses[].imageID`` and ``crictl`` have them."""
        return sorted({f"{parse_reference(n).repository}@{d}" for n, d in self.names.items() if d})

    def image_id(self, name: str) -> str:
        """Give what a container's status says of the image that was asked for as ``name``."""
        wanted = parse_reference(name).repository if not name.startswith("sha256:") else ""
        digests = self.digests
        fitting = (each for each in digests if each.startswith(f"{wanted}@"))
        return next(fitting, digests[0] if digests else self.id)


class Index(Struct, frozen=True):
    """The content of the index's file: images by ID."""

    images: dict[str, Image] = {}


class Images:
    """Images below one directory; what others add or remove is seen at once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen: tuple[int, int] | None = None
        self._index = Index()

    def images(self) -> list[Image]:
        """List the images, by ID."""
        return [image for _, image in sorted(self._read().images.items())]

    def root(self, image: Image) -> Path:
        """Give an image's root file system."""
        return self._directory / "roots" / image.id.partition(":")[2]

    def find_root(self, name: str) -> Path | None:
        """Find the root file system of the image that a pod asks for."""
        image = self.find(name)
        return None if image is None else self.root(image)

    def find(self, name: str) -> Image | None:
        """Find the image that a pod asks for, by a name as users write it, or by its whole ID."""
        index = self._read()
        if not index.images:
            return None
        if name in index.images:
            return index.images[name]
        try:
            wanted = parse_reference(name)
        except InvalidReferenceError:
            return None
        for image in index.images.values():
            if str(wanted) in image.names or (wanted.digest and str(wanted) in image.digests):
                return image
        return None

    def get(self, name: str) -> Image:
        """Find the image that a user names: also by the beginning of its ID.

        Raises:
            ImageNotFoundError: there is none, or several IDs begin so.

        """
        found = self.find(name)
        if found is not None:
            return found
        begin = name.removeprefix("sha256:")
        candidates = [each for each in self.images() if each.id.partition(":")[2].startswith(begin)]
        if len(begin) < _SHORTEST_ID or len(candidates) != 1:
            raise ImageNotFoundError(f"no such image: {name}", hint="netemu image ls")
        return candidates[0]

    def _read(self) -> Index:
        """Read the index if it changed since."""
        path = self._directory / "index.json"
        try:
            found = os.stat(path)
        except FileNotFoundError:
            self._index, self._seen = Index(), None
            return self._index
        if self._seen != (found.st_mtime_ns, found.st_ino):
            self._index = msgspec.json.decode(path.read_bytes(), type=Index)
            self._seen = (found.st_mtime_ns, found.st_ino)
        return self._index
