"""The ConfigMap ``kube-root-ca.crt`` in every namespace: whom clients in pods can trust. Pure.

Source: kubernetes ``pkg/controller/certificates/rootcacertpublisher``.
"""

from __future__ import annotations

from collections.abc import Iterable

from netemu.api.client import Object
from netemu.api.kinds import CONFIG_MAP, NAMESPACE
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.writes import Create, Update, Writes
from netemu.informer.cache import Cache, Change, Key

NAME = "kube-root-ca.crt"
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints"
    " such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across"
    " distributions of Kubernetes clusters."
)


def publisher(ca: str) -> Reconciler:
    """Give the controller that publishes ``ca`` (a certificate in PEM)."""

    def plan(cache: Cache, key: Key, _now_s: float) -> Writes:
        namespace = cache.get(NAMESPACE, key)
        if namespace is None or namespace["metadata"].get("deletionTimestamp"):
            return []
        published = cache.get(CONFIG_MAP, Key(key.name, NAME))
        if published is None:
            return [Create(CONFIG_MAP, _config_map(key.name, ca))]
        if published.get("data") == {"ca.crt": ca}:
            return []
        return [Update(CONFIG_MAP, {**published, "data": {"ca.crt": ca}})]

    return Reconciler(
        name="root-ca-certificate-publisher",
        plan=plan,
        triggers={NAMESPACE: own_key, CONFIG_MAP: _published},
    )


def _published(_cache: Cache, change: Change) -> Iterable[Key]:
    return (Key("", change.key.namespace),) if change.key.name == NAME else ()


def _config_map(namespace: str, ca: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": NAME,
            "namespace": namespace,
            "annotations": {"kubernetes.io/description": _DESCRIPTION},
        },
        "data": {"ca.crt": ca},
    }
