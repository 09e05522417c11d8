"""[IO] The volumes of one node's pods: directories that containers see at their mount paths.

Volumes made of objects are laid out as a kubelet does: files in a directory of their own, and
links to them, so that all change at once. A pod's volumes are made when its first process needs
them: a stand-in has none.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from netemu.agent import environment
from netemu.agent.hostpaths import failed, find_path, is_machines, whole_node
from netemu.agent.persistent import Lookup, find_place, find_volume
from netemu.agent.projections import (
    Files,
    Raw,
    Sources,
    VolumeError,
    needs_token,
    token_use_s,
    volume_files,
)
from netemu.agent.security import fs_group, fs_user, pod_memory_limit
from netemu.api import quantity
from netemu.api.client import Object
from netemu.errors import NetemuError
from netemu.runtime.container import Mount
from netemu.runtime.syscalls import make_below, open_below

TokenIssuer = Callable[[Object, str, int], str]
"""Gives a pod's ServiceAccount a token, for an audience and a number of seconds."""

_DATA = "..data"
_OBJECTS = ("configMap", "secret", "projected", "downwardAPI")
_LINKS = {"/var/run": "/run", "/var/lock": "/run/lock"}


class Volumes:
    """Makes volumes below a pod's directory, and says where containers mount them.

    ``root`` is the node's own file system, where hostPath volumes are; ``find_image`` gives where the files
    of an image are that a pod names.
    """

    def __init__(
        self,
        root: Path,
        lookup: Lookup,
        issue: TokenIssuer,
        find_image: Callable[[str], Path | None] = lambda _: None,
    ) -> None:
        self._root = root
        self._find_image = find_image
        self._lookup = lookup
        self._issue = issue

    def check(self, pod: Object) -> None:
        """Refuse a pod whose ConfigMaps, Secrets and claims are not there yet; makes nothing.

        Nobody misses a volume that no container mounts.

        Raises:
            VolumeError: as the event FailedMount says it.

        """
        used = _used_names(pod)
        for volume in pod["spec"].get("volumes") or ():
            if volume["name"] not in used:
                continue
            if not needs_token(volume):
                self._files(volume, pod)
            find_volume(pod, volume, self._lookup)

    def refresh(self, pod: Object, directory: Path) -> None:
        """Bring the volumes that a pod has up to date; one whose object went stays as it was."""
        for volume in pod["spec"].get("volumes") or ():
            made = directory / "volumes" / volume["name"]
            if not needs_token(volume) and made.is_dir():
                with suppress(VolumeError):
                    files = self._files(volume, pod)
                    if files is not None:
                        write_files(made, files, owner_of(pod))

    def renew(self, pod: Object, directory: Path, now_s: float) -> None:
        """Write new tokens into the volumes that a pod has, for those that are near their end."""
        for volume in pod["spec"].get("volumes") or ():
            made = directory / "volumes" / volume["name"]
            if needs_token(volume) and (made / _DATA).is_symlink():
                age_s = now_s - (made / _DATA).lstat().st_mtime
                if age_s >= token_use_s(volume):
                    with suppress(VolumeError):
                        write_files(made, self._files(volume, pod) or {}, owner_of(pod))

    def mounts(
        self, pod: Object, container: Raw, directory: Path, variables: Mapping[str, str]
    ) -> tuple[Mount, ...]:
        """Make the volumes that a container mounts, below the pod's ``directory``.

        Raises:
            VolumeError: one cannot be made, as the event FailedMount says it.

        """
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
        found = [
            made
            for mount in container.get("volumeMounts") or ()
            if mount["name"] in volumes
            for made in self._mount(pod, volumes[mount["name"]], mount, directory / "volumes", variables)
        ]
        return tuple(sorted(found, key=lambda mount: mount.target.count("/")))

    def _mount(
        self, pod: Object, volume: Raw, mount: Raw, directory: Path, variables: Mapping[str, str]
    ) -> tuple[Mount, ...]:
        claim = volume.get("persistentVolumeClaim") or {}
        target = PurePosixPath("/") / mount["mountPath"]
        read_only = bool(mount.get("readOnly") or claim.get("readOnly"))
        if str(PurePosixPath((volume.get("hostPath") or {}).get("path", "."))) == "/":
            return tuple(self._whole_node(target, read_only=read_only))
        if "image" in volume:
            return (self._image(volume, str(target), sub_path_of(mount, variables)),)
        size_bytes = memory_bytes(volume, pod)
        try:
            source = place = self._made(pod, volume, directory / volume["name"])
            if sub_path := sub_path_of(mount, variables):
                source = _below(source, sub_path, is_made_later=bool(size_bytes))
        except OSError as err:
            raise failed(volume["name"], f"{err.filename}: {err.strerror}") from err
        is_of_objects = any(word in volume for word in _OBJECTS)
        made = Mount(
            source=str(source),
            target=str(target),
            read_only=read_only or is_of_objects or is_machines(str(source)),
            below=_confining(source, place if place.parent == directory else self._root),
            memory_at=str(place) if size_bytes else "",
            memory_bytes=size_bytes,
        )
        return (made,)

    def _image(self, volume: Raw, target: str, sub_path: str) -> Mount:
        """Show an image's files, or a part of them that is there: to read, and to execute none."""
        name = volume["image"]["reference"]
        root = self._find_image(name)
        if root is None:
            raise failed(volume["name"], f'image "{name}" is not loaded')
        source = root / sub_path
        try:
            os.close(open_below(str(root), str(source)))
        except OSError as err:
            raise MissingPartError(
                f'failed to create containerd container: failed to mount image "{name}": '
                f'stat subpath "{sub_path}": {(err.strerror or "").lower()}'
            ) from err
        return Mount(source=str(source), target=target, below=str(root), no_exec=True)

    def _whole_node(self, target: PurePosixPath, *, read_only: bool) -> Iterator[Mount]:
        """Show a node's root directory: what is its own, and the programs that it shares."""
        for source, path, is_shared in whole_node(self._root):
            place = f"{target}{path}" if is_shared else str(target / path.lstrip("/"))
            below = "" if is_shared else str(self._root)
            yield Mount(source=source, target=place, read_only=is_shared or read_only, below=below)

    def _made(self, pod: Object, volume: Raw, directory: Path) -> Path:
        files = self._files(volume, pod)
        if files is not None:
            write_files(directory, files, owner_of(pod))
            return directory
        match volume:
            case {"emptyDir": _}:
                if not directory.is_dir():
                    directory.mkdir(parents=True)
                    directory.chmod(0o777)
                    _give_directory(directory, owner_of(pod))
                return directory
            case {"hostPath": source}:
                return find_path(self._root, volume["name"], source)
        found = find_volume(pod, volume, self._lookup)
        if found is not None:
            return find_place(self._root, found)
        kind = next((key for key in volume if key != "name"), "?")
        raise failed(volume["name"], f"volumes of type {kind} are not emulated")

    def _files(self, volume: Raw, pod: Object) -> Files | None:
        namespace = pod["metadata"]["namespace"]
        sources = Sources(
            pod,
            lambda kind, name: self._lookup(kind, namespace, name),
            lambda audience, lifetime_s: self._issue(pod, audience, lifetime_s),
        )
        try:
            return volume_files(volume, sources)
        except NetemuError as err:
            raise failed(volume["name"], err.message) from err


