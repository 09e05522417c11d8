"""[IO] The network namespaces of pods: recorded before they are made, until they are gone."""

from __future__ import annotations

from pathlib import Path

from netemu.cluster.record import Record
from netemu.cni.attachment import Attachment
from netemu.linux import netns


def ensure_netns(attachment: Attachment, node: str, record: Record) -> None:
    """Make the namespace that a pod of a node is to be wired in; idempotent."""
    path = Path(attachment.netns)
    facts = {
        "node": node,
        "uid": attachment.pod_uid,
        "namespace": attachment.pod_namespace,
        "name": attachment.pod_name,
    }
    record.add("netns", path.name, facts)
    if not netns.exists(path.name, path.parent):
        netns.create(path.name, path.parent)


def remove_netns(path: Path, record: Record) -> None:
    """Take a namespace's name away, then its entry in the record; idempotent."""
    netns.delete(path.name, path.parent)
    record.remove("netns", path.name)
