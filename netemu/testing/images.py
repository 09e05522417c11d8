"""Images built in code: layers of a few entries, saved as Docker and as OCI tools save them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from netemu.image.archive import machine_architecture

Entry = bytes | str | tarfile.TarInfo
"""A file's content; the target of a symbolic link; or whatever else, as tarfile describes it."""


def layer(entries: Mapping[str, Entry | None], *, mode: int = 0o755) -> bytes:
    """Make a layer's archive: ``None`` is a directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, entry in entries.items():
            info = tarfile.TarInfo(name)
            info.mode = mode
            match entry:
                case bytes():
                    info.size = len(entry)
                    tar.addfile(info, io.BytesIO(entry))
                    continue
                case str():
                    info.type, info.linkname = tarfile.SYMTYPE, entry
                case tarfile.TarInfo():
                    info = entry
                    info.name = name
                case None:
                    info.type = tarfile.DIRTYPE
            tar.addfile(info)
    return buffer.getvalue()


def hard_link(target: str) -> tarfile.TarInfo:
    """Give an entry that is another name of a file."""
    info = tarfile.TarInfo()
    info.type, info.linkname = tarfile.LNKTYPE, target
    return info


def docker_archive(
    path: Path, layers: Sequence[bytes], *, tags: Sequence[str], process: Mapping[str, Any] | None = None
) -> str:
    """Write what ``docker save`` wrote before version 25, and give the image's ID."""
    config = _config(layers, process or {})
    id = _digest(config)
    files = {f"{id[7:]}.json": config}
    files |= {f"{number}/layer.tar": data for number, data in enumerate(layers)}
    image = {
        "Config": f"{id[7:]}.json",
        "RepoTags": list(tags),
        "Layers": [f"{number}/layer.tar" for number in range(len(layers))],
    }
    _write_tar(path, {**files, "manifest.json": json.dumps([image]).encode()})
    return id


def oci_layout(
    layers: Sequence[bytes],
    *,
    name: str = "",
    process: Mapping[str, Any] | None = None,
    architecture: str = "",
    compress: Callable[[bytes], bytes] = gzip.compress,
) -> tuple[dict[str, bytes], str]:
    """Make the files of an OCI layout with an index of one platform, and give its manifest's digest."""
    blobs: dict[str, bytes] = {}

    def blob(data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        digest = _digest(data)
        blobs[f"blobs/{digest.replace(':', '/')}"] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data), **more}

    config = _config(layers, process or {}, architecture)
    manifest = {
        "schemaVersion": 2,
        "config": blob(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [blob(compress(each), "application/vnd.oci.image.layer.v1.tar+gzip") for each in layers],
    }
    platform = {"architecture": architecture or machine_architecture(), "os": "linux"}
    inner = blob(
        json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json", platform=platform
    )
    other = {**inner, "digest": f"sha256:{'0' * 64}", "platform": {"architecture": "pdp11", "os": "linux"}}
    index = json.dumps({"schemaVersion": 2, "manifests": [other, inner]}).encode()
    annotations = {"org.opencontainers.image.ref.name": name} if name else {}
    outer = blob(index, "application/vnd.oci.image.index.v1+json", annotations=annotations)
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', **blobs}
    return {**files, "index.json": json.dumps({"manifests": [outer]}).encode()}, inner["digest"]


def write_directory(root: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a directory."""
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def write_archive(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into an archive."""
    _write_tar(path, files)
    return path


def _config(layers: Sequence[bytes], process: Mapping[str, Any], architecture: str = "") -> bytes:
    config = {
        "architecture": architecture or machine_architecture(),
        "os": "linux",
        "config": dict(process),
        "rootfs": {"type": "layers", "diff_ids": [_digest(each) for each in layers]},
    }
    return json.dumps(config).encode()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _write_tar(path: Path, files: Mapping[str, bytes]) -> None:
    path.write_bytes(layer(files, mode=0o644))


def busybox_layer(**more: Entry | None) -> bytes:
    """Make a layer of a tiny system: busybox's programs, a few users, a directory for everybody."""
    program = Path(shutil.which("busybox") or "/bin/busybox").read_bytes()
    applets = subprocess.run(["busybox", "--list"], check=True, capture_output=True, text=True).stdout.split()
    passwd = b"root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001::/home/web:/bin/sh\n"
    everybodys = tarfile.TarInfo()
    everybodys.type, everybodys.mode = tarfile.DIRTYPE, 0o1777
    entries: dict[str, Entry | None] = {
        "bin/busybox": program,
        **{f"bin/{name}": "busybox" for name in applets if name != "busybox"},
        "etc/passwd": passwd,
        "etc/group": b"root:x:0:\nweb:x:1001:\nextra:x:1002:web\n",
        "tmp": everybodys,
        **more,
    }
    return layer(entries)