class MissingPartError(environment.ConfigError):
    """An image has nothing where a container mounts it (CreateContainerError)."""

    reason = "CreateContainerError"


class Owner(NamedTuple):
    """Whom a pod's volumes belong to, where it is not root: the user has tokens, the group everything."""

    uid: int | None
    gid: int | None


ROOT = Owner(None, None)


def owner_of(pod: Object) -> Owner:
    """Read whom a pod's volumes belong to."""
    return Owner(fs_user(pod), fs_group(pod))


def memory_bytes(volume: Raw, pod: Object) -> int:
    """Give the size of a volume that is memory, 0 of one that is not.

    That is also what keeps a sizeLimit: where a kubelet would evict the pod, the volume is full.
    Without one it has what the pod may use, or half of the machine's memory.
    """
    source = volume.get("emptyDir")
    if source is None or not (source.get("medium") == "Memory" or source.get("sizeLimit")):
        return 0
    size_bytes = int(quantity.parse(source.get("sizeLimit") or "0")) or pod_memory_limit(pod)
    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return min(size_bytes, half) if size_bytes else half


def write_files(directory: Path, files: Files, owner: Owner = ROOT) -> None:
    """Make a volume's files, or change all of them at once; idempotent.

    ``key`` → ``..data/key``, and ``..data`` → the directory that has this version.
    """
    if owner.gid is not None:  # the group may read everything
        files = {path: file._replace(mode=file.mode | 0o440) for path, file in files.items()}
    directory.mkdir(parents=True, exist_ok=True)
    link = directory / _DATA
    old = link.resolve() if link.is_symlink() else None
    if old is not None and _content(old) == {path: (file.content, file.mode) for path, file in files.items()}:
        return
    new = Path(tempfile.mkdtemp(prefix="..", dir=directory))
    new.chmod(0o755)
    for path, file in files.items():
        target = new / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)
        _give(target, owner, is_token=file.is_token)
    for made in {directory, new, *(new / parent for path in files for parent in PurePosixPath(path).parents)}:
        _give_directory(made, owner)
    fresh = directory / "..data_tmp"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(new.name)
    fresh.replace(link)
    _link_names(directory, {PurePosixPath(path).parts[0] for path in files})
    if old is not None:
        shutil.rmtree(old)


