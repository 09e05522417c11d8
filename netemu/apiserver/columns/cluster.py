"""The columns of Nodes, Namespaces, ConfigMaps, Secrets, ServiceAccounts and Events. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from netemu.api.client import Object
from netemu.apiserver.columns.column import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    Cell,
    Column,
    age_since,
    column,
    count,
    field,
    joined,
)

ROLE_LABEL = "node-role.kubernetes.io/"


def _node_status(node: Object) -> str:
    ready = next((c for c in field(node, "status", "conditions") or () if c["type"] == "Ready"), None)
    words = ["Unknown"]
    if ready is not None:
        words = ["Ready" if ready["status"] == "True" else "NotReady"]
    if field(node, "spec", "unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _roles(node: Object) -> str:
    labels = node["metadata"].get("labels") or {}
    roles = {key.removeprefix(ROLE_LABEL) for key in labels if key.startswith(ROLE_LABEL)}
    if labels.get("kubernetes.io/role"):
        roles.add(labels["kubernetes.io/role"])
    return joined(sorted(roles - {""}))


def _address(node: Object, kind: str) -> str:
    addresses = field(node, "status", "addresses") or ()
    return next((a["address"] for a in addresses if a["type"] == kind), NONE)


def _info(node: Object, name: str) -> str:
    return field(node, "status", "nodeInfo", name) or UNKNOWN


NODES: tuple[Column, ...] = (
    NAME,
    column("Status", _node_status),
    column("Roles", _roles),
    AGE,
    column("Version", lambda obj: field(obj, "status", "nodeInfo", "kubeletVersion") or ""),
    column("Internal-IP", lambda obj: _address(obj, "InternalIP"), wide=True),
    column("External-IP", lambda obj: _address(obj, "ExternalIP"), wide=True),
    column("OS-Image", lambda obj: _info(obj, "osImage"), wide=True),
    column("Kernel-Version", lambda obj: _info(obj, "kernelVersion"), wide=True),
    column("Container-Runtime", lambda obj: _info(obj, "containerRuntimeVersion"), wide=True),
)
NAMESPACES: tuple[Column, ...] = (
    NAME,
    column("Status", lambda obj: field(obj, "status", "phase") or ""),
    AGE,
)


def _data_size(obj: Object) -> int:
    return len(obj.get("data") or ()) + len(obj.get("binaryData") or ())


CONFIG_MAPS: tuple[Column, ...] = (NAME, count("Data", _data_size), AGE)
SECRETS: tuple[Column, ...] = (
    NAME,
    column("Type", lambda obj: obj.get("type", "")),
    count("Data", _data_size),
    AGE,
)
SERVICE_ACCOUNTS: tuple[Column, ...] = (
    NAME,
    count("Secrets", lambda obj: len(obj.get("secrets") or ())),
    AGE,
)


def _first_seen(event: Object) -> str | None:
    return event.get("firstTimestamp") or event.get("eventTime")


def _last_seen(event: Object, now_s: float) -> str:
    seen = field(event, "series", "lastObservedTime") or event.get("lastTimestamp") or _first_seen(event)
    return age_since(seen, now_s)


def _involved(event: Object) -> str:
    regarding: dict[str, Any] = event.get("involvedObject") or {}
    return f"{regarding.get('kind', '').lower()}/{regarding.get('name', '')}"


def _source(event: Object) -> str:
    source: dict[str, str] = event.get("source") or {}
    component = source.get("component") or event.get("reportingComponent") or ""
    host = source.get("host") or event.get("reportingInstance") or ""
    return joined((part for part in (component, host) if part), empty="")


def _count(event: Object) -> int:
    return int(field(event, "series", "count") or event.get("count") or 1)


EVENTS: tuple[Column, ...] = (
    Column("Last Seen", _last_seen),
    column("Type", lambda obj: obj.get("type", "")),
    column("Reason", lambda obj: obj.get("reason", "")),
    column("Object", _involved),
    column("Subobject", lambda obj: field(obj, "involvedObject", "fieldPath") or "", wide=True),
    column("Source", _source, wide=True),
    column("Message", lambda obj: str(obj.get("message", "")).strip()),
    Column("First Seen", lambda obj, now_s: age_since(_first_seen(obj), now_s), wide=True),
    count("Count", _count, wide=True),
    Column("Name", NAME.cell, wide=True),
)


def _as_core(event: Object) -> Object:
    """Give an events.k8s.io Event under the names of a core one."""
    return {
        **event,
        "involvedObject": event.get("regarding"),
        "message": event.get("note"),
        "source": event.get("deprecatedSource"),
        "firstTimestamp": event.get("deprecatedFirstTimestamp"),
        "lastTimestamp": event.get("deprecatedLastTimestamp"),
        "count": event.get("deprecatedCount"),
        "reportingComponent": event.get("reportingController"),
    }


def _over_core(cell: Callable[[Object, float], Cell]) -> Callable[[Object, float], Cell]:
    return lambda event, now_s: cell(_as_core(event), now_s)


NEW_EVENTS: tuple[Column, ...] = tuple(replace(each, cell=_over_core(each.cell)) for each in EVENTS)


def _health(component: Object) -> Object:
    conditions = component.get("conditions") or ()
    return next((each for each in conditions if each["type"] == "Healthy"), {})


def _component_state(component: Object) -> str:
    return {"True": "Healthy", "False": "Unhealthy"}.get(_health(component).get("status", ""), "Unknown")


COMPONENT_STATUSES: tuple[Column, ...] = (
    NAME,
    column("Status", _component_state),
    column("Message", lambda obj: _health(obj).get("message") or ""),
    column("Error", lambda obj: _health(obj).get("error") or ""),
)
RUNTIME_CLASSES: tuple[Column, ...] = (
    NAME,
    column("Handler", lambda obj: str(obj.get("handler") or "")),
    AGE,
)
