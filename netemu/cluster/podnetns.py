"""[IO] The network namespaces of pods: recorded before they are made, with how they were wired, until
they are gone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from netemu.cluster.record import Record
from netemu.cni.attachment import Attachment
from netemu.cni.records import Record as Wired
from netemu.cni.records import Records
from netemu.linux import netns

_WIRED = "wired"


class WiredNetns:
    """Attachments of one node, in the entries of the namespaces that they are in: a file for each pod less.

    ``files`` has those that the entries do not: made by programs, which know no record.
    """

    def __init__(self, node: str, record: Record, files: Records) -> None:
        self._node = node
        self._record = record
        self._files = files

    def save(self, record: Wired) -> None:
        """Note an attachment in its namespace's entry, which is there."""
        facts = _facts(record.attachment, self._node)
        name = Path(record.attachment.netns).name
        self._record.extend("netns", name, {**facts, _WIRED: record})

    def find(self, attachment: Attachment) -> Wired | None:
        """Find what is noted of an attachment."""
        facts = self._record.facts("netns", Path(attachment.netns).name) or {}
        return wired_in(facts) or self._files.find(attachment)

    def forget(self, attachment: Attachment) -> None:
        """Forget a file; an entry goes with its namespace."""
        self._files.forget(attachment)


def wired_in(facts: dict[str, Any]) -> Wired | None:
    """Read from an entry of the record how its namespace was wired, if it was."""
    noted = facts.get(_WIRED)
    return None if noted is None else msgspec.convert(noted, Wired)


def ensure_netns(attachment: Attachment, node: str, record: Record) -> None:
    """Make the namespace that a pod of a node is to be wired in; idempotent."""
    path = Path(attachment.netns)
    record.add("netns", path.name, _facts(attachment, node))
    if not netns.exists(path.name, path.parent):
        netns.create(path.name, path.parent, first_id=attachment.first_id)


def remove_netns(path: Path, record: Record) -> None:
    """Take a namespace's name away, then its entry in the record; idempotent."""
    netns.delete(path.name, path.parent)
    record.remove("netns", path.name)


def _facts(attachment: Attachment, node: str) -> dict[str, Any]:
    return {
        "node": node,
        "uid": attachment.pod_uid,
        "namespace": attachment.pod_namespace,
        "name": attachment.pod_name,
    }
