"""Which nodes a pod may be on."""

from __future__ import annotations

from netemu.cli.describe.head import Object
from netemu.cli.describe.sheet import Sheet


def write_scheduling(sheet: Sheet, spec: Object, *, indent: int = 0) -> None:
    """Write node selectors and tolerations."""
    sheet.mapping("Node-Selectors:", spec.get("nodeSelector") or {}, indent=indent)
    tolerations = [_render_toleration(toleration) for toleration in spec.get("tolerations") or ()]
    for head, text in zip(
        ["Tolerations:", *[""] * len(tolerations)], tolerations or ["<none>"], strict=False
    ):
        sheet.write(indent, head, text)


def _render_toleration(toleration: Object) -> str:
    key, value, effect = (toleration.get(word) or "" for word in ("key", "value", "effect"))
    text = f"{key}={value}" if value else key
    text += f":{effect}" if effect else ""
    if toleration.get("operator") == "Exists" and not value:
        text += " op=Exists" if text else "op=Exists"
    if toleration.get("tolerationSeconds") is not None:
        text += f" for {toleration['tolerationSeconds']}s"
    return text
