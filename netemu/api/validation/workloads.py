"""The rules of Deployment, ReplicaSet, DaemonSet and StatefulSet.

Source: kubernetes ``pkg/apis/apps/validation``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api.causes import (
    bad_value,
    forbidden,
    immutable,
    not_negative,
    one_of,
    required,
)
from netemu.api.client import Object
from netemu.api.errors import Cause
from netemu.api.selectors import matches
from netemu.api.validation.meta import check_annotations, check_labels
from netemu.api.validation.pods import check_pod_spec
from netemu.api.validation.selectors import check_label_selector
from netemu.api.views import view
from netemu.api.views.meta import LabelSelector

PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex "
    "used for validation is '[0-9]+%')"
)
_STATEFUL_SET_MAY_CHANGE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)

Json = Mapping[str, Any]


def check_deployment(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a Deployment."""
    spec = new["spec"]
    yield from _check_common(new, old, "deployment")
    yield from _check_strategy(spec.get("strategy", {}), "spec.strategy", ("Recreate", "RollingUpdate"))
    deadline, ready = spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds", 0)
    yield from not_negative("spec.progressDeadlineSeconds", deadline)
    if deadline is not None and deadline <= ready:
        yield bad_value("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def check_replica_set(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a ReplicaSet."""
    yield from _check_common(new, old, "replicaset")


def check_daemon_set(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a DaemonSet."""
    yield from _check_common(new, old, "daemonset")
    strategy = new["spec"].get("updateStrategy", {})
    yield from one_of("spec.updateStrategy.type", strategy.get("type"), ("OnDelete", "RollingUpdate"))
    rolling, path = strategy.get("rollingUpdate"), "spec.updateStrategy.rollingUpdate"
    if rolling is None:
        return
    surge, unavailable = rolling.get("maxSurge", 0), rolling.get("maxUnavailable", 0)
    broken = _broken_amounts(path, unavailable, surge)
    yield from broken
    if broken:
        return
    if _amount(unavailable) and _amount(surge):
        yield bad_value(f"{path}.maxSurge", surge, "may not be set when maxUnavailable is non-zero")
    elif not _amount(unavailable) and not _amount(surge):
        yield required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0")


def check_stateful_set(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a StatefulSet."""
    spec = new["spec"]
    yield from _check_common({**new, "spec": _with_claims(spec)}, None, "statefulset")
    yield from one_of(
        "spec.podManagementPolicy", spec.get("podManagementPolicy"), ("OrderedReady", "Parallel")
    )
    strategy = spec.get("updateStrategy", {})
    yield from one_of("spec.updateStrategy.type", strategy.get("type"), ("OnDelete", "RollingUpdate"))
    rolling = strategy.get("rollingUpdate") or {}
    yield from not_negative("spec.updateStrategy.rollingUpdate.partition", rolling.get("partition"))
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for when in ("whenDeleted", "whenScaled"):
        path = f"spec.persistentVolumeClaimRetentionPolicy.{when}"
        yield from one_of(path, retention.get(when), ("Delete", "Retain"))
    if old is not None and _fixed(spec) != _fixed(old["spec"]):
        named = [f"'{name}'" for name in _STATEFUL_SET_MAY_CHANGE]
        free = f"{', '.join(named[:-1])} and {named[-1]}"
        yield forbidden("spec", f"updates to statefulset spec for fields other than {free} are forbidden")


def _with_claims(spec: Json) -> Json:
    """Give a spec whose template has the volumes that the claims of each pod will be."""
    claims = [
        {"name": each.get("metadata", {}).get("name", "")} for each in spec.get("volumeClaimTemplates", ())
    ]
    if not claims or "template" not in spec:
        return spec
    template = spec["template"]
    pod = template.get("spec") or {}
    volumes = [{**claim, "persistentVolumeClaim": {"claimName": claim["name"]}} for claim in claims]
    named = {claim["name"] for claim in claims}
    others = [volume for volume in pod.get("volumes", ()) if volume.get("name") not in named]
    return {**spec, "template": {**template, "spec": {**pod, "volumes": [*others, *volumes]}}}


def _fixed(spec: Json) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key not in _STATEFUL_SET_MAY_CHANGE}


def _check_common(new: Object, old: Object | None, name: str) -> Iterator[Cause]:
    spec = new["spec"]
    for key in ("replicas", "minReadySeconds", "revisionHistoryLimit"):
        yield from not_negative(f"spec.{key}", spec.get(key))
    template = spec.get("template", {})
    labels = template.get("metadata", {}).get("labels", {})
    yield from _check_selector(spec.get("selector"), labels, name)
    if old is not None and spec.get("selector") != old["spec"].get("selector"):
        yield immutable("spec.selector", spec.get("selector"))
    if old is None or template != old["spec"].get("template"):
        yield from _check_template(template)


def _check_selector(selector: Json | None, labels: Json, name: str) -> Iterator[Cause]:
    if selector is None:
        yield required("spec.selector")
        return
    broken = list(check_label_selector(selector, "spec.selector"))
    yield from broken
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield bad_value("spec.selector", selector, f"empty selector is invalid for {name}")
    elif not broken and not matches(view(LabelSelector, selector), labels):
        yield bad_value(
            "spec.template.metadata.labels", labels, "`selector` does not match template `labels`"
        )


def _check_template(template: Json) -> Iterator[Cause]:
    metadata, spec = template.get("metadata", {}), template.get("spec", {})
    yield from check_labels("spec.template.metadata.labels", metadata.get("labels", {}))
    yield from check_annotations("spec.template.metadata.annotations", metadata.get("annotations", {}))
    yield from check_pod_spec(spec, "spec.template.spec", is_pod=False)
    if spec.get("restartPolicy") in ("Never", "OnFailure"):
        yield from one_of("spec.template.spec.restartPolicy", spec["restartPolicy"], ("Always",))
    if "activeDeadlineSeconds" in spec:
        yield forbidden(
            "spec.template.spec.activeDeadlineSeconds",
            "activeDeadlineSeconds in ReplicaSet is not Supported",
        )


def _check_strategy(strategy: Json, path: str, types: tuple[str, ...]) -> Iterator[Cause]:
    yield from one_of(f"{path}.type", strategy.get("type"), types)
    rolling = strategy.get("rollingUpdate")
    if rolling is None:
        return
    if strategy.get("type") == "Recreate":
        yield forbidden(f"{path}.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
        return
    surge, unavailable = rolling.get("maxSurge", 0), rolling.get("maxUnavailable", 0)
    broken = _broken_amounts(f"{path}.rollingUpdate", unavailable, surge)
    yield from broken
    if broken:
        return
    if not _amount(unavailable) and not _amount(surge):
        yield bad_value(
            f"{path}.rollingUpdate.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"
        )
    if isinstance(unavailable, str) and _amount(unavailable) > 100:
        yield bad_value(f"{path}.rollingUpdate.maxUnavailable", unavailable, "must not be greater than 100%")


def _broken_amounts(path: str, unavailable: int | str, surge: int | str) -> list[Cause]:
    return [
        *_check_amount(f"{path}.maxUnavailable", unavailable),
        *_check_amount(f"{path}.maxSurge", surge),
    ]


def _check_amount(field: str, amount: int | str) -> Iterator[Cause]:
    if isinstance(amount, int):
        yield from not_negative(field, amount)
    elif not re.fullmatch("[0-9]{1,9}%", amount):
        yield bad_value(field, amount, PERCENT)


def _amount(amount: int | str) -> int:
    return amount if isinstance(amount, int) else int(amount.removesuffix("%"))
