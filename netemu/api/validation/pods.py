"""The rules of Pods and of pod templates; what of a Pod may change.

Source: kubernetes ``pkg/apis/core/validation`` (``ValidatePodSpec``, ``ValidatePodUpdate``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api import syntax
from netemu.api.causes import (
    bad_value,
    bad_values,
    duplicate,
    forbidden,
    not_negative,
    one_of,
    required,
    shown,
)
from netemu.api.client import Object
from netemu.api.errors import Cause
from netemu.api.validation.containers import check_containers, check_host_ports
from netemu.api.validation.meta import check_labels
from netemu.api.validation.spreading import check_affinity, check_spreads
from netemu.api.validation.tolerations import check_tolerations
from netemu.api.validation.volumes import check_volumes

RESTART_POLICIES = ("Always", "Never", "OnFailure")
_DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_MAX_NAMESERVERS = 3
_MAX_SEARCHES = 32
_MAY_CHANGE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_MAX_DIFFERENCES = 5
_MAX_SYSCTL = 253
_SYSCTL_PART = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL = re.compile(rf"({_SYSCTL_PART}[\./])*{_SYSCTL_PART}", re.ASCII)
_SYSCTL_WORDS = rf"^({_SYSCTL_PART}[\./])*{_SYSCTL_PART}$"
_SHARED_WITH_NODE = ("hostPID", "hostIPC", "hostNetwork")

Json = Mapping[str, Any]


def check_pod(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a Pod; on an update also that only what may change did."""
    if old is not None and new["spec"] == old["spec"]:
        return
    yield from check_pod_spec(new["spec"], "spec", is_pod=True)
    if old is not None:
        yield from _check_update(new["spec"], old["spec"])
    elif new["spec"].get("ephemeralContainers"):
        yield forbidden("spec.ephemeralContainers", "cannot be set on create")


def check_pod_spec(spec: Json, path: str, *, is_pod: bool) -> Iterator[Cause]:
    """Check the spec of a Pod or (not ``is_pod``) of a template."""
    yield from check_volumes(spec.get("volumes", ()), f"{path}.volumes")
    yield from check_containers(spec, path)
    yield from check_host_ports(spec, path, is_pod=is_pod)
    yield from one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), RESTART_POLICIES)
    yield from one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    yield from _check_dns(spec, f"{path}.dnsConfig")
    yield from check_labels(f"{path}.nodeSelector", spec.get("nodeSelector", {}))
    yield from check_tolerations(spec.get("tolerations", ()), f"{path}.tolerations")
    yield from check_affinity(spec.get("affinity") or {}, f"{path}.affinity")
    yield from check_spreads(spec, path)
    yield from _check_names(spec, path)
    yield from _check_users(spec, path)
    yield from _check_sysctls(spec, f"{path}.securityContext.sysctls")
    yield from _check_host_aliases(spec.get("hostAliases", ()), f"{path}.hostAliases")
    yield from not_negative(
        f"{path}.terminationGracePeriodSeconds", spec.get("terminationGracePeriodSeconds")
    )
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and deadline < 1:
        yield bad_value(
            f"{path}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive"
        )


def _check_names(spec: Json, path: str) -> Iterator[Cause]:
    for name, rule in (
        ("hostname", syntax.label),
        ("subdomain", syntax.label),
        ("nodeName", syntax.subdomain),
        ("serviceAccountName", syntax.subdomain),
        ("priorityClassName", syntax.subdomain),
        ("schedulerName", syntax.qualified_name),
    ):
        if spec.get(name):
            yield from bad_values(f"{path}.{name}", spec[name], rule(spec[name]))


def _check_users(spec: Json, path: str) -> Iterator[Cause]:
    """Find what of the node a pod wants to have that is to have users of its own."""
    if spec.get("hostUsers") is False:
        for name in _SHARED_WITH_NODE:
            if spec.get(name):
                yield forbidden(f"{path}.{name}", "when `hostUsers` is false")


