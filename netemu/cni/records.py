"""What the runtime remembers of each attachment, in files that outlive it.

DEL and CHECK get the result of ADD, and the configuration it was made with: the file in net.d
may have been changed or removed since. Kept in the node's /var/lib/cni/results, as libcni does.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from netemu.cni.attachment import Attachment
from netemu.cni.config import NetworkConfig
from netemu.cni.result import Result


class Record(Struct, frozen=True, kw_only=True):
    """An attachment that was made."""

    network: NetworkConfig
    attachment: Attachment
    result: Result


class Records:
    """The records of one node."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def save(self, record: Record) -> None:
        """Write a record, whole or not at all."""
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._path(record.attachment)
        fresh = path.with_name(f".{path.name}")
        fresh.write_bytes(msgspec.json.encode(record))
        fresh.rename(path)

    def find(self, attachment: Attachment) -> Record | None:
        """Find the record of an attachment."""
        try:
            return msgspec.json.decode(self._path(attachment).read_bytes(), type=Record)
        except FileNotFoundError:
            return None

    def forget(self, attachment: Attachment) -> None:
        """Remove a record; nothing happens if there is none."""
        self._path(attachment).unlink(missing_ok=True)

    def list(self) -> tuple[Record, ...]:
        """List all records: the attachments that were made and not deleted."""
        if not self._directory.exists():
            return ()
        files = sorted(path for path in self._directory.iterdir() if not path.name.startswith("."))
        return tuple(msgspec.json.decode(path.read_bytes(), type=Record) for path in files)

    def _path(self, attachment: Attachment) -> Path:
        # ":" is in no container ID and in no interface's name (CNI specification).
        return self._directory / f"{attachment.container_id}:{attachment.ifname}"