def sandbox_path(path: str) -> str:
    """Give a path of a sandbox without the links of its root that no mount can follow."""
    plain = str(PurePosixPath("/") / path)
    for link, target in _LINKS.items():
        if plain == link or plain.startswith(f"{link}/"):
            return target + plain[len(link) :]
    return plain


def sub_path_of(mount: Raw, variables: Mapping[str, str]) -> str:
    """Say which path of its volume a container mounts, empty for all of it.

    Raises:
        ConfigError: the path leads, or may lead, out of the volume, or has a variable that is not set.

    """
    path: str = mount.get("subPath") or environment.expand_all(mount.get("subPathExpr", ""), variables)
    if path.startswith("/"):
        raise environment.ConfigError(f"error SubPath `{path}` must not be an absolute path")
    if ".." in PurePosixPath(path).parts:
        raise environment.ConfigError(f"unable to provision SubPath `{path}`: must not contain '..'")
    return path


def _used_names(pod: Object) -> set[str]:
    """Name the volumes that some container mounts."""
    spec = pod["spec"]
    groups = ("initContainers", "containers", "ephemeralContainers")
    containers = (each for group in groups for each in spec.get(group) or ())
    lists = (each.get(word) or () for each in containers for word in ("volumeMounts", "volumeDevices"))
    return {mount["name"] for mounts in lists for mount in mounts}


def _link_names(directory: Path, names: set[str]) -> None:
    for name in names:
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"{_DATA}/{name}")
    for path in directory.iterdir():
        if not path.name.startswith("..") and path.name not in names:
            path.unlink()


def _content(directory: Path) -> dict[str, tuple[Any, ...]]:
    return {
        str(path.relative_to(directory)): (path.read_bytes(), path.stat().st_mode & 0o7777)
        for path in directory.rglob("*")
        if path.is_file()
    }


def _give(path: Path, owner: Owner, *, is_token: bool = False) -> None:
    uid, gid = owner.uid if is_token else None, owner.gid
    if uid is not None or gid is not None:
        os.chown(path, -1 if uid is None else uid, -1 if gid is None else gid)


def _give_directory(path: Path, owner: Owner) -> None:
    """Let a group read a directory, and have what is made in it (as the kubelet's SetVolumeOwnership)."""
    if owner.gid is not None:
        _give(path, owner)
        path.chmod(path.stat().st_mode & 0o7777 | 0o2550)


def _confining(source: Path, place: Path) -> str:
    """Give the directory that a volume must be found in when it is mounted; empty for the machine's own."""
    places = (place, Path(os.path.realpath(place)))  # a subPath is found without links
    return next((str(each) for each in places if source.is_relative_to(each)), "")


def _below(volume: Path, sub_path: str, *, is_made_later: bool) -> Path:
    """Give a path inside a volume, made as a directory if it is missing; links must not lead out.

    In one that is memory it is made by who makes that.
    """
    path = volume / sub_path
    if is_made_later:
        return path
    real = Path(os.path.realpath(path))  # Path.resolve() raises RuntimeError for links in a circle
    if not real.is_relative_to(volume.resolve()):
        raise VolumeError(f'subPath "{sub_path}" leads out of its volume')
    if not real.exists():
        make_below(str(volume.resolve()), str(real))
    return real
