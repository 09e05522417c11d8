"""Parts of objects that are written on their own: binding, scale, finalize. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netemu.api import schema
from netemu.api.client import Object
from netemu.api.crd.version import ScalePaths
from netemu.api.errors import Cause, InvalidError
from netemu.api.kinds import NODE, POD, Kind
from netemu.api.validation import invalid
from netemu.apiserver import words
from netemu.clock import format_rfc3339

SCALE_API_VERSION = "autoscaling/v1"


def bound(pod: Object, binding: Object, now_s: float) -> Object:
    """Give a Pod that gets the node that a Binding names, and the Binding's labels and annotations.

    Raises:
        InvalidError: the binding names no node.
        ConflictError: the Pod has a node, or is going away.

    """
    name = pod["metadata"]["name"]
    target = binding.get("target") or {}
    node = target.get("name", "")
    if not node or target.get("kind", NODE.kind) not in ("", NODE.kind, "Minion"):
        cause = Cause(field="target.name", message="Required value", reason="FieldValueRequired")
        raise invalid(POD, name, (cause,))
    if "deletionTimestamp" in pod["metadata"]:
        why = f"pod {name} is being deleted, cannot be assigned to a host"
        raise words.conflict(POD, name, why, subresource="binding")
    taken = pod["spec"].get("nodeName")
    if taken:
        why = f'pod {name} is already assigned to node "{taken}"'
        raise words.conflict(POD, name, why, subresource="binding")
    if pod["spec"].get("schedulingGates"):
        why = f"pod {name} has non-empty .spec.schedulingGates"
        raise words.conflict(POD, name, why, subresource="binding")
    # The room that was made for it is taken now.
    status = {field: value for field, value in pod.get("status", {}).items() if field != "nominatedNodeName"}
    meta, given = pod["metadata"], binding["metadata"]
    brought = {
        word: {**(meta.get(word) or {}), **given[word]}
        for word in ("labels", "annotations")
        if given.get(word)
    }
    return {
        **pod,
        "metadata": {**meta, **brought},
        "spec": {**pod["spec"], "nodeName": node},
        "status": {**status, "conditions": _scheduled(status.get("conditions", ()), now_s)},
    }


def scale_of(kind: Kind, obj: Object) -> Object:
    """Read a workload, or an object whose definition says how, as an autoscaling/v1 Scale."""
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": SCALE_API_VERSION,
        "metadata": {key: meta[key] for key in kept if key in meta},
        **_scale_values(kind, obj),
    }


def scaled(kind: Kind, obj: Object, scale: Object) -> Object:
    """Give a workload with the replicas that a Scale asks for.

    Raises:
        BadRequestError: it is no Scale.
        InvalidError: the number is negative.

    """
    schema.check_sent("Scale", "autoscaling", "v1", scale)
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if replicas < 0:
        raise _bad_replicas(kind, obj, replicas)
    meta = {**obj["metadata"], "resourceVersion": scale.get("metadata", {}).get("resourceVersion", "")}
    paths = _scale_paths(kind)
    return {**_with_value(obj, paths.spec_replicas, replicas), "metadata": meta}


def _scale_paths(kind: Kind) -> ScalePaths:
    return (kind.custom.scale if kind.custom is not None else None) or _WORKLOAD


def _scale_values(kind: Kind, obj: Object) -> dict[str, Any]:
    if kind.custom is None:
        return {
            "spec": {"replicas": obj["spec"].get("replicas", 1)},
            "status": {
                "replicas": obj.get("status", {}).get("replicas", 0),
                "selector": _selector_text(obj["spec"].get("selector") or {}),
            },
        }
    paths = _scale_paths(kind)
    status = {"replicas": _value(obj, paths.status_replicas) or 0}
    selector = _value(obj, paths.selector) if paths.selector else None
    if selector:
        status["selector"] = selector
    return {"spec": {"replicas": _value(obj, paths.spec_replicas) or 0}, "status": status}


def _selector_text(selector: dict[str, Any]) -> str:
    """Write the selector of a workload; that of a ReplicationController is a map of labels."""
    is_plain = not selector.keys() <= {"matchLabels", "matchExpressions"}
    return render_selector({"matchLabels": selector} if is_plain else selector)


def _value(obj: Object, path: Sequence[str]) -> Any:
    value: Any = obj
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _with_value(obj: Object, path: Sequence[str], value: Any) -> Object:
    name, *rest = path
    below = obj.get(name)
    return {
        **obj,
        name: _with_value(below if isinstance(below, dict) else {}, rest, value) if rest else value,
    }


_WORKLOAD = ScalePaths(spec_replicas=("spec", "replicas"), status_replicas=("status", "replicas"))


def finalized(namespace: Object, given: Object) -> Object:
    """Give a Namespace with the finalizers that its emptier left."""
    spec = {**namespace.get("spec", {}), "finalizers": given.get("spec", {}).get("finalizers") or []}
    return {**namespace, "spec": spec}


def with_ephemeral(pod: Object, given: Object) -> Object:
    """Give a Pod with more ephemeral containers; those that it has stay as they are.

    Raises:
        InvalidError: one of them is changed or missing, or a new one has no name or image.

    """
    had = pod["spec"].get("ephemeralContainers") or []
    wanted = (given.get("spec") or {}).get("ephemeralContainers") or []
    taken = [one["name"] for one in (*pod["spec"]["containers"], *pod["spec"].get("initContainers", ()))]
    causes = []
    for index, one in enumerate(wanted):
        where = f"spec.ephemeralContainers[{index}]"
        for field in ("name", "image"):
            if not one.get(field):
                message, reason = "Required value", "FieldValueRequired"
                causes.append(Cause(field=f"{where}.{field}", message=message, reason=reason))  # type: ignore[arg-type]
        if one.get("name") in taken:
            message = f'Duplicate value: "{one["name"]}"'
            causes.append(Cause(field=f"{where}.name", message=message, reason="FieldValueDuplicate"))
        taken.append(one.get("name"))
    kept = {one.get("name"): one for one in wanted}
    for one in had:
        now = kept.get(one["name"])
        if now is None or any(one[key] != now[key] for key in one.keys() & now.keys()):
            message = "Forbidden: existing ephemeral containers may not be changed or removed"
            causes.append(
                Cause(field="spec.ephemeralContainers", message=message, reason="FieldValueForbidden")
            )
    if causes:
        raise invalid(POD, pod["metadata"]["name"], tuple(causes))
    return {**pod, "spec": {**pod["spec"], "ephemeralContainers": wanted}}


def resized(pod: Object, given: Object) -> Object:
    """Give a Pod whose containers have other resources."""
    wanted = {one.get("name"): one for one in (given.get("spec") or {}).get("containers") or ()}
    containers = [
        {**one, "resources": wanted.get(one["name"], one).get("resources", {})}
        for one in pod["spec"]["containers"]
    ]
    return {**pod, "spec": {**pod["spec"], "containers": containers}}


def render_selector(selector: dict[str, Any]) -> str:
    """Write a label selector as text, as ``kubectl -l`` takes it."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    parts += [_render_requirement(r) for r in selector.get("matchExpressions") or ()]
    return ",".join(parts)


def _render_requirement(requirement: dict[str, Any]) -> str:
    key, values = requirement["key"], ",".join(sorted(requirement.get("values") or ()))
    match requirement["operator"]:
        case "In":
            return f"{key} in ({values})"
        case "NotIn":
            return f"{key} notin ({values})"
        case "Exists":
            return str(key)
        case _:
            return f"!{key}"


def _scheduled(conditions: Any, now_s: float) -> list[dict[str, Any]]:
    others = [c for c in conditions if c["type"] != "PodScheduled"]
    done = {
        "type": "PodScheduled",
        "status": "True",
        "lastTransitionTime": format_rfc3339(now_s),
    }
    return [*others, done]


def _bad_replicas(kind: Kind, obj: Object, replicas: Any) -> InvalidError:
    message = f"Invalid value: {replicas}: must be greater than or equal to 0"
    return invalid(kind, obj["metadata"]["name"], (Cause(field="spec.replicas", message=message),))
