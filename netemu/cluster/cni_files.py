"""A CNI configuration of the user's, with the plugins that it names: read on the machine, put into nodes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from netemu.cluster.world import NodePlace
from netemu.cni.config import SUFFIXES, CniConfigError, parse_config

OWN_PLUGINS = ("netemu-bridge", "netemu-ipam", "netemu-portmap")
MACHINE_DIRECTORIES = (Path("/opt/cni/bin"), Path("/usr/lib/cni"))  # CNI's default, and Debian's
POD_CIDR = "{{.PodCIDR}}"  # as in the templates of configurations that containerd takes (conf_template)


class CniFiles(NamedTuple):
    """A configuration's name and text, and the programs of the plugins in it that are not our own."""

    name: str
    text: str
    plugins: tuple[Path, ...]


def read_cni(file: Path, machine: Sequence[Path] = MACHINE_DIRECTORIES) -> CniFiles:
    """Read a configuration and find its plugins: beside it, in a directory ``bin`` there, on the machine.

    Raises:
        CniConfigError: it cannot be read or used, or a plugin is nowhere; the message names it.

    """
    if not file.is_file():
        raise CniConfigError(
            f"there is no file {file}", hint="Give a CNI configuration list (.conflist), or none."
        )
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as err:
        raise CniConfigError(f"{file} cannot be read: {err}") from err
    config = parse_config(text.encode(), source=str(file))
    directories = (file.parent, file.parent / "bin", *machine)
    types = {name for plugin in config.plugins for name in _types(plugin.raw)}.difference(OWN_PLUGINS)
    plugins = tuple(_find(name, directories, str(file)) for name in sorted(types))
    return CniFiles(file.name if file.suffix in SUFFIXES else f"{file.name}.conflist", text, plugins)


def install_cni(files: CniFiles, place: NodePlace, state: Path) -> Path:
    """Put them into a node, whose pods' range replaces ``{{.PodCIDR}}``; give where the configuration is.

    Plugins that the node has stay. The configuration is there at once and last: agents look at any time.
    """
    for plugin in files.plugins:
        target = state / "opt/cni/bin" / plugin.name
        if not target.exists():
            shutil.copy(plugin, target)
    path = state / "etc/cni/net.d" / files.name
    new = path.with_name(f".{path.name}.new")
    new.write_text(files.text.replace(POD_CIDR, str(place.pod_cidr)))
    return new.rename(path)


def _types(raw: Mapping[str, Any]) -> Iterator[str]:
    """Name a plugin, and those that it asks itself: for addresses, or (flannel's) for all."""
    for part in (raw, raw.get("ipam"), raw.get("delegate")):
        if isinstance(part, dict) and isinstance(part.get("type"), str) and part["type"]:
            yield part["type"]


def _find(name: str, directories: Sequence[Path], source: str) -> Path:
    found = next((path for each in directories if (path := each / name).is_file()), None)
    if found is None:
        searched = ", ".join(map(str, directories))
        raise CniConfigError(
            f"{source}: there is no plugin {name!r} in {searched}",
            hint="Debian's are in containernetworking-plugins; or use netemu's own: "
            f"{', '.join(OWN_PLUGINS)}.",
        )
    return found
