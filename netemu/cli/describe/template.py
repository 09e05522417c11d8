"""The pod template of a workload."""

from __future__ import annotations

from netemu.cli.describe.containers import write_containers
from netemu.cli.describe.head import Object
from netemu.cli.describe.scheduling import write_scheduling
from netemu.cli.describe.sheet import Sheet
from netemu.cli.describe.volumes import write_volumes


def write_template(sheet: Sheet, template: Object) -> None:
    """Write what the pods of a workload are made of."""
    spec = template.get("spec") or {}
    meta = template.get("metadata") or {}
    sheet.write(0, "Pod Template:")
    sheet.mapping("Labels:", meta.get("labels") or {}, indent=1)
    if meta.get("annotations"):
        sheet.mapping("Annotations:", meta["annotations"], separator=": ", indent=1)
    if spec.get("serviceAccountName"):
        sheet.write(1, "Service Account:", spec["serviceAccountName"])
    write_containers(sheet, "Init Containers:", spec.get("initContainers") or (), (), 1)
    write_containers(sheet, "Containers:", spec.get("containers") or (), (), 1)
    if spec.get("volumes"):
        write_volumes(sheet, spec["volumes"], indent=1)
    else:
        sheet.write(1, "Volumes:", "<none>")
    write_scheduling(sheet, spec, indent=1)
