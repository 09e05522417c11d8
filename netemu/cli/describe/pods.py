"""Pods."""

from __future__ import annotations

from netemu.cli.describe.containers import write_containers
from netemu.cli.describe.head import Object, write_controller, write_labels, write_name
from netemu.cli.describe.scheduling import write_scheduling
from netemu.cli.describe.sheet import Sheet, render_time
from netemu.cli.describe.volumes import write_volumes


def write_pod(sheet: Sheet, pod: Object) -> None:
    """Write everything about a pod but its events."""
    spec, status = pod["spec"], pod.get("status") or {}
    _write_top(sheet, pod)
    sheet.write(0, "Status:", _phase(pod))
    for key in ("reason", "message"):
        if status.get(key):
            sheet.write(0, f"{key.capitalize()}:", status[key])
    _write_addresses(sheet, status)
    write_controller(sheet, pod)
    write_containers(
        sheet,
        "Init Containers:",
        spec.get("initContainers") or (),
        status.get("initContainerStatuses") or (),
        0,
    )
    write_containers(sheet, "Containers:", spec["containers"], status.get("containerStatuses") or (), 0)
    if status.get("conditions"):
        sheet.write(0, "Conditions:")
        sheet.write(1, "Type", "Status")
        for condition in status["conditions"]:
            sheet.write(1, f"{condition['type']} ", condition["status"])
    if spec.get("volumes"):
        write_volumes(sheet, spec["volumes"])
    if status.get("qosClass"):
        sheet.write(0, "QoS Class:", status["qosClass"])
    write_scheduling(sheet, spec)


def _write_top(sheet: Sheet, pod: Object) -> None:
    spec, status = pod["spec"], pod.get("status") or {}
    write_name(sheet, pod)
    sheet.write(0, "Priority:", spec.get("priority", 0))
    sheet.write(0, "Service Account:", spec.get("serviceAccountName") or "default")
    node = spec.get("nodeName")
    sheet.write(0, "Node:", f"{node}/{status.get('hostIP', '')}" if node else "<none>")
    if status.get("startTime"):
        sheet.write(0, "Start Time:", render_time(status["startTime"]))
    write_labels(sheet, pod)


def _phase(pod: Object) -> str:
    deleted = pod["metadata"].get("deletionTimestamp")
    if deleted:
        return f"Terminating (since {render_time(deleted)})"
    return str((pod.get("status") or {}).get("phase", ""))


def _write_addresses(sheet: Sheet, status: Object) -> None:
    sheet.write(0, "IP:", status.get("podIP", ""))
    addresses = status.get("podIPs") or ()
    if not addresses:
        sheet.write(0, "IPs:", "<none>")
        return
    sheet.write(0, "IPs:")
    for address in addresses:
        sheet.write(1, "IP:", address["ip"])
