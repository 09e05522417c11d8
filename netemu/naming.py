"""Names: the new types for them, and how kernel names derive from Kubernetes ones.

Kernel names are pure functions of the pod's UID, never of namespace and name, which come
again; a restarted daemon therefore finds the same objects without a state file.
"""

from __future__ import annotations

import hashlib
from typing import NewType

ClusterName = NewType("ClusterName", str)
NodeName = NewType("NodeName", str)
PodUid = NewType("PodUid", str)
NetnsName = NewType("NetnsName", str)
IfName = NewType("IfName", str)
Revision = NewType("Revision", int)


def short_hash(*parts: str) -> str:
    """Hash text to 12 lower-case hex digits (48 bits); parts cannot run into each other."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def pod_hex(uid: PodUid) -> str:
    """Give the 12 hex digits that stand for a pod in kernel names."""
    return short_hash(uid)


def interface_name(*identity: str, prefix: str = "ve") -> IfName:
    """Name the host side of a veth pair after what it belongs to.

    For a pod: its UID. In a CNI plugin: container ID and interface name.

    Returns:
        At most 15 bytes (``IFNAMSIZ - 1``, linux/if.h): prefix + 12 hex digits.

    Raises:
        ValueError: ``prefix`` is longer than 3 bytes.

    """
    if len(prefix.encode()) > 3:
        raise ValueError(f"prefix {prefix!r} is longer than 3 bytes")
    return IfName(prefix + short_hash(*identity))


def pod_netns(cluster: ClusterName, uid: PodUid) -> NetnsName:
    """Name a pod's network namespace: ``ne-<cluster>-<12 hex digits of the pod's UID>``."""
    return NetnsName(f"ne-{cluster}-{pod_hex(uid)}")


def place_netns(cluster: ClusterName, place: str) -> NetnsName:
    """Name the network namespace of a node, of ``fabric`` or of ``outside``."""
    return NetnsName(f"ne-{cluster}-{place}")
