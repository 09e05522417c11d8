"""[IO] PersistentVolumes on one node: what stands behind a claim, and the end of what was made for one."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from netemu.agent.hostpaths import find_path, locate
from netemu.agent.projections import Raw, VolumeError
from netemu.api import claims
from netemu.api.client import Client, Object
from netemu.api.errors import ConflictError, NotFoundError
from netemu.api.kinds import PERSISTENT_VOLUME
from netemu.informer.cache import Cache, Change, Key
from netemu.logs import Log
from netemu.runtime.syscalls import set_mode_below

log = Log(__name__)

SELECTED = "local.path.provisioner/selected-node"

_PARTS = ("capacity", "claimRef", "nodeAffinity")  # of a spec, what is no source

Lookup = Callable[[str, str, str], Raw | None]


def find_volume(pod: Object, volume: Raw, lookup: Lookup) -> Raw | None:
    """Find the PersistentVolume that a pod's volume stands for; ``None`` if it stands for none.

    Raises:
        VolumeError: its claim has none.

    """
    name = claims.claim_of(pod, volume)
    if not name:
        return None
    namespace = pod["metadata"]["namespace"]
    claim = lookup("PersistentVolumeClaim", namespace, name)
    if claim is None:
        why = f'failed to fetch PVC from API server: persistentvolumeclaim "{name}" not found'
        raise _unprocessed(volume, namespace, name, why)
    if not claims.is_bound(claim):
        raise _unprocessed(volume, namespace, name, "PVC is not bound")
    found = lookup("PersistentVolume", "", claim["spec"]["volumeName"])
    if found is None:
        why = f'failed to fetch PV "{claim["spec"]["volumeName"]}" from API server'
        raise _unprocessed(volume, namespace, name, why)
    return found


def find_place(root: Path, volume: Raw) -> Path:
    """Find where on a node a PersistentVolume is.

    Raises:
        VolumeError: it is not there, or of a type that nodes do not have.

    """
    name, spec = volume["metadata"]["name"], volume["spec"]
    is_ours = claims.marks_of(volume).get(claims.PROVISIONED_BY) == claims.LOCAL_PROVISIONER
    match spec:
        case {"hostPath": source}:
            path = root / source["path"].lstrip("/")
            is_new = is_ours and not path.exists()
            found = find_path(root, name, source)
            if is_new:
                set_mode_below(str(root), str(found), 0o777)
            return found
        case {"local": source}:
            with suppress(VolumeError):
                return find_path(root, name, {"path": source["path"], "type": "Directory"})
            why = f'path "{source["path"]}" does not exist'
            raise VolumeError(f'MountVolume.NewMounter initialization failed for volume "{name}" : {why}')
    kind = next((key for key, value in spec.items() if isinstance(value, Mapping) and key not in _PARTS), "?")
    raise VolumeError(
        f'MountVolume.SetUp failed for volume "{name}" : volumes of type {kind} are not emulated'
    )


def find_own_place(root: Path, volume: Raw) -> Path:
    """Find the directory that was made for a PersistentVolume, and goes with it.

    Anybody may write a volume with the provisioner's annotations: only what has the place and the name
    that it gives is its own. A path of the machine's, or of another volume, is not.

    Raises:
        VolumeError: it is no such directory.

    """
    name = volume["metadata"]["name"]
    path = PurePosixPath((volume["spec"].get("hostPath") or {}).get("path", "/"))
    if str(path.parent) != claims.DIRECTORY or not path.name.startswith(f"{name}_"):
        raise VolumeError(f'volume "{name}" is no directory that was made for a claim: {path}')
    return locate(root, name, volume["spec"]["hostPath"])


class Reclaimer:
    """Removes the directories of volumes that were made on this node, when their claims are gone."""

    def __init__(self, node: str, root: Path, client: Client, cache: Cache) -> None:
        self._node = node
        self._root = root
        self._client = client
        self._cache = cache
        self._released: asyncio.Queue[Key] = asyncio.Queue()

    def volume_changed(self, change: Change) -> None:
        """Note a volume that may have been released."""
        if change.new is not None and self._is_due(change.new):
            self._released.put_nowait(change.key)

    async def run(self) -> None:
        """Remove what is released until cancelled, first what was while the node was off."""
        for volume in self._cache.list(PERSISTENT_VOLUME):
            if self._is_due(volume):
                self._released.put_nowait(Key("", volume["metadata"]["name"]))
        while True:
            found = self._cache.get(PERSISTENT_VOLUME, await self._released.get())
            if found is not None and self._is_due(found):
                await self._remove(found)

    async def _remove(self, volume: Object) -> None:
        meta: dict[str, Any] = volume["metadata"]
        try:
            place = find_own_place(self._root, volume)
            with suppress(FileNotFoundError):  # it was removed before, and the object was not
                await asyncio.to_thread(shutil.rmtree, place)
            await self._client.delete(PERSISTENT_VOLUME, "", meta["name"], uid=meta["uid"])
        except (NotFoundError, ConflictError):
            return  # somebody else deleted it
        except (VolumeError, OSError) as err:
            log.warning("agent.volume_kept", node=self._node, volume=meta["name"], error=str(err))

    def _is_due(self, volume: Object) -> bool:
        marks = claims.marks_of(volume)
        return (
            marks.get(claims.PROVISIONED_BY) == claims.LOCAL_PROVISIONER
            and marks.get(SELECTED) == self._node
            and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
            and (volume.get("status") or {}).get("phase") == "Released"
            and not volume["metadata"].get("deletionTimestamp")
        )


def _unprocessed(volume: Raw, namespace: str, claim: str, why: str) -> VolumeError:
    name = volume["name"]
    return VolumeError(
        f"Unable to attach or mount volumes: unmounted volumes=[{name}], unattached volumes=[],"
        f" failed to process volumes=[{name}]: error processing PVC {namespace}/{claim}: {why}"
    )
