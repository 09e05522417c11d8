"""[IO] Make a cluster's keys and certificates, once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from netemu.pki.files import PkiFiles

ADMIN = "kubernetes-admin"
MASTERS = "system:masters"


def ensure_files(
    files: PkiFiles, names: Sequence[str], addresses: Sequence[IPv4Address | IPv6Address], *, now_s: float
) -> None:
    """Make all files if they are not there; the server is certified for ``names`` and ``addresses``.

    They appear at once, so that whoever finds the directory finds all of them.
    """
    if files.exist:
        return
    new = files.directory.with_name(f"{files.directory.name}.new")
    shutil.rmtree(new, ignore_errors=not new.exists())
    new.mkdir(parents=True, mode=0o700)
    for path, content in _contents(PkiFiles(new), names, addresses, now_s).items():
        _write(path, content)
    new.rename(files.directory)


def _contents(
    files: PkiFiles, names: Sequence[str], addresses: Sequence[IPv4Address | IPv6Address], now_s: float
) -> Mapping[Path, bytes]:
    from netemu.pki.certificates import Authority, key_pem, new_key

    authority = Authority(now_s)
    server, admin = authority.server(names, addresses), authority.client(ADMIN, [MASTERS])
    return {
        files.ca: authority.credential.certificate,
        files.ca_key: authority.credential.key,
        files.server: server.certificate,
        files.server_key: server.key,
        files.admin: admin.certificate,
        files.admin_key: admin.key,
        files.service_account_key: key_pem(new_key()),
    }


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
