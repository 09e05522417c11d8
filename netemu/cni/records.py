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
from netemu.linux.files import read_small, write_small


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
        data = msgspec.json.encode(record)
        try:
            write_small(self._path(record.attachment), data)
        except FileNotFoundError:
            self._directory.mkdir(parents=True, exist_ok=True)
            write_small(self._path(record.attachment), data)

    def find(self, attachment: Attachment) -> Record | None:
        """Find the record of an attachment."""
        data = read_small(self._path(attachment))
        return msgspec.json.decode(data, type=Record) if data else None

    def forget(self, attachment: Attachment) -> None:
        """Remove a record; nothing happens if there is none."""
        self._path(attachment).unlink(missing_ok=True)

    def list(self) -> tuple[Record, ...]:
        """List all records: the attachments that were made and not deleted."""
        if not self._directory.exists():
            return ()
        found = (read_small(path) for path in sorted(self._directory.iterdir()))
        return tuple(msgspec.json.decode(data, type=Record) for data in found if data)

    def _path(self, attachment: Attachment) -> Path:
        # ":" is in no container ID and in no interface's name (CNI specification).
        return self._directory / f"{attachment.container_id}:{attachment.ifname}"
