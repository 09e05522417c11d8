"""Whether the API is alive and ready: ``/healthz``, ``/livez``, ``/readyz`` and their checks. Pure.

Source: https://kubernetes.io/docs/reference/using-api/health-checks/ and apiserver
``pkg/server/healthz`` (words).
"""

from __future__ import annotations

from typing import NamedTuple

from netemu.api.errors import NotFoundError

PROBES = ("healthz", "livez", "readyz")

_CLUSTER = "cluster"
"""The check of netemu's own, below ``/readyz``: its DNS answers. As in Kubernetes, that of the API does not
wait for what runs in the cluster; who wants to know asks for this one."""

# What Kubernetes does after its server began to listen, netemu has done before: the store is open, and custom
# kinds, namespaces, priorities, flow schemas and APIServices are there with the first answer. So none fails.
_HOOKS = (
    "start-kube-apiserver-admission-initializer",
    "generic-apiserver-start-informers",
    "priority-and-fairness-config-consumer",
    "priority-and-fairness-filter",
    "start-apiextensions-informers",
    "start-apiextensions-controllers",
    "crd-informer-synced",
    "bootstrap-controller",
    "start-system-namespaces-controller",
    "rbac/bootstrap-roles",
    "scheduling/bootstrap-system-priority-classes",
    "priority-and-fairness-config-producer",
    "start-cluster-authentication-info-controller",
    "start-kube-aggregator-informers",
    "apiservice-registration-controller",
    "apiservice-status-available-controller",
    "kube-apiserver-autoregistration",
)
_AFTER_HOOKS = ("autoregister-completion", "poststarthook/apiservice-openapi-controller")
_ALWAYS = ("ping", "log", "etcd")
_LIVE = (*_ALWAYS, *(f"poststarthook/{hook}" for hook in _HOOKS), *_AFTER_HOOKS)
_READY = (*_ALWAYS, "informer-sync", *_LIVE[len(_ALWAYS) :], "shutdown")
CHECKS = {"healthz": _LIVE, "livez": _LIVE, "readyz": _READY}
_NAMED = CHECKS | {"readyz": (*_READY, _CLUSTER)}


class Health(NamedTuple):
    """What a probe answers."""

    text: str
    is_ok: bool = True


def probe(name: str, check: str, missing: str, *, verbose: bool, excluded: frozenset[str]) -> Health:
    """Answer a probe, or (``check``) one of its checks; ``missing`` is what a cluster still waits for.

    Raises:
        NotFoundError: it has no such check.

    """
    if check and check not in _NAMED[name]:
        raise NotFoundError("the server could not find the requested resource")
    if check == _CLUSTER and missing:
        return Health(f"internal server error: {missing}\n", False)
    if check or not verbose:
        return Health("ok")
    checks = CHECKS[name]
    lines = [f"[+]{each} excluded: ok" if each in excluded else f"[+]{each} ok" for each in checks]
    unknown = sorted(excluded - frozenset(checks))
    if unknown:
        said = ",".join(f'"{each}"' for each in unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {said}")
    return Health("\n".join([*lines, f"{name} check passed", ""]))
