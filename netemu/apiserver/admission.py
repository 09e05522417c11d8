"""What admission adds to Pods: the token of their ServiceAccount. Pure.

Source: kubernetes ``plugin/pkg/admission/serviceaccount`` and KEP-1205.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from netemu.api.client import Object
from netemu.api.errors import NotFoundError
from netemu.api.kinds import POD, SERVICE_ACCOUNT, Kind
from netemu.apiserver import words
from netemu.apiserver.auth.lifetimes import MOUNTED_LIFETIME_S
from netemu.apiserver.metadata import generated_name

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX = "kube-api-access-"
ROOT_CA = "kube-root-ca.crt"
MIRROR = "kubernetes.io/config.mirror"

Find = Callable[[Kind, str, str], Object]

# One value for all pods: what is stored is never mutated.
_SOURCE = {
    "defaultMode": 420,
    "sources": [
        {"serviceAccountToken": {"expirationSeconds": MOUNTED_LIFETIME_S, "path": "token"}},
        {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": ROOT_CA}},
        {
            "downwardAPI": {
                "items": [
                    {
                        "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                        "path": "namespace",
                    }
                ]
            }
        },
    ],
}


class TokenAdmission:
    """Gives each new Pod the volume with its ServiceAccount's token, unless it says otherwise."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()

    def __call__(self, kind: Kind, obj: Object, find: Find) -> Object:
        """Give a new object as it is stored.

        Raises:
            ForbiddenError: it is a Pod of a ServiceAccount that does not exist.

        """
        if kind is not POD or MIRROR in (obj["metadata"].get("annotations") or {}):
            return obj
        account = _account(obj, find)
        if not _wants_token(obj["spec"], account):
            return obj
        name = generated_name(VOLUME_PREFIX, self._rng)
        return {**obj, "spec": _with_token(obj["spec"], name)}


def _account(pod: Object, find: Find) -> Object | None:
    """Find a pod's account; ``default`` may be missing for as long as its namespace is new."""
    meta, name = pod["metadata"], pod["spec"].get("serviceAccountName") or "default"
    try:
        return find(SERVICE_ACCOUNT, meta["namespace"], name)
    except NotFoundError as err:
        if name == "default":
            return None
        why = f"error looking up service account {meta['namespace']}/{name}: {err.message}"
        raise words.forbidden(POD, meta["name"], why) from err


def _wants_token(spec: dict[str, Any], account: Object | None) -> bool:
    own = spec.get("automountServiceAccountToken")
    if own is None and account is not None:
        own = account.get("automountServiceAccountToken")
    return own is not False


def _with_token(spec: dict[str, Any], volume: str) -> dict[str, Any]:
    for each in spec.get("volumes") or ():
        if each["name"].startswith(VOLUME_PREFIX):
            volume = each["name"]  # of a pod that was read elsewhere and is made anew
            break
    mount = {"mountPath": MOUNT_PATH, "name": volume, "readOnly": True}
    new = dict(spec)
    is_used = False
    for key in ("initContainers", "containers"):
        if spec.get(key):
            new[key] = [_mounting(container, mount) for container in spec[key]]
            is_used = is_used or new[key] != spec[key]
    if is_used and not any(each["name"] == volume for each in spec.get("volumes") or ()):
        new["volumes"] = [*(spec.get("volumes") or ()), {"name": volume, "projected": _SOURCE}]
    return new


def _mounting(container: dict[str, Any], mount: dict[str, Any]) -> dict[str, Any]:
    mounts = container.get("volumeMounts") or []
    if any(each.get("mountPath") == MOUNT_PATH for each in mounts):
        return container
    return {**container, "volumeMounts": [*mounts, mount]}
