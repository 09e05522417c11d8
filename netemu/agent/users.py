"""Which pods have users of their own: a user namespace, whose root is nobody on the machine. Pure.

Kubernetes gives one to pods that ask (``hostUsers: false``). Here pods have one too that ask for what the
machine's root must not lend (``sandbox.BEYOND``): there it holds over their own network and mounts.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from netemu.api.client import Object
from netemu.linux.libc import USER_IDS
from netemu.runtime.sandbox import BEYOND, CAPABILITIES

NOT_SUPPORTED = "can't set `spec.hostUsers: false`, runtime does not support user namespaces"
"""A kubelet's words (pkg/kubelet/userns)."""

_GIVEN = frozenset((*CAPABILITIES, *BEYOND))
_SHARED = ("hostNetwork", "hostPID", "hostIPC")
_RANGES = (1 << 31) // USER_IDS - 2  # some file systems and programs know no numbers above 2^31


def wants_users(pod: Object) -> bool:
    """Tell whether a pod is to have users of its own; that never changes."""
    spec = pod["spec"]
    if spec.get("hostUsers") is not None:
        return not spec["hostUsers"]
    if any(spec.get(kind) for kind in _SHARED):
        return False
    containers = (each for group in ("initContainers", "containers") for each in spec.get(group) or ())
    contexts = (each.get("securityContext") or {} for each in containers)
    return any(context.get("privileged") or beyond(context) for context in contexts)


def first_id_of(pod: Object) -> int:
    """Give the machine's number of a pod's root: most likely no other pod's, and the same after a restart."""
    return (zlib.crc32(pod["metadata"]["uid"].encode()) % _RANGES + 1) * USER_IDS


def beyond(context: Mapping[str, Any]) -> list[str]:
    """List the capabilities that a security context adds and that reach the machine, as it has them."""
    added: Iterable[str] = (context.get("capabilities") or {}).get("add") or ()
    return [name for name in added if name.upper().removeprefix("CAP_").lower() not in _GIVEN]
