"""ResourceQuotas: what objects use of them, and what no longer fits. Pure.

Sources: kubernetes ``pkg/quota/v1/evaluator/core``, ``plugin/pkg/admission/resourcequota``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import (
    CONFIG_MAP,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    REPLICATION_CONTROLLER,
    RESOURCE_QUOTA,
    SECRET,
    SERVICE,
    Kind,
)
from netemu.api.quantity import parse
from netemu.apiserver import words

Raw = dict[str, Any]
Usage = dict[str, Fraction]

ONE = Fraction(1)
_COUNTED = (CONFIG_MAP, PERSISTENT_VOLUME_CLAIM, REPLICATION_CONTROLLER, RESOURCE_QUOTA, SECRET, SERVICE)
_PLAIN = ("cpu", "memory", "ephemeral-storage")
_COMPUTE = ("cpu", "memory")
_BINARY = (("Ei", 60), ("Pi", 50), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10))


def usage(kind: Kind, obj: Object) -> Usage:
    """Tell what one object uses, by the names that quotas have for it."""
    used = {f"count/{kind.key}": ONE}
    if kind in _COUNTED:
        used[kind.resource] = ONE
    if kind is POD:
        used.update(_of_pod(obj))
    elif kind is SERVICE:
        used.update(_of_service(obj["spec"]))
    elif kind is PERSISTENT_VOLUME_CLAIM:
        used.update(_of_claim(obj))
    return used


def is_counted(kind: Kind, obj: Object, quota: Object) -> bool:
    """Tell whether a quota counts an object: one with scopes only the pods that all of them mean."""
    scopes = [{"scopeName": each, "operator": "Exists"} for each in quota["spec"].get("scopes") or ()]
    scopes += (quota["spec"].get("scopeSelector") or {}).get("matchExpressions") or ()
    return all(kind is POD and _is_in_scope(obj, scope) for scope in scopes)


def total(quota: Object, objects: Callable[[Kind], Iterable[Object]], kinds: Iterable[Kind]) -> Usage:
    """Add up what all objects of a namespace use of what a quota limits."""
    hard = quota["spec"].get("hard") or {}
    used = dict.fromkeys(hard, Fraction(0))
    for kind in kinds:
        if not _may_use(kind, hard):
            continue
        for obj in objects(kind):
            if is_counted(kind, obj, quota):
                for name, amount in usage(kind, obj).items():
                    if name in used:
                        used[name] += amount
    return used


def asked(kind: Kind, new: Object, old: Object | None, quota: Object) -> Usage:
    """Tell how much more of a quota a write would use.

    Raises:
        ForbiddenError: a new pod does not say how much it needs of what is limited.

    """
    hard = quota["spec"].get("hard") or {}
    if not is_counted(kind, new, quota):
        return {}
    if old is None and kind is POD:
        _check_said(new, quota["metadata"]["name"], hard)
    before = usage(kind, old) if old is not None and is_counted(kind, old, quota) else {}
    return {
        name: amount - before.get(name, 0)
        for name, amount in usage(kind, new).items()
        if name in hard and amount > before.get(name, 0)
    }


def check(kind: Kind, new: Object, quota: Object, more: Usage, used: Usage) -> None:
    """Refuse an object that would use ``more`` than a quota has left.

    Raises:
        ForbiddenError: as Kubernetes says it.

    """
    hard = quota["spec"].get("hard") or {}
    over = sorted(name for name, amount in more.items() if used[name] + amount > parse(hard[name]))
    if over:
        why = (
            f"exceeded quota: {quota['metadata']['name']}, requested: {_listed(more, over)},"
            f" used: {_listed(used, over)}, limited: {','.join(f'{name}={hard[name]}' for name in over)}"
        )
        raise words.forbidden(kind, new["metadata"]["name"], why)


def status(quota: Object, used: Usage) -> Raw:
    """Give the status of a quota."""
    hard = quota["spec"].get("hard") or {}
    return {"hard": dict(hard), "used": {name: render(name, used[name]) for name in hard}}


def render(name: str, amount: Fraction) -> str:
    """Write an amount as Kubernetes does: memory and storage by powers of 1024, cpu in thousandths."""
    if amount.denominator != 1:
        return f"{-(-amount.numerator * 1000 // amount.denominator)}m"
    whole = amount.numerator
    if whole and ("memory" in name or "storage" in name or "hugepages" in name):
        for unit, bits in _BINARY:
            if whole % (1 << bits) == 0:
                return f"{whole >> bits}{unit}"
    return str(whole)


def _may_use(kind: Kind, hard: Mapping[str, Any]) -> bool:
    if f"count/{kind.key}" in hard or (kind in _COUNTED and kind.resource in hard):
        return True
    if kind is POD:
        return any(not name.startswith("count/") for name in hard)
    prefix = {SERVICE.key: "services.", PERSISTENT_VOLUME_CLAIM.key: ""}.get(kind.key)
    return prefix is not None and any(
        name.startswith("services.") if prefix else "storage" in name for name in hard
    )


def _of_pod(pod: Object) -> Usage:
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return {}
    used = {"pods": ONE}
    for key in ("requests", "limits"):
        for name, amount in _added(pod["spec"], key).items():
            used[f"{key}.{name}"] = amount
            if key == "requests" and (name in _PLAIN or name.startswith("hugepages-")):
                used[name] = amount
    return used


def _added(spec: Raw, key: str) -> Usage:
    """Add up what a pod's containers ask for; init containers count where one needs more."""
    sums: Usage = {}
    for container in spec.get("containers") or ():
        _add(sums, _asked(container, key))
    beside: Usage = {}
    peak: Usage = {}
    for container in spec.get("initContainers") or ():
        wanted = _asked(container, key)
        if container.get("restartPolicy") == "Always":
            _add(beside, wanted)
        then = dict(beside)
        if container.get("restartPolicy") != "Always":
            _add(then, wanted)
        peak = {name: max(then.get(name, ONE * 0), peak.get(name, ONE * 0)) for name in {*then, *peak}}
    _add(sums, beside)
    most = {name: max(sums.get(name, ONE * 0), peak.get(name, ONE * 0)) for name in {*sums, *peak}}
    if spec.get("overhead"):
        _add(most, {name: parse(value) for name, value in spec["overhead"].items()})
    return most


