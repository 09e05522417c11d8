"""What of a container's security context stands in profiles, and what of it is not to be had here.

Sources: the kubelet's ``pkg/kubelet/kuberuntime/security_context.go``; the words of what is missing are
containerd's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from netemu.agent.environment import ConfigError
from netemu.agent.users import beyond
from netemu.api.client import Object
from netemu.runtime.sandbox import BEYOND
from netemu.runtime.syscalls import read_in_root

Raw = Mapping[str, Any]

PROFILES = "/var/lib/kubelet/seccomp"
_FAILED = "failed to create containerd container: "
_MOST_BYTES = 1 << 20
BEYOND_WORDS = (
    "{}: not given, for the root of this container is the machine's, which that would reach. "
    "Pods have it that ask for it in spec.containers, without hostNetwork, hostPID, hostIPC, hostUsers: true"
)
_ALL_WORDS = f"{{}} (here: the default capabilities, {', '.join(name.upper() for name in BEYOND)})"


class ProfileError(ConfigError):
    """A profile cannot be loaded (CreateContainerError)."""

    reason = "CreateContainerError"


def seccomp_type(pod: Object, container: Raw, default: str = "Unconfined") -> str:
    """Give the type of the profile that a container's system calls have: its own, or its pod's."""
    own = container.get("securityContext") or {}
    if own.get("privileged"):
        return "Unconfined"
    return str((_profile(pod, own) or {}).get("type") or default)


def read_profile(pod: Object, container: Raw, root: Path) -> str:
    """Read the profile of the node's own that a container wants (``root`` is the node's file system); empty
    if it wants none.

    Raises:
        ProfileError: it is not there, or no JSON.
        ConfigError: it has no name.

    """
    if seccomp_type(pod, container) != "Localhost":
        return ""
    name = (_profile(pod, container.get("securityContext") or {}) or {}).get("localhostProfile", "")
    if not name:
        raise ConfigError("localhostProfile must be set if seccompProfile type is Localhost.")
    path = f"{PROFILES}/{name}"
    try:
        text = read_in_root(str(root), path.lstrip("/"), _MOST_BYTES).decode(errors="replace")
    except OSError as err:
        why = (err.strerror or "").lower()
        raise ProfileError(f'{_FAILED}cannot load seccomp profile "{path}": open {path}: {why}') from err
    try:
        json.loads(text)
    except (ValueError, RecursionError) as err:
        raise ProfileError(f'{_FAILED}decoding seccomp profile failed "{path}": {err}') from err
    return text


def not_had(container: Raw, *, has_users: bool) -> Iterator[tuple[str, str]]:
    """Say in reasons and messages of events what a container asked for and does not get.

    ``has_users`` if its pod has users of its own: then it may have all capabilities.
    """
    own = container.get("securityContext") or {}
    missing = [_ALL_WORDS.format(name) if name.upper() == "ALL" else name.upper() for name in beyond(own)]
    if own.get("privileged"):
        missing.append(_ALL_WORDS.format("privileged"))
    if missing and not has_users:
        yield "CapabilitiesNotGiven", BEYOND_WORDS.format(", ".join(missing))


def _profile(pod: Object, own: Raw) -> Raw | None:
    of_pod = pod["spec"].get("securityContext") or {}
    found: Raw | None = own.get("seccompProfile") or of_pod.get("seccompProfile")
    return found
