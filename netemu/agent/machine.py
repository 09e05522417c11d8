"""What a node says that it is: the machine that it runs on, in a kubelet's words. Reads /proc."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from netemu.api.client import Object
from netemu.api.quantity import parse

KUBELET_VERSION = "v1.37.1"
KUBELET_PORT = 10250
# What kubelets keep for images and logs: pods may have the rest of the disk.
DISK_SHARE = 0.9


def capacity(disk: Path, *, cpu: str, memory: str, max_pods: int, storage: str = "") -> dict[str, str]:
    """Give what a node has; ``cpu``, ``memory`` and ``storage`` stand for the machine's where they are
    not empty.
    """
    kib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024
    return {
        "cpu": cpu or str(os.cpu_count() or 1),
        "ephemeral-storage": storage or f"{_disk_bytes(disk) // 1024}Ki",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": memory or f"{kib}Ki",
        "pods": str(max_pods),
    }


def allocatable(has: dict[str, str]) -> dict[str, str]:
    """Give what pods may ask for: all of it, but for a part of the disk."""
    return {
        **has,
        "ephemeral-storage": str(int(parse(has["ephemeral-storage"]) * int(DISK_SHARE * 100) // 100)),
    }


def node_info(identity: str) -> Object:
    """Describe the system; ``identity`` tells this node from all others, also of other clusters."""
    unique = uuid5(NAMESPACE_DNS, identity)
    return {
        "architecture": architecture(),
        "bootID": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "containerRuntimeVersion": "netemu://0.1.0",
        "kernelVersion": platform.release(),
        "kubeProxyVersion": "",
        "kubeletVersion": KUBELET_VERSION,
        "machineID": unique.hex,
        "operatingSystem": "linux",
        "osImage": "netemu node",
        "systemUUID": str(unique),
    }


def node_labels(name: str, zone: str) -> dict[str, str]:
    """Give the labels that a node registers with."""
    arch = architecture()
    where: dict[str, Any] = (
        {"topology.kubernetes.io/region": "netemu", "topology.kubernetes.io/zone": zone} if zone else {}
    )
    return {
        "beta.kubernetes.io/arch": arch,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": arch,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        **where,
    }


def architecture() -> str:
    """Name the machine's architecture as Go does."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def _disk_bytes(path: Path) -> int:
    found = os.statvfs(path)
    return found.f_blocks * found.f_frsize