def _asked(container: Raw, key: str) -> Usage:
    return {name: parse(value) for name, value in ((container.get("resources") or {}).get(key) or {}).items()}


def _add(sums: Usage, more: Usage) -> None:
    for name, amount in more.items():
        sums[name] = sums.get(name, ONE * 0) + amount


def _of_service(spec: Raw) -> Usage:
    ports = Fraction(len(spec.get("ports") or ()))
    match spec.get("type"):
        case "NodePort":
            return {"services.nodeports": ports}
        case "LoadBalancer":
            has_ports = spec.get("allocateLoadBalancerNodePorts", True)
            return {"services.loadbalancers": ONE, **({"services.nodeports": ports} if has_ports else {})}
        case _:
            return {}


def _of_claim(claim: Object) -> Usage:
    spec = claim["spec"]
    requests = (spec.get("resources") or {}).get("requests") or {}
    size = parse(requests["storage"]) if "storage" in requests else ONE * 0
    used = {"requests.storage": size}
    if spec.get("storageClassName"):
        of_class = f"{spec['storageClassName']}.storageclass.storage.k8s.io"
        used |= {f"{of_class}/persistentvolumeclaims": ONE, f"{of_class}/requests.storage": size}
    return used


def _is_in_scope(pod: Object, scope: Raw) -> bool:
    spec = pod["spec"]
    match scope.get("scopeName"):
        case "Terminating":
            return spec.get("activeDeadlineSeconds") is not None
        case "NotTerminating":
            return spec.get("activeDeadlineSeconds") is None
        case "BestEffort":
            return _is_best_effort(spec)
        case "NotBestEffort":
            return not _is_best_effort(spec)
        case "PriorityClass":
            return _is_selected(scope, spec.get("priorityClassName") or "")
        case "CrossNamespacePodAffinity":
            return _reaches_other_namespaces(spec)
        case _:
            return False


def _is_best_effort(spec: Raw) -> bool:
    return not any(
        name in _COMPUTE and amount
        for key in ("requests", "limits")
        for name, amount in _added(spec, key).items()
    )


def _is_selected(scope: Raw, value: str) -> bool:
    match scope.get("operator"):
        case "In":
            return value in (scope.get("values") or ())
        case "NotIn":
            return value not in (scope.get("values") or ())
        case "Exists":
            return bool(value)
        case _:
            return not value


def _reaches_other_namespaces(spec: Raw) -> bool:
    affinity = spec.get("affinity") or {}
    for way in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(way) or {}
        terms = [*(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ())]
        preferred = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [each["podAffinityTerm"] for each in preferred]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False


def _check_said(pod: Object, quota: str, hard: Mapping[str, Any]) -> None:
    """Refuse a pod of which a container does not say how much it needs of what is limited."""
    unsaid = []
    for name in sorted(hard):
        key, _, resource = name.rpartition(".")
        if name in _COMPUTE:
            key, resource = "requests", name
        if resource in _COMPUTE and key in ("requests", "limits"):
            spec = pod["spec"]
            containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
            who = [each["name"] for each in containers if resource not in _asked(each, key)]
            if who:
                unsaid.append(f"{name} for: {','.join(sorted(who))}")
    if unsaid:
        why = f"failed quota: {quota}: must specify {'; '.join(unsaid)}"
        raise words.forbidden(POD, pod["metadata"]["name"], why)


def _listed(amounts: Usage, names: Iterable[str]) -> str:
    return ",".join(f"{name}={render(name, amounts[name])}" for name in names)
