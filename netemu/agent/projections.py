"""The files of volumes that are made of objects: ConfigMaps, Secrets, fields and tokens. Pure.

Source: https://kubernetes.io/docs/concepts/storage/projected-volumes/ and …/volumes/; the words
of what is missing are the kubelet's (``pkg/volume``).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from netemu.agent.amounts import container_resource
from netemu.agent.security import fs_group, fs_user
from netemu.api.client import Object
from netemu.errors import NetemuError

FILE_MODE = 0o644
TOKEN_S = 3600.0
TOKEN_SHARE = 0.8
MOST_TOKEN_USE_S = 24 * 3600.0
_SUBSCRIPT = re.compile(r"^metadata\.(labels|annotations)\['(.*)'\]$")

Raw = Mapping[str, Any]


class VolumeError(NetemuError):
    """A volume cannot be made now; the words are those of the event FailedMount."""

    code = "AGENT_VOLUME"


class File(NamedTuple):
    """One file of a volume."""

    content: bytes
    mode: int
    is_token: bool = False


Files = dict[str, File]


class Sources(NamedTuple):
    """Where a pod's volumes take from: objects by kind and name, and tokens by audience and seconds."""

    pod: Object
    find: Callable[[str, str], Raw | None]
    token: Callable[[str, int], str]


def volume_files(volume: Raw, sources: Sources) -> Files | None:
    """Give the files of a volume by their paths; ``None`` if it is not made of objects.

    Raises:
        VolumeError: an object, or a key of one, is missing and not optional.

    """
    match volume:
        case {"configMap": source}:
            return _keys("ConfigMap", source, source.get("name", ""), _mode(source), sources)
        case {"secret": source}:
            return _keys("Secret", source, source.get("secretName", ""), _mode(source), sources)
        case {"downwardAPI": source}:
            return _fields(source, _mode(source), sources.pod)
        case {"projected": source}:
            files: Files = {}
            for projection in source.get("sources") or ():
                files |= _projected(projection, _mode(source), sources)
            return files
        case _:
            return None


def mentions(volume: Raw, kind: str, name: str) -> bool:
    """Tell whether a volume is made of this ConfigMap or Secret."""
    parts = [volume, *((volume.get("projected") or {}).get("sources") or ())]
    word = "secret" if kind == "Secret" else "configMap"
    sources = [part[word] for part in parts if word in part]
    return any(name in (source.get("secretName"), source.get("name")) for source in sources)


def needs_token(volume: Raw) -> bool:
    """Tell whether a volume has a token in it, and so belongs to who speaks to the API."""
    projections = (volume.get("projected") or {}).get("sources") or ()
    return any("serviceAccountToken" in projection for projection in projections)


def token_use_s(volume: Raw) -> float:
    """Give the time after which a volume's tokens are renewed: 80 % of their life, and a day at most.

    Source: https://kubernetes.io/docs/concepts/security/service-accounts/
    """
    projections = (volume.get("projected") or {}).get("sources") or ()
    lives_s = [
        float((each["serviceAccountToken"] or {}).get("expirationSeconds") or TOKEN_S)
        for each in projections
        if "serviceAccountToken" in each
    ]
    return min(min(lives_s, default=TOKEN_S) * TOKEN_SHARE, MOST_TOKEN_USE_S)


def tells_otherwise(old: Object, new: Object) -> bool:
    """Tell whether a change of a pod is one that files made of its fields show."""
    if not old or not any(map(_is_of_fields, new["spec"].get("volumes") or ())):
        return False
    return any(old["metadata"].get(each) != new["metadata"].get(each) for each in ("labels", "annotations"))


def _is_of_fields(volume: Raw) -> bool:
    projections = (volume.get("projected") or {}).get("sources") or ()
    return any("downwardAPI" in part for part in (volume, *projections))


def _projected(projection: Raw, mode: int, sources: Sources) -> Files:
    match projection:
        case {"configMap": source}:
            return _keys("ConfigMap", source, source.get("name", ""), mode, sources)
        case {"secret": source}:
            return _keys("Secret", source, source.get("name", ""), mode, sources)
        case {"downwardAPI": source}:
            return _fields(source, mode, sources.pod)
        case {"serviceAccountToken": source}:
            token = sources.token(source.get("audience") or "", source.get("expirationSeconds") or 3600)
            return {source.get("path", "token"): File(token.encode(), _token_mode(mode, sources.pod), True)}
    raise VolumeError(f"unsupported projection {', '.join(projection)}")


def _token_mode(mode: int, pod: Object) -> int:
    """Keep a token from all but the pod's own user and group, where it has one (kubelet's projected.go)."""
    is_owned = fs_user(pod) is not None or fs_group(pod) is not None
    return 0o600 if is_owned else mode


def _keys(kind: str, source: Raw, name: str, mode: int, sources: Sources) -> Files:
    """Give the files of a ConfigMap or Secret: all keys, or those that ``items`` names."""
    obj, optional = sources.find(kind, name), source.get("optional", False)
    if obj is None:
        if optional:
            return {}
        raise VolumeError(f'{kind.lower()} "{name}" not found')
    data = _data(kind, obj)
    items = source.get("items")
    if not items:
        return {key: File(content, mode) for key, content in data.items()}
    files = {}
    for item in items:
        if item["key"] in data:
            files[item["path"]] = File(data[item["key"]], item.get("mode", mode))
        elif not optional:
            raise VolumeError(f"references non-existent {_word(kind)} key: {item['key']}")
    return files


def _data(kind: str, obj: Raw) -> dict[str, bytes]:
    if kind == "Secret":
        return {key: base64.b64decode(value or "") for key, value in (obj.get("data") or {}).items()}
    plain = {key: value.encode() for key, value in (obj.get("data") or {}).items()}
    return plain | {key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}


def _word(kind: str) -> str:
    return "secret" if kind == "Secret" else "config"


def _fields(source: Raw, mode: int, pod: Object) -> Files:
    files = {}
    for item in source.get("items") or ():
        if "fieldRef" in item:
            text = field_text(pod, item["fieldRef"]["fieldPath"])
        else:
            text = resource_text(pod, item.get("resourceFieldRef") or {})
        files[item["path"]] = File(text.encode(), item.get("mode", mode))
    return files


def field_text(pod: Object, path: str) -> str:
    """Give a field of a pod as the downward API writes it into a file.

    Raises:
        VolumeError: there is no such field there.

    """
    meta = pod["metadata"]
    subscript = _SUBSCRIPT.match(path)
    if subscript:
        return str((meta.get(subscript[1]) or {}).get(subscript[2], ""))
    match path:
        case "metadata.name" | "metadata.namespace" | "metadata.uid":
            return str(meta[path.removeprefix("metadata.")])
        case "metadata.labels" | "metadata.annotations":
            return _pairs((meta.get(path.removeprefix("metadata.")) or {}).items())
    raise VolumeError(f"unsupported fieldPath: {path}")


def resource_text(pod: Object, reference: Raw) -> str:
    """Give a container's request or limit in whole divisors, rounded up.

    Raises:
        VolumeError: there is no such container.

    """
    name = reference.get("containerName", "")
    for container in (*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]):
        if container["name"] == name:
            return container_resource(container, reference)
    raise VolumeError(f"container {name} not found")


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in sorted(pairs))


def _mode(source: Raw) -> int:
    mode: int = source.get("defaultMode", FILE_MODE)
    return mode
