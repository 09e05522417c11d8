"""[IO] The images of one cluster, as the command line changes them: under a lock, and each all at once."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import msgspec
from msgspec.structs import replace

from netemu.image.archive import Saved, find_images
from netemu.image.errors import ImageError, InvalidReferenceError
from netemu.image.index import Image, Images, Index
from netemu.image.reference import parse_reference
from netemu.image.sources import Source, open_archive, open_source
from netemu.image.unpack import unpack_layer


class ImageStore(Images):
    """Images below one directory, to be added to and removed from."""

    def load(self, file: Path, name: str = "") -> list[Image]:
        """Load the images of an archive or an OCI layout.

        Raises:
            ImageError, InvalidReferenceError: it holds none, or is damaged; nothing of it is left.

        """
        with self._locked(), ExitStack() as stack:
            return self._load(open_source(file, stack, self._scratch()), name)

    def load_stream(self, stream: IO[bytes], name: str = "") -> list[Image]:
        """Load the images of an archive that comes through a pipe; see ``load``."""
        with self._locked(), ExitStack() as stack:
            return self._load(open_archive("standard input", stream, stack, self._scratch()), name)

    def remove(self, name: str) -> list[str]:
        """Take a name off an image, or all by its ID; the last name takes the image along.

        Returns:
            What went, as ``docker image rm`` says it.

        Raises:
            ImageNotFoundError: there is no such image.

        """
        with self._locked():
            image = self.get(name)
            gone = _names_meant(image, name)
            left = {each: digest for each, digest in image.names.items() if each not in gone}
            words = [f"Untagged: {each}" for each in gone]
            images = dict(self._read().images)
            if left:
                self._write({**images, image.id: replace(image, names=left)})
                return words
            del images[image.id]
            self._write(images)
            shutil.rmtree(self.root(image))
            return [*words, f"Deleted: {image.id}"]

    def _load(self, source: Source, name: str) -> list[Image]:
        saved = find_images(source, name=name)
        if name and len(saved) > 1:
            raise ImageError(f"{source.name} holds {len(saved)} images: one name does not do for them")
        return [self._take(source, each) for each in saved]

    def _take(self, source: Source, saved: Saved) -> Image:
        images = dict(self._read().images)
        old = images.get(saved.id)
        size_bytes = self._unpack(source, saved) if old is None else old.size_bytes
        names = dict.fromkeys(saved.names, saved.digest)
        for other in images.values():  # a name means one image: the newest
            kept = {each: digest for each, digest in other.names.items() if each not in names}
            images[other.id] = replace(other, names=kept)
        before = images[saved.id].names if old is not None else {}
        image = Image(id=saved.id, config=saved.config, size_bytes=size_bytes, names={**before, **names})
        self._write({**images, image.id: image})
        return image

    def _unpack(self, source: Source, saved: Saved) -> int:
        new = Path(tempfile.mkdtemp(dir=self._scratch()))
        new.chmod(0o755)
        try:
            size_bytes = sum(unpack_layer(source, layer, new) for layer in saved.layers)
            target = self._directory / "roots" / saved.id.partition(":")[2]
            target.parent.mkdir(exist_ok=True)
            if target.exists():  # left by a load that was killed before its index was written
                shutil.rmtree(target)
            new.rename(target)
        except BaseException:
            shutil.rmtree(new)
            raise
        return size_bytes

    def _scratch(self) -> Path:
        path = self._directory / "new"
        path.mkdir(exist_ok=True)
        return path

    def _write(self, images: dict[str, Image]) -> None:
        new = self._directory / "index.json.new"
        new.write_bytes(msgspec.json.encode(Index(images)))
        new.replace(self._directory / "index.json")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Be the only one who writes; what a killed one left half-done goes first."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            shutil.rmtree(self._scratch())
            try:
                yield
            finally:
                shutil.rmtree(self._scratch())


def _names_meant(image: Image, name: str) -> Sequence[str]:
    """Give the names that go: the one that was said, or all if it was an ID or a digest."""
    try:
        said = str(parse_reference(name))
    except InvalidReferenceError:
        return list(image.names)
    return [said] if said in image.names else list(image.names)
