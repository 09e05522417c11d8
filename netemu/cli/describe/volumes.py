"""The volumes of a pod, by what they are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from netemu.cli.describe.generic import field_words
from netemu.cli.describe.head import Object
from netemu.cli.describe.sheet import Sheet

Lines = Sequence[tuple[str, object]]


def write_volumes(sheet: Sheet, volumes: Sequence[Object], *, indent: int = 0) -> None:
    """Write each volume, in the words that kubectl has for its type."""
    sheet.write(indent, "Volumes:")
    for volume in volumes:
        sheet.write(indent + 1, f"{volume['name']}:")
        for title, value in _lines(volume):
            sheet.write(indent + 2, *((title,) if value is None else (title, value)))


def _lines(volume: Object) -> Lines:
    source = next((key for key in volume if key != "name"), "emptyDir")
    found: Object = volume.get(source) or {}
    lines = _SOURCES.get(source)
    return lines(found) if lines else [("Type:", field_words(source))]


def _projected(found: Object) -> Lines:
    lines: list[tuple[str, object]] = [
        ("Type:", "Projected (a volume that contains injected data from multiple sources)")
    ]
    for source in found.get("sources") or ():
        match source:
            case {"serviceAccountToken": token}:
                lines.append(("TokenExpirationSeconds:", token.get("expirationSeconds", 3600)))
            case {"configMap": part}:
                lines += [("ConfigMapName:", part.get("name", "")), ("Optional:", _optional(part))]
            case {"secret": part}:
                lines += [("SecretName:", part.get("name", "")), ("Optional:", _optional(part))]
            case {"downwardAPI": _}:
                lines.append(("DownwardAPI:", "true"))
    return lines


def _config_map(found: Object) -> Lines:
    return [
        ("Type:", "ConfigMap (a volume populated by a ConfigMap)"),
        ("Name:", found.get("name", "")),
        ("Optional:", _optional(found)),
    ]


def _secret(found: Object) -> Lines:
    return [
        ("Type:", "Secret (a volume populated by a Secret)"),
        ("SecretName:", found.get("secretName", "")),
        ("Optional:", _optional(found)),
    ]


def _empty_dir(found: Object) -> Lines:
    return [
        ("Type:", "EmptyDir (a temporary directory that shares a pod's lifetime)"),
        ("Medium:", found.get("medium", "")),
        ("SizeLimit:", found.get("sizeLimit", "<unset>")),
    ]


def _host_path(found: Object) -> Lines:
    return [
        ("Type:", "HostPath (bare host directory volume)"),
        ("Path:", found.get("path", "")),
        ("HostPathType:", found.get("type", "")),
    ]


def _downward(found: Object) -> Lines:
    lines: list[tuple[str, object]] = [
        ("Type:", "DownwardAPI (a volume populated by information about the pod)"),
        ("Items:", None),
    ]
    for item in found.get("items") or ():
        told = (item.get("fieldRef") or {}).get("fieldPath") or (item.get("resourceFieldRef") or {}).get(
            "resource"
        )
        lines.append((f"  {told} -> {item['path']}", None))
    return lines


def _optional(part: Object) -> str:
    return str(bool(part.get("optional"))).lower()


_SOURCES: Mapping[str, Callable[[Object], Lines]] = {
    "projected": _projected,
    "configMap": _config_map,
    "secret": _secret,
    "downwardAPI": _downward,
    "emptyDir": _empty_dir,
    "hostPath": _host_path,
}
