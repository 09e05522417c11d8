"""LimitRanges: what containers of a namespace get when they say nothing, and what they may ask for. Pure.

Source: kubernetes ``plugin/pkg/admission/limitranger``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import PERSISTENT_VOLUME_CLAIM, POD, Kind
from netemu.api.quantity import parse
from netemu.apiserver import words

Raw = dict[str, Any]
Find = Callable[[Kind, str, str], Object]
ANNOTATION = "kubernetes.io/limit-ranger"


class LimitRangeAdmission:
    """Fills in and checks new Pods and claims. ``ranges`` lists the LimitRanges of a namespace."""

    def __init__(self, ranges: Callable[[str], Iterable[Object]]) -> None:
        self._ranges = ranges

    def __call__(self, kind: Kind, obj: Object, _find: Find) -> Object:
        """Give a new object as it is stored.

        Raises:
            ForbiddenError: it asks for less or more than its namespace allows.

        """
        if kind not in (POD, PERSISTENT_VOLUME_CLAIM):
            return obj
        items = [
            item
            for each in self._ranges(obj["metadata"]["namespace"])
            for item in each["spec"].get("limits") or ()
        ]
        if kind is POD:
            for item in items:
                obj = _filled(obj, item) if item.get("type") == "Container" else obj
        problems = [why for item in items for why in _problems(kind, obj, item)]
        if problems:
            why = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
            raise words.forbidden(kind, obj["metadata"]["name"], why)
        return obj


def _filled(pod: Object, item: Raw) -> Object:
    """Give the containers that name no limit or request the range's own, and note that."""
    spec, notes = dict(pod["spec"]), []
    for key, called in (("containers", "container"), ("initContainers", "init container")):
        filled = []
        for container in spec.get(key) or ():
            resources = container.get("resources") or {}
            requests = _missing(resources.get("requests"), item.get("defaultRequest"))
            limits = _missing(resources.get("limits"), item.get("default"))
            name = container.get("name", "")
            for wish, given in (("request", requests), ("limit", limits)):
                if given:
                    notes.append(f"{', '.join(sorted(given))} {wish} for {called} {name}")
            filled.append(_with_resources(container, resources, requests, limits))
        if filled:
            spec[key] = filled
    if not notes:
        return pod
    annotations = {**(pod["metadata"].get("annotations") or {})}
    annotations[ANNOTATION] = f"LimitRanger plugin set: {'; '.join(notes)}"
    return {**pod, "metadata": {**pod["metadata"], "annotations": annotations}, "spec": spec}


def _missing(own: Raw | None, defaults: Raw | None) -> Raw:
    return {name: value for name, value in (defaults or {}).items() if name not in (own or {})}


def _with_resources(container: Raw, resources: Raw, requests: Raw, limits: Raw) -> Raw:
    if not requests and not limits:
        return container
    new = dict(resources)
    if requests:
        new["requests"] = {**(resources.get("requests") or {}), **requests}
    if limits:
        new["limits"] = {**(resources.get("limits") or {}), **limits}
    return {**container, "resources": new}


def _problems(kind: Kind, obj: Object, item: Raw) -> Iterator[str]:
    of = item.get("type") or ""
    if kind is PERSISTENT_VOLUME_CLAIM:
        if of == kind.kind:
            yield from _outside(of, item, obj["spec"].get("resources") or {})
    elif of == "Container":
        for container in [*(obj["spec"].get("containers") or ()), *(obj["spec"].get("initContainers") or ())]:
            yield from _outside(of, item, container.get("resources") or {})
    elif of == "Pod":
        yield from _outside(of, item, _pod_resources(obj["spec"]))


def _outside(of: str, item: Raw, resources: Raw) -> Iterator[str]:
    """Say what a range does not allow of requests and limits."""
    requests, limits = (resources.get(key) or {} for key in ("requests", "limits"))
    needs_limit = of != PERSISTENT_VOLUME_CLAIM.kind
    for name, least in sorted((item.get("min") or {}).items()):
        said = f"minimum {name} usage per {of} is {least}"
        if name not in requests:
            yield f"{said}.  No request is specified"
        elif parse(requests[name]) < parse(least):
            yield f"{said}, but request is {requests[name]}"
        elif name in limits and parse(limits[name]) < parse(least):
            yield f"{said}, but limit is {limits[name]}"
    for name, most in sorted((item.get("max") or {}).items()):
        said = f"maximum {name} usage per {of} is {most}"
        if needs_limit and name not in limits:
            yield f"{said}.  No limit is specified"
        elif name in limits and parse(limits[name]) > parse(most):
            yield f"{said}, but limit is {limits[name]}"
        elif name in requests and parse(requests[name]) > parse(most):
            yield f"{said}, but request is {requests[name]}"
    yield from _too_far_apart(of, item, requests, limits)


def _too_far_apart(of: str, item: Raw, requests: Raw, limits: Raw) -> Iterator[str]:
    for name, most in sorted((item.get("maxLimitRequestRatio") or {}).items()):
        said = f"{name} max limit to request ratio per {of} is {most}, but"
        if name not in requests or name not in limits or not parse(requests[name]):
            yield f"{said} no request is specified or request is 0"
            continue
        ratio = parse(limits[name]) / parse(requests[name])
        if ratio > parse(most):
            yield f"{said} provided ratio is {float(ratio):f}"


def _pod_resources(spec: Raw) -> Raw:
    """Add up what the containers of a pod say; the greatest init container counts if it is more."""
    return {key: _added(spec, key) for key in ("requests", "limits")}


def _added(spec: Raw, key: str) -> Raw:
    total: dict[str, Any] = {}
    for container in spec.get("containers") or ():
        for name, value in ((container.get("resources") or {}).get(key) or {}).items():
            total[name] = total.get(name, 0) + parse(value)
    for container in spec.get("initContainers") or ():
        for name, value in ((container.get("resources") or {}).get(key) or {}).items():
            total[name] = max(total.get(name, 0), parse(value))
    return {name: str(float(value)).removesuffix(".0") for name, value in total.items()}