def _check_sysctls(spec: Json, path: str) -> Iterator[Cause]:
    seen = set()
    for index, sysctl in enumerate((spec.get("securityContext") or {}).get("sysctls") or ()):
        field, name = f"{path}[{index}].name", sysctl.get("name", "")
        if not name:
            yield required(field)
        elif len(name) > _MAX_SYSCTL or not _SYSCTL.fullmatch(name):
            rule = f"must have at most {_MAX_SYSCTL} characters and match regex {_SYSCTL_WORDS}"
            yield bad_value(field, name, rule)
        elif name in seen:
            yield duplicate(field, name)
        seen.add(name)


def _check_dns(spec: Json, path: str) -> Iterator[Cause]:
    config = spec.get("dnsConfig", {})
    servers, searches = config.get("nameservers", []), config.get("searches", [])
    if spec.get("dnsPolicy") == "None" and not servers:
        yield required(
            f"{path}.nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None"
        )
    if len(servers) > _MAX_NAMESERVERS:
        yield bad_value(
            f"{path}.nameservers", servers, f"must not have more than {_MAX_NAMESERVERS} nameservers"
        )
    if len(searches) > _MAX_SEARCHES:
        yield bad_value(f"{path}.searches", searches, f"must not have more than {_MAX_SEARCHES} search paths")
    for index, server in enumerate(servers):
        yield from bad_values(f"{path}.nameservers[{index}]", server, syntax.address(server))
    for index, option in enumerate(config.get("options", ())):
        if not option.get("name"):
            yield required(f"{path}.options[{index}]", "must not be empty")


def _check_host_aliases(aliases: list[dict[str, Any]], path: str) -> Iterator[Cause]:
    for index, alias in enumerate(aliases):
        ip = alias.get("ip", "")
        yield from bad_values(f"{path}[{index}].ip", ip, syntax.address(ip))
        for place, name in enumerate(alias.get("hostnames", ())):
            yield from bad_values(f"{path}[{index}].hostnames[{place}]", name, syntax.subdomain(name))


def _check_update(new: Json, old: Json) -> Iterator[Cause]:
    for group in ("containers", "initContainers"):
        if len(new.get(group, ())) != len(old.get(group, ())):
            yield forbidden(f"spec.{group}", "pod updates may not add or remove containers")
            return
    yield from _check_added_tolerations(new, old)
    gates = [gate for gate in new.get("schedulingGates", ()) if gate not in old.get("schedulingGates", ())]
    if gates:
        yield forbidden("spec.schedulingGates", "only deletion is allowed, but found new scheduling gates")
    fixed_new, fixed_old = _fixed(new), _fixed(old)
    if fixed_new != fixed_old:
        changes = list(_differences(fixed_old, fixed_new, "spec"))[:_MAX_DIFFERENCES]
        yield forbidden("spec", "\n  ".join([_MAY_CHANGE, *changes]))


def _check_added_tolerations(new: Json, old: Json) -> Iterator[Cause]:
    kept = [_without_seconds(toleration) for toleration in new.get("tolerations", ())]
    if any(_without_seconds(toleration) not in kept for toleration in old.get("tolerations", ())):
        yield forbidden(
            "spec.tolerations", "existing toleration can not be modified except its tolerationSeconds"
        )


def _without_seconds(toleration: Json) -> dict[str, Any]:
    return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}


def _fixed(spec: Json) -> dict[str, Any]:
    """Give the part of a Pod's spec that never changes."""
    free = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates")
    fixed = {key: value for key, value in spec.items() if key not in free}
    for group in ("containers", "initContainers"):
        if group in fixed:
            fixed[group] = [
                {key: value for key, value in container.items() if key != "image"}
                for container in fixed[group]
            ]
    return fixed


def _differences(old: Any, new: Any, path: str) -> Iterator[str]:
    """Name the places where two values differ, so that the user finds them."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(before, after, f"{path}[{index}]")
    elif old != new:
        yield f"{path}: {shown(old)} may not become {shown(new)}"
