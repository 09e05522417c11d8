"""Nodes."""

from __future__ import annotations

from collections.abc import Sequence

from netemu.apiserver.columns.column import age_since
from netemu.cli.describe.head import Object, write_labels, write_name
from netemu.cli.describe.sheet import Sheet, render_time

_ROLE = "node-role.kubernetes.io/"


def write_node(sheet: Sheet, node: Object, pods: Sequence[Object], now_s: float) -> None:
    """Write everything about a node but its events."""
    spec, status = node.get("spec") or {}, node.get("status") or {}
    labels = node["metadata"].get("labels") or {}
    roles = [label.removeprefix(_ROLE) for label in labels if label.startswith(_ROLE)]
    write_name(sheet, node)
    sheet.write(0, "Roles:", ",".join(sorted(roles)) or "<none>")
    write_labels(sheet, node)
    sheet.write(0, "CreationTimestamp:", render_time(node["metadata"].get("creationTimestamp")))
    _write_taints(sheet, spec.get("taints") or ())
    sheet.write(0, "Unschedulable:", str(bool(spec.get("unschedulable"))).lower())
    _write_conditions(sheet, status.get("conditions") or ())
    _write_addresses(sheet, status)
    for title, key in (("Capacity:", "capacity"), ("Allocatable:", "allocatable")):
        sheet.write(0, title)
        for name, quantity in sorted((status.get(key) or {}).items()):
            sheet.write(1, f"{name}:", quantity)
    _write_system(sheet, status.get("nodeInfo") or {})
    if spec.get("podCIDR"):
        sheet.write(0, "PodCIDR:", spec["podCIDR"])
        sheet.write(0, "PodCIDRs:", ",".join(spec.get("podCIDRs") or ()))
    _write_pods(sheet, pods, now_s)


def _write_taints(sheet: Sheet, taints: Sequence[Object]) -> None:
    texts = [f"{_key_value(taint)}:{taint['effect']}" for taint in taints] or ["<none>"]
    for head, text in zip(["Taints:", *[""] * len(texts)], texts, strict=False):
        sheet.write(0, head, text)


def _key_value(taint: Object) -> str:
    return f"{taint['key']}={taint['value']}" if taint.get("value") else str(taint["key"])


def _write_conditions(sheet: Sheet, conditions: Sequence[Object]) -> None:
    if not conditions:
        return
    sheet.write(0, "Conditions:")
    sheet.table(
        1,
        ("Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message"),
        [
            (
                f"{condition['type']} ",  # kubectl ends these cells with a space, too
                f"{condition['status']} ",
                f"{render_time(condition.get('lastHeartbeatTime'))} ",
                f"{render_time(condition.get('lastTransitionTime'))} ",
                f"{condition.get('reason', '')} ",
                condition.get("message", ""),
            )
            for condition in conditions
        ],
    )


def _write_addresses(sheet: Sheet, status: Object) -> None:
    sheet.write(0, "Addresses:")
    for address in status.get("addresses") or ():
        sheet.write(1, f"{address['type']}:", address["address"])


def _write_system(sheet: Sheet, info: Object) -> None:
    titles = {
        "kernelVersion": "Kernel Version:",
        "osImage": "OS Image:",
        "containerRuntimeVersion": "Container Runtime Version:",
        "kubeletVersion": "Kubelet Version:",
    }
    if info:
        sheet.write(0, "System Info:")
    for key, title in titles.items():
        if key in info:
            sheet.write(1, title, info[key])


def _write_pods(sheet: Sheet, pods: Sequence[Object], now_s: float) -> None:
    living = [pod for pod in pods if (pod.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}]
    sheet.write(0, "Non-terminated Pods:", f"({len(living)} in total)")
    if living:
        sheet.table(
            1,
            ("Namespace", "Name", "IP", "Age"),
            [
                (
                    pod["metadata"]["namespace"],
                    pod["metadata"]["name"],
                    (pod.get("status") or {}).get("podIP", "<none>"),
                    age_since(pod["metadata"].get("creationTimestamp"), now_s),
                )
                for pod in sorted(living, key=lambda p: (p["metadata"]["namespace"], p["metadata"]["name"]))
            ],
        )
